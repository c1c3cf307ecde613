"""Names that experiments had: in a file of a user they go on working for this release, in a database for ever."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from metaqnn.networks.data.config import OLD
from metaqnn.strategies.linear_ucb import LinearUCBConfig
from metaqnn.strategies.schedule import ScheduleConfig

_OF_LINEAR_UCB = {each.name for each in fields(LinearUCBConfig)} - {each.name for each in fields(ScheduleConfig)}
_OF_LINEAR_UCB -= {"name", "preset"}
"""Keys that say that linear_ucb was meant by the name that it had."""


def renamed(content: Mapping[str, Any], announce: Callable[[str], None]) -> dict[str, Any]:
    """An experiment with the names of today.

    Args:
        content: as it was written.
        announce: called with a line for each name that has changed.
    """
    content = dict(content)
    for section, change in (("strategy", _strategy), ("reward", _reward), ("training", _training)):
        if isinstance(content.get(section), Mapping):
            content[section] = change(dict(content[section]), announce)
    return content


def as_recorded(content: Mapping[str, Any]) -> dict[str, Any]:
    """An experiment of a database: a key that is newer than it means what was done before there was a choice."""
    content = dict(content)
    dataset, strategy = content.get("dataset"), content.get("strategy")
    if isinstance(dataset, Mapping) and "evaluator" not in content:  # of networks, whose evaluator is not named there
        content["dataset"] = {**OLD, **dataset}
        options = dataset.get("options")
        if isinstance(options, Mapping) and options.items() <= dataset.items():  # written twice for some days
            del content["dataset"]["options"]
    strategy = {} if strategy is None else strategy
    if isinstance(strategy, Mapping) and "name" not in strategy:  # which none had to name
        name = "q_learning" if strategy.get("preset") == "paper" else "linear_ucb"
        content["strategy"] = strategy = {"name": name, **strategy}
    if isinstance(strategy, Mapping) and strategy.get("name") == "q_learning" and "planning" not in strategy:
        was_guided = strategy.get("preset") == "default" or strategy.keys() & _OF_LINEAR_UCB
        content["strategy"] = (
            {**strategy, "name": "linear_ucb", "preset": "default"} if was_guided else {**strategy, "preset": "paper"}
        )
    return content


def renamed_table(section: Any, announce: Callable[[str], None]) -> Any:
    """The section of a table file with the names of today; see `renamed`."""
    if not isinstance(section, Mapping):
        return section
    section = dict(section)
    if section.get("outside") == "masked" and "unlisted" not in section:
        announce("table: what was 'outside: masked' is called 'unlisted: exclude' now")
        section["unlisted"] = "exclude"
        del section["outside"]
    return _keys(section, "table", {"judge": "target", "outside": "unlisted"}, announce)


def _keys(
    section: dict[str, Any], path: str, names: Mapping[str, str], announce: Callable[[str], None]
) -> dict[str, Any]:
    """Old keys renamed in their places; one whose new name stands beside it is left, for the reader to refuse."""
    for old in (old for old, new in names.items() if old in section and new not in section):
        announce(f"{path}: what was the key '{old}' is called '{names[old]}' now")
        section = {names[old] if key == old else key: value for key, value in section.items()}
    return section


def _value(
    section: dict[str, Any], path: str, key: str, old: str, new: str, announce: Callable[[str], None]
) -> dict[str, Any]:
    if section.get(key) == old:
        announce(f"{path}: what was '{key}: {old}' is called '{key}: {new}' now")
        section[key] = new
    return section


def _training(section: dict[str, Any], announce: Callable[[str], None]) -> dict[str, Any]:
    return _keys(section, "training", {"prediction": "early_stopping"}, announce)


def _strategy(section: dict[str, Any], announce: Callable[[str], None]) -> dict[str, Any]:
    """What was q_learning, and says so by its keys, is linear_ucb."""
    if section.get("name", "q_learning") != "q_learning" or section.get("preset") == "paper":
        return section
    if section.keys() & _OF_LINEAR_UCB:
        announce(
            "strategy: what was 'name: q_learning' with keys such as 'candidates' is called 'name: linear_ucb' now"
        )
        return section | {"name": "linear_ucb", "preset": "default"}
    return section


def _reward(section: dict[str, Any], announce: Callable[[str], None]) -> dict[str, Any]:
    """The accuracy as a reward was one of its own, with the keys of the other."""
    if section.get("name", "accuracy") in ("accuracy", "score", "cost_aware"):
        section = _value(section, "reward", "failure", "chance", "declared", announce)
    section = _value(section, "reward", "name", "accuracy", "score", announce)
    if section.get("name", "score") == "score":
        for key in ("flops_weight", "parameters_weight"):
            if section.get(key) == 0.0:
                section.pop(key)
        section["name"] = "score"
    return section
