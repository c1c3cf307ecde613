"""Plug-ins in their own processes: what is listed, what is refused, and databases whose code is gone."""

import json
import os
import re
import subprocess
import sys

import pytest

METADATA = "Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"

RAISES = 'raise RuntimeError("no licence\\nfound")\n'

LACKS = """
from metaqnn.core import Strategy


class Idle(Strategy):
    "Asks, but never learns."

    def ask(self, context, recorded=None):
        return self.space.trajectory("000")
"""

CUBES = '''
from dataclasses import dataclass

from metaqnn.core import Evaluation, Evaluator, Score, Status
from metaqnn.tables.chain import ChainSpace


@dataclass(frozen=True)
class CubesOptions:
    """The section `space`."""

    choices: tuple[int, ...] = (3, 3, 3)


class Cubes(ChainSpace):
    """Three digits."""

    Options = CubesOptions


@dataclass(frozen=True)
class PeakOptions:
    """The section `evaluator`."""

    height: float = 1.0


class Peak(Evaluator):
    """The more, the better."""

    Options = PeakOptions
    score = Score("altitude", "maximize", 0.0, 100.0)

    def evaluate(self, candidate, report):
        return Evaluation(Status.OK, self.options.height * sum(map(int, candidate.architecture)))
'''

OWN = """
name: own
space: {name: "cubes:Cubes", choices: [3, 3, 3]}
evaluator: {name: "cubes:Peak", height: 2.0}
strategy: {name: random}
search: {models: 6, lookahead: 2}
"""

ALLOWED = ("--allow", "cubes:Cubes", "--allow", "cubes:Peak")


