"""How much a command shows beside what comes out: nothing, what a person watches, or everything that happens."""

import sys
from contextvars import ContextVar
from enum import StrEnum
from typing import TextIO


class Verbosity(StrEnum):
    """How much is shown."""

    QUIET = "quiet"
    NORMAL = "normal"
    VERBOSE = "verbose"


_VERBOSITY = ContextVar("verbosity", default=Verbosity.NORMAL)


def verbosity() -> Verbosity:
    """That of this command."""
    return _VERBOSITY.get()


def set_verbosity(value: Verbosity) -> None:
    """Choose it for this command."""
    _VERBOSITY.set(value)


def tell(line: str, stream: TextIO | None = None) -> None:
    """Print a line about what is being done, unless that is not to be shown.

    Args:
        line: a sentence or two.
        stream: None is the standard error, so that the standard output has results alone.
    """
    if verbosity() is not Verbosity.QUIET:
        print(line, file=stream or sys.stderr, flush=True)
