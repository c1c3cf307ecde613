"""The terms on which a search is resumed: what may change, what may not, and what has."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from metaqnn.config import differences
from metaqnn.errors import ReplayError
from metaqnn.networks.data import SearchData
from metaqnn.networks.training.device import library_versions
from metaqnn.version import __version__
from metaqnn.workflows.experiment import Experiment

_MAY_CHANGE = ("search.models", "search.workers", "search.checkpoint_seconds")
"""What a search may be resumed with another value of: none of it changes an episode. Nor does the section `final`."""

_VERSIONED = ("numpy", "keras", "tensorflow", "torch", "jax", "scikit-learn")


def data_facts(data: SearchData) -> dict[str, Any]:
    """What a database remembers of its data, to tell whether they are still the same."""
    return {
        "data_hash": data.data_hash,
        "split_hash": data.split_hash,
        "input_shape": list(data.input_shape),
        "classes": data.classes,
        "train_images": len(data.x_train),
        "validation_images": len(data.x_validation),
    }


def current_versions() -> dict[str, str]:
    """What computes here, without importing any of it."""
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    return {"metaqnn": __version__, **library_versions(list(_VERSIONED)), "keras_backend": backend}


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
    old = {name: value for name, value in last["versions"].items() if name in versions}
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
        for key, old, new in differences(stored, current)
        if key not in _MAY_CHANGE and not key.startswith("final.")
    ]


def refuse_changes(path: Path, stored: Mapping, current: Mapping, what: str = "search") -> None:
    """Refuse to mix two searches in one database.

    Raises:
        ReplayError: what was changed makes it another search.
    """
    changed = changed_keys(stored["experiment"], current["experiment"])
    if not changed and stored["data"] != current["data"]:
        details = [f"{key} was {old!r}, now {new!r}" for key, old, new in differences(stored["data"], current["data"])]
        changed = [
            f"the data set {current['experiment']['dataset']['name']!r} holds other images ({', '.join(details)})"
        ]
    if changed:
        raise ReplayError(
            f"{path}: this {what} was started differently: {'; '.join(changed)}. Undo that to resume it, choose "
            "another file with --db, or start anew with --fresh, which moves this file aside"
        )
