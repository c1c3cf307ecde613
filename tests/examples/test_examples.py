"""What holds for every example: it is short, and its experiment names parts that its package offers."""

import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from metaqnn import core
from metaqnn.config import load_yaml

EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = ["concrete_defects", "countermeasures", "side_channel"]


def lines(path):
    return len(path.read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_one_short_module_and_one_short_experiment(name):
    assert [path.name for path in (EXAMPLES / name).glob("*.py")] == [f"metaqnn_{name}.py"]
    assert lines(EXAMPLES / name / f"metaqnn_{name}.py") <= 150
    assert lines(EXAMPLES / name / f"{name}.yaml") <= 25
    assert lines(EXAMPLES / name / "README.md") <= 50


@pytest.mark.parametrize("name", NAMES)
def test_what_its_package_offers_keeps_the_contracts(name):
    groups = tomllib.loads((EXAMPLES / name / "pyproject.toml").read_text())["project"]["entry-points"]
    experiment = load_yaml(EXAMPLES / name / f"{name}.yaml")
    for group, offered in groups.items():
        kind = group.removeprefix("metaqnn.").removesuffix("s")
        for part, target in offered.items():
            module, _, attribute = target.partition(":")
            loaded = getattr(import_module(module), attribute)
            assert issubclass(loaded, getattr(core, kind.capitalize()))
            assert not loaded.__abstractmethods__
            assert experiment[kind]["name"] == part
