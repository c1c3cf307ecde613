"""Which of the rows, splits or files of a data set are its training part, and which its test part."""

from collections.abc import Iterable
from typing import TypeVar

from metaqnn.core import Note
from metaqnn.errors import DataError, brief, shown
from metaqnn.networks.data.config import FileOptions

_TESTS = ("test", "validation", "valid", "val", "eval", "dev")

Item = TypeVar("Item")


def test_name(found: Iterable[str], options: FileOptions, what: str) -> str | None:
    """The name of the test part among those that are there; None where there is none but the training part.

    Args:
        found: the names.
        options: say what the parts are called.
        what: has them, for messages.

    Raises:
        DataError: the training part is not among them, or what is said is not.
    """
    names = list(found)
    for key, name in (("train_split", options.train_split), ("test_split", options.test_split)):
        if name is not None and name not in names:
            raise DataError(f"{what}: expected a part {shown(name)}, got {brief(', '.join(names))}; set dataset.{key}")
    usual = (name for name in _TESTS if name in names and name != options.train_split)
    return options.test_split or next(usual, None)


def unused(names: Iterable[str], options: FileOptions, test: str | None) -> tuple[Note, ...]:
    """What is told of parts that are neither."""
    others = [name for name in names if name not in (options.train_split, test)]
    return tuple(Note("skipped", f"the part {shown(name)}: a search holds out its own") for name in others)
