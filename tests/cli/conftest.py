import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from metaqnn.cli import run

sys.path.insert(0, str(Path(__file__).parents[1] / "replay"))  # for the helper small_searches


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def metaqnn(monkeypatch, capsys):
    """Run the command line in this process, on a screen of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")

    def call(*words) -> Result:
        monkeypatch.setattr(sys, "argv", ["metaqnn", *map(str, words)])
        code = 0
        try:
            run()
        except SystemExit as ended:
            code = ended.code
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return call


@pytest.fixture
def refused(metaqnn, tmp_path):
    """Run a command that must end in one sentence and code 2, and change no file; returns the sentence."""

    def call(*words) -> str:
        before = files(tmp_path)
        result = metaqnn(*words)
        assert result.code == 2, result
        assert result.err.startswith("metaqnn: ")
        assert result.err.endswith("\n")
        assert result.err.count("\n") == 1, result.err
        after = files(tmp_path)
        assert {path: after.get(path) for path in before} == before
        return result.err.removeprefix("metaqnn: ").rstrip("\n")

    return call


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its content."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(autouse=True)
def own_place(tmp_path, monkeypatch):
    """No test leaves a database in the checkout, sees the machine's data or reaches a network."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("METAQNN_DATA", raising=False)
    monkeypatch.setenv("METAQNN_CACHE", str(tmp_path / "cache"))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # the discard port: refused at once


@pytest.fixture(scope="session")
def finished_once(tmp_path_factory):
    """The file of a finished small search, not to be changed."""
    from small_searches import run_small

    path = tmp_path_factory.mktemp("finished") / "small.sqlite"
    run_small(path)
    return path


@pytest.fixture
def finished(finished_once, tmp_path):
    """A finished small search of one's own: 12 models, of which three failed."""
    return shutil.copy(finished_once, tmp_path / "small.sqlite")


@pytest.fixture
def small_yaml(tmp_path):
    """The small experiment as a file."""
    from small_searches import SMALL_YAML

    path = tmp_path / "small.yaml"
    path.write_text(SMALL_YAML, encoding="utf-8")
    return path


@pytest.fixture
def instant():
    """Every search of this test asks a function instead of training."""
    from small_searches import judged

    with judged():
        yield
