"""What people see while a search runs."""

import sys
from pathlib import Path
from typing import TextIO

from metaqnn.core import Observer
from metaqnn.verbosity import Verbosity, verbosity


def make_display(stream: TextIO | None = None) -> Observer:
    """A live display on a terminal and in a notebook, plain lines elsewhere.

    Args:
        stream: where it is shown; None is the standard output.
    """
    if (stream or sys.stdout).isatty() or _is_notebook():
        from rich.console import Console

        from metaqnn.workflows.display.live import LiveDisplay

        return LiveDisplay(Console(file=None if _is_notebook() else stream))
    from metaqnn.workflows.display.plain import PlainDisplay

    return PlainDisplay(stream)


def displays(log: Path | None = None) -> list[Observer]:
    """What a search of the command line shows, as its verbosity says.

    Args:
        log: a file that is told everything, beside that.

    Raises:
        OSError: it cannot be written.
    """
    shown: list[Observer] = []
    if log is not None:
        from metaqnn.workflows.display.log import LogFile

        shown.append(LogFile(log))
    if verbosity() is Verbosity.VERBOSE:
        from metaqnn.workflows.display.verbose import VerboseDisplay

        return [*shown, VerboseDisplay()]
    return shown if verbosity() is Verbosity.QUIET else [*shown, make_display()]


def display_for(progress: bool | None) -> tuple[Observer, ...]:
    """What a search from Python shows: on standard error or in the notebook; None: only where somebody sees it."""
    if progress is None:
        progress = sys.stderr.isatty() or _is_notebook()
    return (make_display(sys.stderr),) if progress else ()


def _is_notebook() -> bool:
    """Whether this process serves a notebook that can redraw what it shows, for which `rich` needs ipywidgets."""
    kernel = sys.modules.get("ipykernel")
    if kernel is None:
        return False
    from importlib.util import find_spec

    from IPython.core.getipython import get_ipython

    return type(get_ipython()).__name__ == "ZMQInteractiveShell" and find_spec("ipywidgets") is not None
