"""Commands on a machine that fails: one sentence and code 2, and the same command goes on."""

import os
import shlex
import signal
import subprocess
import sys

import pytest
from databases import contents

EXPERIMENT = """
name: lengths
space: {name: chain, choices: [3, 3, 3, 3]}
strategy: {name: random}
search: {lookahead: 2, models: 6}
evaluator: {name: function, function: "operator:length_hint"}
"""


@pytest.fixture
def run(tmp_path):
    """Runs a command under limits of a shell, its standard output to a file; what it says of errors."""
    (tmp_path / "lengths.yaml").write_text(EXPERIMENT, encoding="utf-8")

    def call(*words, limit="true", out=os.devnull) -> tuple[int, str]:
        command = shlex.join([sys.executable, "-m", "metaqnn", *words])
        ended = subprocess.run(
            ["bash", "-c", f"{limit}; exec {command} > {out}"],
            cwd=tmp_path,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        return ended.returncode, ended.stderr

    return call


FAULTS = (
    ({"out": "/dev/full"}, "metaqnn: expected space on the disk, but No space left on device; free some, and run the"),
    ({"limit": "ulimit -n 12"}, "metaqnn: expected to open one more file, but Too many open files; raise the limit"),
    ({"limit": "ulimit -f 80"}, "metaqnn: a.sqlite: expected a place that can be read and written, but disk I/O error"),
)


def test_a_search_ends_in_a_sentence_and_goes_on(run, tmp_path):
    search = ("search", "lengths.yaml", "--workers", "2", "--db")
    for how, sentence in FAULTS:
        code, errors = run(*search, "a.sqlite", **how)
        assert (code, errors.startswith(sentence), errors.count("\n")) == (2, True, 1), errors
    assert run(*search, "a.sqlite") == run(*search, "b/a.sqlite") == (0, "")
    assert contents(tmp_path / "a.sqlite") == contents(tmp_path / "b" / "a.sqlite")


def test_what_cannot_be_told_is_not_a_traceback(run):
    code, errors = run("plugins", out="/dev/full")
    assert (code, errors.count("\n")) == (2, 1)
    assert run("replay", "top", "absent.sqlite", out="/dev/null 2> /dev/full") == (2, "")


def test_no_more_files_while_it_starts_is_a_sentence():
    limited = (
        "import resource; from metaqnn.__main__ import main; "
        "most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]; resource.setrlimit(resource.RLIMIT_NOFILE, (3, most)); "
        "main()"
    )
    ended = subprocess.run([sys.executable, "-c", limited], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)
    assert "expected to read this, but Too many open files" in ended.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_before_the_search_begins_is_the_exit_code(run, tmp_path, number):
    text = f"import os\nos.kill(os.getpid(), {int(number)})\n"
    (tmp_path / "early.py").write_text(f"{text}def score(architecture): return 0.5\n", encoding="utf-8")
    experiment = EXPERIMENT.replace("operator:length_hint", "early:score")
    (tmp_path / "early.yaml").write_text(experiment, encoding="utf-8")
    code, errors = run("search", "early.yaml", "--db", "early.sqlite", limit="export PYTHONPATH=.")
    assert code == 128 + number, errors
    assert errors.strip() == "Interrupted; nothing that was recorded is lost."
