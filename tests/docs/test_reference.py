"""The reference is whole: what is made from the code, and what is written by hand beside it."""

import re
import sqlite3
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from pages import ROOT, snippets

import metaqnn
from metaqnn.cli import cli
from metaqnn.core.plugins import KINDS, OWN, installed
from metaqnn.networks.data.config import DatasetConfig
from metaqnn.networks.retraining.config import RECIPES, OneCycleConfig, read_recipe
from metaqnn.networks.training.config import TrainingConfig
from metaqnn.networks.training.early_stopping_config import (
    ExtrapolationConfig,
    RegressionConfig,
    SuccessiveHalvingConfig,
)
from metaqnn.search.config import SearchConfig
from metaqnn.workflows.old_names import renamed, renamed_table
from metaqnn.workflows.table_files import TableSection

REFERENCE = ROOT / "docs" / "reference"
SECTIONS = [DatasetConfig, TrainingConfig, SearchConfig, TableSection, *RECIPES.values()]
SECTIONS += [RegressionConfig, SuccessiveHalvingConfig, ExtrapolationConfig]
SECTIONS += [
    plugin.load().Options for kind in KINDS for (plugin, *_) in installed(kind).values() if plugin.package == OWN
]


@pytest.fixture(scope="module")
def hooks():
    """What `make docs` makes pages with."""
    sys.path.insert(0, str(ROOT / "docs"))
    import build_hooks

    sys.path.remove(str(ROOT / "docs"))
    return build_hooks


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
def test_every_key_of_a_section_says_what_it_means(hooks, section):
    told = hooks.meanings(section)
    assert [field.name for field in hooks.keys(section) if not told.get(field.name)] == []


def test_the_page_of_configurations_has_every_part_and_every_key_of_a_shipped_experiment(hooks):
    page = hooks.configuration()
    for kind in ("space", "strategy"):
        for name, (plugin, *_) in installed(kind).items():
            assert plugin.package != OWN or f"## `{kind}`, `name: {name}`" in page
    for path in (ROOT / "experiments").glob("*.yaml"):
        for section, keys in yaml.safe_load(path.read_text(encoding="utf-8")).items():
            for key in keys if isinstance(keys, dict) else ():
                assert key == "name" or f"| `{key}` |" in page, f"{path.name}: {section}.{key}"
    assert "| `epochs` | a whole number | `20` | of every attempt. |" in page
    assert "## `training.early_stopping`, `name: successive_halving`" in page
    assert "`null`, `null`" not in page


def test_the_page_of_tables_has_every_table_and_view():
    page = (REFERENCE / "database.md").read_text(encoding="utf-8")
    connection = sqlite3.connect(":memory:")
    connection.executescript((ROOT / "metaqnn" / "replay" / "schema.sql").read_text(encoding="utf-8"))
    names = connection.execute(
        "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite%'"
    )
    assert [name for (name,) in names if f"`{name}`" not in page] == []
    connection.close()


def test_the_pages_of_python_have_every_public_name(hooks):
    page = hooks.package()
    assert all(re.search(rf"^::: metaqnn[\w.]*\.{name}$", page, re.MULTILINE) for name in metaqnn._LAZY)


def test_the_pages_of_contracts_and_records_have_every_module_of_the_core_that_others_implement():
    pages = "\n".join(path.read_text(encoding="utf-8") for path in (REFERENCE / "python").glob("*.md"))
    for name in KINDS:
        assert f"::: metaqnn.core.{name}" in pages, name


def deprecations():
    page = (REFERENCE / "versions.md").read_text(encoding="utf-8")
    rows = [[cell.strip().strip("`") for cell in line.split("|")[1:-1]] for line in page.splitlines() if "| 20" in line]
    assert len(rows) >= 10
    return rows


@pytest.mark.parametrize("row", deprecations(), ids=lambda row: row[0])
def test_a_deprecated_name_works_until_the_release_that_is_said(row):
    old, new, where, version, date = row
    numbers = [tuple(map(int, text.split("."))) for text in (metaqnn.__version__, version)]
    assert numbers[0] < numbers[1], f"{old} was to go in {version}: remove it, and its row"
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", date)
    lines, name = [], re.split(r"\W+", new)[-2 if new.endswith("}") else -1]
    if where == "command":
        command, option = old.split()
        lines = [CliRunner().invoke(cli, [command, "no.sqlite", f"{option}=1"]).output]
        name = new
    elif where == "table file":
        renamed_table(yaml.safe_load(old)["table"], lines.append)
        name = new.split(":")[0]
    else:
        section, _, key = old.partition(".")
        renamed({section: {key: {}}} if key else yaml.safe_load(old), lines.append)
    assert lines, f"{old} is not known as an old name"
    assert name in lines[0]


def test_every_deprecated_option_has_its_row():
    told = {(command, option) for command, option in (row[0].split() for row in deprecations() if row[2] == "command")}
    for name, command in cli.commands.items():
        for option in getattr(command, "_old_names", {}):
            assert (name, option) in told


def test_the_recipe_that_is_shown_is_the_default():
    (shown,) = (s.text for s in snippets(ROOT / "docs" / "how-to" / "retrain.md") if s.file == "recipe.yaml")
    assert read_recipe(yaml.safe_load(shown)["final"], "retrain.md") == OneCycleConfig()


def test_the_citation_names_this_version_and_the_paper():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == metaqnn.__version__
    assert {"cff-version", "message", "title", "authors", "license"} <= citation.keys()
    (paper,) = citation["references"]
    assert paper["title"] == "Designing Neural Network Architectures using Reinforcement Learning"
    assert [author["family-names"] for author in paper["authors"]] == ["Baker", "Gupta", "Naik", "Raskar"]


def test_what_github_reads_is_yaml_that_it_takes():
    for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"):
        form = yaml.safe_load(path.read_text(encoding="utf-8"))
        if path.name != "config.yml":
            assert {"name", "description", "body"} <= form.keys(), path.name
            ids = [part["id"] for part in form["body"]]
            assert len(set(ids)) == len(ids)


def test_the_hooks_of_a_commit_are_those_of_make_lint_and_fetch_nothing():
    repositories = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert [repository["repo"] for repository in repositories] == ["local"]
    entries = [hook["entry"].split()[0] for hook in repositories[0]["hooks"]]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert [Path(entry).name for entry in entries] == re.findall(r"\$\(BIN\)/(ruff|mypy)", makefile)
    assert all(hook["language"] == "system" for hook in repositories[0]["hooks"])
