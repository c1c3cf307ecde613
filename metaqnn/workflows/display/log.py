"""A file with a line for all that happens, and for all that workers write, with time, node and episode."""

from datetime import UTC, datetime
from pathlib import Path

from metaqnn.core import Event, WorkerSaid
from metaqnn.workflows.display.verbose import VerboseDisplay


class LogFile(VerboseDisplay):
    """What `VerboseDisplay` prints, each line with its time in UTC, and the lines of workers.

    Args:
        path: of the file; what it holds stays, and new lines are added.

    Raises:
        OSError: it cannot be written.
    """

    def __init__(self, path: Path):
        super().__init__()
        self._path = path
        path.open("a", encoding="utf-8").close()

    def on_event(self, event: Event) -> None:
        """Every event."""
        if isinstance(event, WorkerSaid):
            node = f" on {event.node}" if event.node else ""
            episode = "" if event.number is None else f", episode {event.number}"
            self._line(f"  worker {event.worker}{node}{episode}: {event.text}")
        super().on_event(event)

    def _line(self, text: str) -> None:
        moment = datetime.now(UTC).isoformat(timespec="milliseconds")
        with self._path.open("a", encoding="utf-8") as self._stream:
            for line in text.splitlines():
                super()._line(f"{moment} {line}")
