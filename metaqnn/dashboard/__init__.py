"""What people see while a search runs."""

import sys

from metaqnn.core import Observer


def make_display() -> Observer:
    """A live display on a terminal, plain lines elsewhere."""
    if sys.stdout.isatty():
        from metaqnn.dashboard.live import LiveDisplay

        return LiveDisplay()
    from metaqnn.dashboard.plain import PlainDisplay

    return PlainDisplay()
