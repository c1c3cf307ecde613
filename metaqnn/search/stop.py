"""A request to stop, from Ctrl-C or SIGTERM."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class StopRequest:
    """Whether somebody asked the search to stop.

    Until `deferred` is entered a signal raises KeyboardInterrupt, as usual, with its number. Inside, it is only noted,
    so that no transaction and no learning step is torn; the loop looks at it several times a second.
    """

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self._is_deferring = False

    @property
    def requested(self) -> bool:
        """Whether a signal came."""
        return self.signal is not None

    @contextmanager
    def installed(self) -> Iterator["StopRequest"]:
        """Receive SIGINT and SIGTERM for the time of the block (in another than the main thread nobody can)."""
        if threading.current_thread() is not threading.main_thread():
            yield self
            return
        previous = {name: signal.signal(name, self._receive) for name in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield self
        finally:
            for name, handler in previous.items():
                signal.signal(name, handler)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Promise to look at `requested` instead of being interrupted."""
        self._is_deferring = True
        try:
            yield
        finally:
            self._is_deferring = False

    def _receive(self, number: int, _frame: object) -> None:
        self.signal = signal.Signals(number)
        if not self._is_deferring:
            raise KeyboardInterrupt(self.signal)
