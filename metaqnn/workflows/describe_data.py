"""What is understood of a data set, before anything trains on it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from metaqnn.config import override
from metaqnn.core import Note, TestCheck
from metaqnn.core.plugins import installed
from metaqnn.errors import ConfigError, DataError, brief
from metaqnn.networks.data import DataDescription, DatasetConfig, open_dataset
from metaqnn.networks.data.description import describe_part, with_test
from metaqnn.networks.data.sources import images_of
from metaqnn.networks.retraining.test_split import check_test_split, open_test_split
from metaqnn.replay.retrainings import RetrainingMemory
from metaqnn.workflows.experiment import read_experiment


def describe_data(
    name: str,
    overrides: Sequence[str] = (),
    opens_test: bool = True,
    database: Path | None = None,
    command: str = "",
    announce: Callable[[str], None] = lambda line: None,
) -> DataDescription:
    """Read a data set and say what was understood; a test part that cannot be used is a doubt.

    Args:
        name: as in the section `dataset`.
        overrides: `dataset.KEY=VALUE`.
        opens_test: whether the test split is read, too, and compared with the training part.
        database: where that is recorded as a look; None records nothing.
        command: recorded with it.
        announce: called with a line for the user.

    Raises:
        MetaqnnError: the training part cannot be read, or the database not be written.
    """
    config = _section(name, overrides)
    source = open_dataset(config, is_named_by_user=True)
    if name in installed("dataset") and not source.available():
        announce(f"The data set {brief(name)} is not on this machine; trying to download it ...")
    train = images_of(source.train())
    description, look = describe_part(train, config)
    if not opens_test:
        return description
    try:
        test = open_test_split(config, train.class_names, train.images.shape[1:], is_named_by_user=True)
    except DataError as error:
        doubt = Note("doubt", f"the test part cannot be used: {error}")
        return replace(description, notes=(*description.notes, doubt))
    check, seen = check_test_split(test, [look])
    if database is not None:
        with RetrainingMemory(database) as memory:
            memory.record_check(TestCheck(0, config.name, check.examples, command, check.doubts))
    return with_test(description, seen, check.notes)


def _section(name: str, overrides: Sequence[str]) -> DatasetConfig:
    """The section `dataset` with these keys."""
    content: dict[str, Any] = {"name": "data", "dataset": {"name": name}}
    for assignment in overrides:
        if assignment.partition(".")[0].strip() != "dataset":
            raise ConfigError(f"--set {brief(assignment)}: expected a key of the section dataset, as dataset.scale=15")
        content = override(content, assignment)
    return read_experiment(content, "the data set").network_dataset
