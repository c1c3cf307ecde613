"""Every snippet of every page runs, from top to bottom, in one folder for each page."""

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pages import PAGES, ROOT, name_of, says, snippets
from patience import patience

READ_ALONE = {"text", ""}
"""Output, and drawings."""

SHELL, PROGRAMS = {"console"}, {"python"}


def _parameters():
    """Each page with the blocks to run; one with slow blocks once without them, and once whole."""
    for page in PAGES:
        blocks = [snippet for snippet in snippets(page) if snippet.is_run and snippet.language not in READ_ALONE]
        quick = [snippet for snippet in blocks if not snippet.is_slow]
        if says(page, "long"):
            quick = []
        if quick:
            yield pytest.param(page, quick, id=name_of(page))
        if quick != blocks:
            yield pytest.param(page, blocks, id=f"{name_of(page)} whole", marks=pytest.mark.long)


@pytest.fixture
def folder(tmp_path):
    """Where a reader stands: an empty folder."""
    return tmp_path


def checkout(folder):
    """What a reader has in a checkout, in these tests' environment, with made-up images in place of two data sets."""
    for name in ("Makefile", "setup.cfg", "pyproject.toml"):
        shutil.copy2(ROOT / name, folder / name)
    for name in ("benchmarks", "examples"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info", "build"))
    (folder / ".venv").mkdir()
    (folder / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    (folder / ".venv" / ".installed").touch()
    (folder / "data").mkdir()
    for name, count, shape in (("cifar10", 5200, (32, 32, 3)), ("mnist", 14200, (28, 28, 1))):
        random = np.random.Generator(np.random.Philox(0))
        labels = np.arange(count) % 10
        images = ((labels * 25).reshape(-1, 1, 1, 1) + random.integers(0, 20, (count, *shape))).astype(np.uint8)
        arrays = {"x_train": images, "y_train": labels, "x_test": images[:10], "y_test": labels[:10]}
        np.savez(folder / "data" / f"{name}.npz", **arrays)


def run(command, folder):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    # What `make test ARGS=...` hands down to every make below it.
    given = {name: value for name, value in os.environ.items() if name not in ("ARGS", "MAKEFLAGS", "MFLAGS")}
    ran = subprocess.run(
        command,
        cwd=folder,
        env=given | {"PATH": path, "METAQNN_DATA": str(folder / "data"), "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
        timeout=patience(600),
        check=False,
    )
    assert ran.returncode == 0, f"{command}\n{ran.stdout}\n{ran.stderr}"
    assert "Installing" not in ran.stdout, "the test must not install into the environment"


def ask(database, queries):
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    for query in filter(str.strip, queries.split(";")):
        assert connection.execute(query).fetchall(), query
    connection.close()


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("page", "blocks"), list(_parameters()))
def test_the_snippets_of_a_page_run(page, blocks, folder):
    if says(page, "checkout"):
        checkout(folder)
    for snippet in blocks:
        place = f"{name_of(page)}:{snippet.line}"
        if snippet.language == "sql":
            assert snippet.file, f"{place}: expected a first line '-- file: DATABASE'"
            ask(folder / snippet.file, snippet.text)
        elif snippet.file:
            (folder / snippet.file).parent.mkdir(parents=True, exist_ok=True)
            (folder / snippet.file).write_text(snippet.text, encoding="utf-8")
        elif snippet.language in SHELL:
            assert snippet.commands, f"{place}: expected a line that begins with '$ '"
            run(["bash", "-euo", "pipefail", "-c", snippet.commands], folder)
        elif snippet.language in PROGRAMS:
            run([sys.executable, "-c", snippet.text], folder)
        else:
            pytest.fail(f"{place}: expected console, python, sql or '# file: NAME', got {snippet.language!r}")


def test_what_is_not_run_says_so_on_the_page():
    """A block without a language is a drawing; `no-run` has its reason in the paragraph before it."""
    for page in PAGES:
        lines = page.read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines):
            if line.strip().startswith("```") and "no-run" in line:
                above = [text for text in lines[:number] if text.strip()][-1]
                assert not above.startswith(("```", "#")), f"{name_of(page)}:{number + 1}: no reason stands above"
