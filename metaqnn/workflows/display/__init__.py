"""What people see while a search runs."""

import sys
from typing import TextIO

from metaqnn.core import Observer


def make_display(stream: TextIO | None = None) -> Observer:
    """A live display on a terminal, plain lines elsewhere.

    Args:
        stream: where it is shown; None is the standard output.
    """
    if (stream or sys.stdout).isatty():
        from rich.console import Console

        from metaqnn.workflows.display.live import LiveDisplay

        return LiveDisplay(Console(file=stream))
    from metaqnn.workflows.display.plain import PlainDisplay

    return PlainDisplay(stream)