def distribution(folder, name, entry_points, version="1.0", **modules):
    """Something installed: its modules, and the folder that says what it offers."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(METADATA.format(name=name, version=version), encoding="utf-8")
    (info / "entry_points.txt").write_text(entry_points, encoding="utf-8")
    for module, source in modules.items():
        (folder / f"{module}.py").write_text(source, encoding="utf-8")


@pytest.fixture
def site(tmp_path):
    """A folder of installed packages, one of them broken in every way and two at odds."""
    folder = tmp_path / "site"
    distribution(
        folder,
        "acme-broken",
        "[metaqnn.spaces]\nraising = acme_raises:Space\nabsent = acme_lacks:Nothing\n"
        "[metaqnn.strategies]\nidle = acme_lacks:Idle\n[metaqnn.rewards]\ntwice = acme_lacks:Idle\n",
        acme_raises=RAISES,
        acme_lacks=LACKS,
    )
    distribution(folder, "acme-cubes", "[metaqnn.spaces]\ncubes = cubes:Cubes\n", "2.1", cubes=CUBES)
    distribution(
        folder, "other-cubes", "[metaqnn.spaces]\nchain = cubes:Cubes\n[metaqnn.evaluators]\npeak = cubes:Peak\n"
    )
    return folder


@pytest.fixture
def run(tmp_path):
    """Run the program in a process of its own, with folders of installed packages."""

    def call(*words, site=None):
        environment = os.environ | {"COLUMNS": "80", "PYTHONPATH": str(site or "")}
        command = [sys.executable, "-P", "-m", "metaqnn", *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)

    return call


def sentence(result) -> str:
    """The one sentence of a command that was refused."""
    assert result.returncode == 2, result
    assert result.stderr.startswith("metaqnn: ")
    assert result.stderr.count("\n") == 1, result.stderr
    assert "Traceback" not in result.stdout
    return result.stderr.removeprefix("metaqnn: ").rstrip("\n")


# What is listed


def test_what_is_built_in_is_listed(run):
    result = run("plugins")
    assert (result.returncode, result.stderr) == (0, "")
    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines[0] == ["Plug-ins"]
    assert lines[1] == ["kind", "name", "package", "version"]
    listed = {tuple(line[:3]) for line in lines[3:] if line}
    for kind, name in (("space", "layers"), ("strategy", "tpe"), ("evaluator", "network"), ("reward", "score")):
        assert (kind, name, "metaqnn") in listed
    assert ("dataset", "digits", "metaqnn") in listed
    assert "What cannot be used" not in result.stdout


def test_what_an_old_build_left_in_a_folder_hides_nothing(run, tmp_path):
    left = tmp_path / "left" / "metaqnn.egg-info"
    left.mkdir(parents=True)
    (left / "PKG-INFO").write_text(METADATA.format(name="metaqnn", version="0.0.1"), encoding="utf-8")
    for content in ("[console_scripts]\nmetaqnn = a:main\n", "[metaqnn.spaces]\nlayers = metaqnn.gone:Layers\n"):
        (left / "entry_points.txt").write_text(content, encoding="utf-8")
        assert run("plugins", site=left.parent).stdout == run("plugins").stdout


def test_what_fails_to_load_says_why_and_breaks_nothing_else(run, site):
    result = run("plugins", "--format", "json", site=site)
    assert (result.returncode, result.stderr) == (0, "")
    rows = {(row["kind"], row["name"], row["package"]): row for row in json.loads(result.stdout)}
    fine = rows["space", "cubes", "acme-cubes"]
    assert (fine["version"], fine["problem"]) == ("2.1", "")
    assert rows["evaluator", "peak", "other-cubes"]["problem"] == ""
    assert {key: row["problem"] for key, row in rows.items() if row["problem"]} == {
        ("space", "raising", "acme-broken"): "space 'raising' of package acme-broken: expected acme_raises:Space to be "
        "importable, but RuntimeError: no licence found",
        ("space", "absent", "acme-broken"): "space 'absent' of package acme-broken: expected acme_lacks:Nothing to be "
        "importable, but AttributeError: module 'acme_lacks' has no attribute 'Nothing'",
        ("space", "chain", "metaqnn"): CONFLICT.format(place="chain"),
        ("space", "chain", "other-cubes"): CONFLICT.format(place="chain"),
        (
            "strategy",
            "idle",
            "acme-broken",
        ): "strategy 'idle' of package acme-broken: acme_lacks:Idle lacks tell, which metaqnn.core.Strategy asks for",
        ("reward", "twice", "acme-broken"): "reward 'twice' of package acme-broken: expected a subclass of "
        "metaqnn.core.Reward at acme_lacks:Idle, got <class 'acme_lacks.Idle'>",
    }


CONFLICT = "{place}: metaqnn and other-cubes both offer a space 'chain'; uninstall one, or name it as module:Name"


def test_the_list_fits_a_screen(run, site):
    result = run("plugins", site=site)
    assert result.returncode == 0
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert "What cannot be used" in result.stdout
    assert "no licence found" in " ".join(result.stdout.split())


def test_help_and_every_other_search_work_beside_broken_plug_ins(run, site, tmp_path):
    assert run("--help", site=site).returncode == 0
    assert run("plugins", "--help", site=site).returncode == 0
    (tmp_path / "own.yaml").write_text(OWN, encoding="utf-8")
    assert run("search", "own.yaml", site=site).returncode == 0
    assert run("replay", "summary", "replay_db/own.sqlite", site=site).returncode == 0


# What is refused


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        (
            "space: {name: raising}",
            "space 'raising' of package acme-broken: expected acme_raises:Space to be importable",
        ),
        ("strategy: {name: idle}", "strategy 'idle' of package acme-broken: acme_lacks:Idle lacks tell, which metaqnn"),
        ("space: {name: chain}", CONFLICT.format(place="bad.yaml: space.name")),
        ("space: {name: cube}", "bad.yaml: space.name: there is no space 'cube'; did you mean 'cubes'?"),
        ("space: {name: 'cubes:Cube'}", "space 'cubes:Cube': expected cubes:Cube to be importable, but AttributeError"),
        (
            "space: {name: 'nowhere:Cubes'}",
            "space 'nowhere:Cubes': expected nowhere:Cubes to be importable, but Module",
        ),
        ("space: {name: 'cubes:Peak'}", "space 'cubes:Peak': expected a subclass of metaqnn.core.Space at cubes:Peak"),
        (
            "space: {name: cubes, choices: many}",
            "bad.yaml: space.choices: expected a list in which each item is a whole",
        ),
        ("space: {name: cubes, choices: [3], choice: 1}", "bad.yaml: space.choice: there is no such key; did you mean"),
        ("evaluator: {name: peak, height: tall}", "bad.yaml: evaluator.height: expected a number, got the text 'tall'"),
        (
            "evaluator: {name: peak, heigth: 1}",
            "bad.yaml: evaluator.heigth: there is no such key; did you mean 'height'",
        ),
        ("evaluator: {name: peek}", "bad.yaml: evaluator.name: there is no evaluator 'peek'; did you mean 'peak'?"),
    ],
)
def test_a_plug_in_that_cannot_be_used_is_one_sentence(run, site, tmp_path, section, expected):
    content = {"space": "space: {name: cubes, choices: [3, 3]}", "evaluator": "evaluator: {name: peak}", "strategy": ""}
    content[section.partition(":")[0]] = section
    (tmp_path / "bad.yaml").write_text("\n".join(["name: bad", *content.values()]), encoding="utf-8")
    assert sentence(run("search", "bad.yaml", site=site)).startswith(expected)
    assert not (tmp_path / "replay_db").exists()


# A database that names code


@pytest.fixture
def searched(run, tmp_path):
    """A finished search over a space and with an evaluator that are named as module:Name, and where their module is."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "cubes.py").write_text(CUBES, encoding="utf-8")
    (tmp_path / "own.yaml").write_text(OWN, encoding="utf-8")
    result = run("search", "own.yaml", site=tmp_path / "code")
    assert result.returncode == 0, result.stderr
    return tmp_path / "replay_db" / "own.sqlite", tmp_path / "code"


