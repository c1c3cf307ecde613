"""One example as its user has it: installed beside the built wheel, searched, killed, resumed, taken away again."""

import os
import random
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest
from databases import contents

from metaqnn.errors import ReplayError
from metaqnn.replay.reader import ReplayReader

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
NAME, MODELS = "countermeasures", 24
QUICK = ("--set", "evaluator.attacks=4", "--set", "evaluator.traces=150", "--set", "search.lookahead=2")


class Installation:
    """A fresh environment with the wheel and the example, and the libraries that stand here already."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.python = folder / "venv" / "bin" / "python"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
        site = next((folder / "venv" / "lib").glob("python3*")) / "site-packages"
        # Behind the environment's own packages; what is installed there as editable is not found this way.
        paths = [path for path in sys.path if Path(path).name == "site-packages"] or [sysconfig.get_path("purelib")]
        (site / "libraries.pth").write_text("\n".join(dict.fromkeys(paths)) + "\n")
        self.install(
            ROOT, ("metaqnn", "experiments", "setup.cfg", "setup.py", "pyproject.toml", "README.md", "LICENSE")
        )
        example = ROOT / "examples" / NAME
        self.install(example, [path.name for path in example.iterdir() if path.name != "__pycache__"])
        self.experiment = example / f"{NAME}.yaml"

    def install(self, source: Path, names) -> None:
        """From a copy, as building leaves files beside the sources."""
        copy = self.folder / "sources" / source.name
        copy.mkdir(parents=True)
        for name in names:
            path = source / name
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(path, copy / name, ignore=ignore) if path.is_dir() else shutil.copy(path, copy / name)
        wheels = self.folder / "wheels"
        self.pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels), str(copy))
        newest = max(wheels.glob("*.whl"), key=lambda path: path.stat().st_mtime_ns)
        self.pip("install", "--no-deps", "--no-index", str(newest))

    def pip(self, *arguments: str) -> None:
        self.run("-m", "pip", "--quiet", "--disable-pip-version-check", *arguments)

    def environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PYTEST", "PIP_"))}
        return kept | {"PIP_ROOT_USER_ACTION": "ignore"}

    def run(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess:
        ran = subprocess.run(
            [self.python, *arguments],
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == code, ran.stdout + ran.stderr
        assert "Traceback" not in ran.stderr
        return ran

    def metaqnn(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess:
        return self.run("-m", "metaqnn", *map(str, arguments), code=code)

    def search(self, database: Path, *options: str) -> list[str]:
        models = ("--models", str(MODELS))
        return ["-m", "metaqnn", "search", str(self.experiment), "--db", str(database), *models, *QUICK, *options]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    return Installation(tmp_path_factory.mktemp("installed"))


@pytest.fixture(scope="module")
def undisturbed(installed):
    database = installed.folder / "undisturbed.sqlite"
    installed.run(*installed.search(database))
    return database


def episodes(database: Path) -> int:
    try:
        with ReplayReader(database) as reader:
            return len(list(reader.episodes()))
    except ReplayError:  # it is just being made
        return 0


def test_two_workers_give_the_same_rows(installed, undisturbed):
    database = installed.folder / "two.sqlite"
    installed.run(*installed.search(database, "--workers", "2"))
    assert contents(database) == contents(undisturbed)


def test_killed_at_five_instants_and_resumed_it_is_the_same_search(installed, undisturbed):
    database = installed.folder / "killed.sqlite"
    for instant in sorted(random.Random(0).sample(range(1, MODELS - 1), 5)):
        process = subprocess.Popen(
            [installed.python, *installed.search(database)],
            cwd=installed.folder,
            env=installed.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while process.poll() is None and episodes(database) < instant:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert episodes(database) < MODELS
    installed.run(*installed.search(database))
    assert contents(database) == contents(undisturbed)


def test_what_looks_into_it_works_and_what_needs_the_plug_in_says_so_once_it_is_gone(installed, undisturbed):
    looks = [
        *(("replay", command, undisturbed) for command in ("summary", "top", "episodes", "curves", "q-values")),
        ("replay", "show", undisturbed, "1"),
    ]
    verified = ("replay", "verify", undisturbed)
    assert "verified" in installed.metaqnn(*verified).stdout
    table = ("compare", undisturbed, "--strategies", "random,linear_ucb", "--seeds", "2", "--evaluations", "8")
    installed.metaqnn(*table, "--out", installed.folder / "compare")
    said = [installed.metaqnn(*look).stdout for look in looks]
    assert "correlation_attack" in installed.metaqnn("plugins").stdout
    installed.pip("uninstall", "--yes", f"metaqnn-{NAME}")
    assert [installed.metaqnn(*look).stdout for look in looks] == said
    for command in (
        ("report", undisturbed, "--out", installed.folder / "report"),
        ("replay", "copy", undisturbed, installed.folder / "copy.sqlite"),
        ("replay", "export", undisturbed, "--layout", "tables", "--out", installed.folder / "tables"),
    ):
        installed.metaqnn(*command)
    page = (installed.folder / "report" / "report.html").read_text(encoding="utf-8")
    assert "guessing entropy" in page.lower().replace("_", " ")
    for command in (verified, ("resume", undisturbed), ("replay", "retry", undisturbed)):
        said_no = installed.metaqnn(*command, code=2).stderr
        assert f"pip install metaqnn-{NAME}==0.1.0" in said_no
        assert said_no.count("\n") == 1
