"""The terms on which a search is resumed: what may change, what may not, and what has."""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from platform import python_version
from typing import Any

from metaqnn.config import differences
from metaqnn.errors import ReplayError
from metaqnn.networks.data.config import ARRAY_KEYS
from metaqnn.networks.training.backend import Backend, default_backend, recorded_backend
from metaqnn.networks.training.engines import engine_name, unrecorded_engine
from metaqnn.replay.chain_contents import MAY_CHANGE
from metaqnn.replay.reader import ReplayReader
from metaqnn.version import __version__
from metaqnn.workers.environment import library_versions, withheld
from metaqnn.workflows.experiment import Experiment

VERSIONED = ("numpy", "keras", "tensorflow", "torch", "jax", "scikit-learn")


_SEEN_IN_DATA = tuple(f"dataset.{key}" for key in ARRAY_KEYS)
"""Keys that may be said later: where they change anything, the hash of the data changes."""


def current_versions(experiment: Experiment, in_process: bool = False) -> dict[str, str]:
    """What computes here, without importing any of it: Python, the libraries, the engine, and the packages of plug-ins.

    Args:
        experiment: with its backend settled.
        in_process: whether it is in this process, where variables count that no worker sees; those are named, too.
    """
    plugins = {plugin.package: plugin.version for plugin in experiment.plugins.values() if plugin.is_installed}
    libraries = {"metaqnn": __version__, "python": python_version(), **library_versions(list(VERSIONED))}
    training: dict[str, str] = {}
    if experiment.is_of_networks:
        backend = experiment.training.backend
        training = {"keras_backend": backend or ""}
        training |= {"engine": engine_name(experiment.training, backend)} if backend else {}
    return {**plugins, **libraries, **training, **(withheld(os.environ) if in_process else {})}


def backend_for(database: Path | None) -> Backend:
    """The backend of a search whose experiment names none: as the database records, else that of a new search.

    Raises:
        ConfigError: the variable of a new search names none.
    """
    # What is wrong with a file is said when it is opened for writing.
    with suppress(ReplayError):
        if database is not None:
            with ReplayReader(database) as reader:
                if reader.config():
                    return recorded_backend(reader)
    return default_backend()


def changes_since(
    last: Mapping[str, Any], models: int, workers: int, versions: Mapping[str, str]
) -> Sequence[tuple[str, Any, Any]]:
    """What differs from the run before, as (key, old value, new value).

    Args:
        last: that run, from `ReplayReader.last_run`.
        models: the budget now.
        workers: the workers now.
        versions: what computes now; only what both runs know is compared.
    """
    known = dict(last["versions"])
    if "engine" in versions:
        known.setdefault("engine", unrecorded_engine(known.get("keras_backend", "tensorflow"), versions["engine"]))
    old = {name: value for name, value in known.items() if name in versions}
    new = {name: versions[name] for name in old}
    old |= {"models": last["models"], "workers": last["workers"]}
    return differences(old, new | {"models": models, "workers": workers})


def chosen_models(said: int | None, experiment: Experiment, budget: int, stored: Mapping, last: Mapping | None) -> int:
    """Distinct architectures in total: as said now, else as the file says if it changed, else as before."""
    if said is not None:
        return said
    in_file = experiment.search.models
    if last and stored["experiment"]["search"]["models"] == in_file:
        return last["models"]
    return in_file or budget


def changed_keys(stored: Mapping, current: Mapping) -> list[str]:
    """What makes an experiment another one than the stored, as `key was A, now B`.

    Args:
        stored, current: the experiments as plain mappings.
    """
    return [
        f"{key} was {old!r}, now {new!r}"
        for key, old, new in differences(stored, current)  # the section `final` changes no episode, either
        if key not in (*MAY_CHANGE, *_SEEN_IN_DATA) and not key.startswith("final.")
    ]


def _compared(data: Mapping[str, Any]) -> dict[str, Any]:
    """What of the data must be the same: hashes, and not the description, whose words may get better."""
    return {key: value for key, value in data.items() if key != "description" or not isinstance(value, Mapping)}


def refuse_changes(path: Path, stored: Mapping, current: Mapping, what: str = "search") -> None:
    """Refuse to mix two searches in one database.

    Raises:
        ReplayError: what was changed makes it another search.
    """
    changed = changed_keys(stored["experiment"], current["experiment"])
    was, now = _compared(stored["data"]), _compared(current["data"])
    if not changed and was != now:
        details = [f"{key} was {old!r}, now {new!r}" for key, old, new in differences(was, now)]
        dataset = current["experiment"].get("dataset")
        what_changed = (
            f"the data set {dataset['name']!r} holds other images" if dataset else "what it evaluates on is another"
        )
        changed = [f"{what_changed} ({', '.join(details)})"]
    if changed:
        raise ReplayError(
            f"{path}: this {what} was started differently: {'; '.join(changed)}. Undo that to resume it, choose "
            "another file with --db, or start anew with --fresh, which moves this file aside"
        )


def started_with(database: Path) -> Mapping:
    """What the search or the table in a file was started with; empty where it holds nothing yet, or nothing readable.

    What is wrong with a file is said when it is opened for writing; here only what is whole can be something else.
    """
    try:
        with ReplayReader(database) as reader:
            return reader.config()
    except ReplayError:
        return {}


def require_search(database: Path) -> Mapping:
    """What a search in this file was started with, as `started_with`.

    Raises:
        ReplayError: it holds a table, or imported episodes.
    """
    config = started_with(database)
    if config.get("purpose") == "table":
        raise ReplayError(f"{database}: this file holds an enumerated table; choose another with --db")
    if config.get("purpose") == "import":
        raise ReplayError(
            f"{database}: this file holds imported episodes, which are no search that could go on; begin a new one "
            f"with them: choose another file with --db, and --set warm_start={database}"
        )
    return config


def nothing_to_resume(database: Path) -> ReplayError:
    """What is said where there is no search to go on with."""
    return ReplayError(f"{database}: there is nothing to resume; `metaqnn search` with the same arguments starts it")