NOT_RUN = "{database}: {parts}, which is not run because a database says so; if you trust that code, add {options}"
PROPOSES = ("its space is cubes:Cubes", "--allow cubes:Cubes")
ALL = ("its space is cubes:Cubes and its evaluator is cubes:Peak", "--allow cubes:Cubes --allow cubes:Peak")


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["resume"], ALL),
        (["search"], ALL),
        (["replay", "verify"], PROPOSES),
        (["replay", "retry"], ALL),
        (["compare"], PROPOSES),
    ],
)
def test_a_database_runs_no_code_by_itself(run, searched, words, named):
    database, code = searched
    before = database.read_bytes()
    refusal = sentence(run(*words, database, site=code))
    assert refusal == NOT_RUN.format(database=database, parts=named[0], options=named[1])
    assert database.read_bytes() == before


def test_code_that_is_named_again_runs(run, searched):
    database, code = searched
    verified = run("replay", "verify", database, "--allow", "cubes:Cubes", site=code)  # no evaluator is loaded
    assert verified.returncode == 0, verified.stderr
    assert ": verified. " in verified.stdout
    resumed = run("resume", database, "--models", 9, *ALLOWED, site=code)
    assert resumed.returncode == 0, resumed.stderr
    assert "The search is complete: 9 networks" in resumed.stdout
    assert run("search", database, "--models", 10, *ALLOWED, site=code).returncode == 0
    assert run("replay", "retry", database, *ALLOWED, site=code).returncode == 0
    words = ("--strategies", "random", "--seeds", 1, "--evaluations", 5, "--lookahead", 2, "--allow", "cubes:Cubes")
    compared = run("compare", database, *words, site=code)
    assert compared.returncode == 0, compared.stderr
    assert "at lookahead 2" in compared.stdout
    assert run("replay", "verify", database, "--allow", "cubes:Cubes", site=code).returncode == 0


def test_reading_needs_no_code(run, searched, tmp_path):
    database, code = searched
    (code / "cubes.py").unlink()
    for words in (
        *(["replay", what, database] for what in ("summary", "top", "episodes", "curves", "q-values")),
        *(["replay", what, database, "--format", "json"] for what in ("summary", "top", "episodes")),
        ["replay", "show", database, 1],
        ["replay", "copy", database, tmp_path / "copy.sqlite"],
        ["replay", "export", database, "--layout", "tables", "--out", tmp_path / "tables"],
        ["report", database, "--out", tmp_path / "page"],
    ):
        result = run(*words)
        assert result.returncode == 0, (words, result.stderr)
    top = json.loads(run("replay", "top", database, "--format", "json").stdout)
    assert top[0]["altitude"] == max(row["altitude"] for row in top)
    for words in (["resume", database, *ALLOWED], ["replay", "verify", database, *ALLOWED]):
        assert re.match(
            r"(space|evaluator) 'cubes:\w+': expected cubes:\w+ to be importable, but ", sentence(run(*words))
        )
