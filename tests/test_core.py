"""The worked examples in the docstrings of the contracts."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

from metaqnn import core

MODULES = sorted(path.stem for path in Path(core.__file__).parent.glob("[a-z]*.py"))
CONTRACTS = ("dataset", "evaluator", "reward", "score", "space", "strategy")


@pytest.mark.parametrize("module", MODULES)
def test_its_examples_give_what_they_say(module):
    result = doctest.testmod(import_module(f"metaqnn.core.{module}"))
    assert result.failed == 0
    assert result.attempted > 0 or module not in CONTRACTS


@pytest.mark.parametrize("contract", ["Dataset", "Evaluator", "Reward", "Space", "Strategy"])
def test_a_contract_is_shown_in_about_15_lines(contract):
    example = doctest.DocTestFinder(recurse=False).find(getattr(core, contract))[0].examples
    lines = [line for part in example for line in part.source.splitlines()]
    assert 5 <= len(lines) <= 20
