"""What a user is told before a search begins: of its data, how long it will take, and what else there is."""

from collections.abc import Callable, Mapping
from typing import Any

from metaqnn.errors import counted
from metaqnn.networks.estimate import Estimate
from metaqnn.workflows.experiment import Experiment
from metaqnn.workflows.find_experiment import load_experiment, shipped_experiments


def announce_download(experiment: Experiment, announce: Callable[[str], None]) -> None:
    """Say that a data set is not on this machine, before it is fetched."""
    if experiment.is_of_networks and experiment.dataset is not None:
        from metaqnn.networks.data import open_source

        name, options = experiment.dataset.name, experiment.dataset.options
        if not open_source(name, options, is_named_by_user=True).available():
            announce(f"The data set {name} is not on this machine; trying to download it ...")


def announce_doubts(facts: Mapping[str, Any], announce: Callable[[str], None]) -> None:
    """Say what of the training data was passed over or looks wrong, in a line each."""
    description = facts.get("description")
    notes = description.get("notes", ()) if isinstance(description, Mapping) else ()
    words = {"skipped": "Passed over", "doubt": "Doubt"}
    for note in notes:
        if note["kind"] in words:
            announce(f"{words[note['kind']]}: {note['text']}.")


def forecast(estimate: Estimate, experiment: Experiment) -> str:
    """The estimate in words; above 24 hours it names the small experiment on the same data."""
    line = (
        f"Estimate: {counted(estimate.models, 'network')} of about {format_duration(estimate.seconds_per_model)} "
        f"({estimate.mean_flops / 1e6:,.1f} MFLOPs an image) take about {format_duration(estimate.total_seconds)}."
    )
    if estimate.total_seconds > 24 * 3600:
        quick = [
            name
            for name, path in shipped_experiments().items()
            if name.endswith("_quick") and load_experiment(path).data_words == experiment.data_words
        ]
        if quick and experiment.name not in quick:
            name = quick[0]
            line += f"\nFor a search of minutes on the same data: make search DATASET={name}, or metaqnn search {name}"
        else:
            line += "\nFor a shorter one, set a smaller budget with --models or --max-time."
    return line


def format_duration(seconds: float) -> str:
    """A duration for people, in its two largest units."""
    minutes, hours, days = seconds / 60, seconds / 3600, seconds / 86400
    if seconds < 90:
        return f"{seconds:.0f} s"
    if minutes < 90:
        return f"{minutes:.0f} min"
    if hours < 48:
        return f"{int(hours)} h {int(minutes) % 60} min"
    return f"{int(days):,} days {int(hours) % 24} h"
