"""The program of an observer's process: `python -P -m metaqnn.workflows.observing_process FILENO`.

The first line of the standard input says what to do; then each byte says that there is something new, and `e` that
nothing comes any more. FILENO takes a line of JSON for each episode kept, for a problem, and for the end. When the
search dies, the input closes, and the process ends at once: what it has not kept, the next one will.
"""

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

from metaqnn.errors import MetaqnnError
from metaqnn.machine import machine_fault
from metaqnn.replay.reader import ReplayReader
from metaqnn.workers.process_main import end_with
from metaqnn.workflows.observing import Following, section_of

_NICENESS = 5
"""The trainings go first."""


class _Words:
    """What the search says; `is_ending` is set before the last waking."""

    def __init__(self) -> None:
        self.is_ending = False
        self._woken = threading.Event()
        self._woken.set()
        threading.Thread(target=self._listen, daemon=True).start()

    def wait(self) -> None:
        """Wait until there is something new."""
        self._woken.wait()
        self._woken.clear()

    def _listen(self) -> None:
        while words := os.read(sys.stdin.fileno(), 4096):
            self.is_ending = self.is_ending or b"e" in words
            self._woken.set()
        if not self.is_ending:
            os._exit(3)


def _first_line() -> dict[str, Any]:
    """Read without a buffer, which would take words that come behind it."""
    line = b""
    while not line.endswith(b"\n"):
        line += os.read(sys.stdin.fileno(), 1) or b"\n"
    setup: dict[str, Any] = json.loads(line)
    return setup


def main() -> None:
    """Follow a search to its end."""
    fileno = int(sys.argv[1])

    def say(**message: object) -> None:
        os.write(fileno, json.dumps(message).encode() + b"\n")

    setup = _first_line()
    end_with(setup["parent"])
    os.nice(_NICENESS)
    sys.path.extend(folder for folder in setup["path"] if folder not in sys.path)
    code = 0
    try:
        words = _Words()
        name, target, package = setup["plugin"]
        section = section_of(name, target, package, setup["options"])
        with ReplayReader(Path(setup["database"])) as reader:
            following = Following(reader, section, setup["allowed"])
            is_last = False
            while not is_last:
                words.wait()
                is_last = words.is_ending  # asked before reading: all was recorded by then
                following.catch_up(lambda observed: say(kept=observed.episode.number))
            following.stop()
        say(ended=True)
    except BaseException as error:  # an observer may raise anything
        told = error if isinstance(error, MetaqnnError) else machine_fault(error) or f"{type(error).__name__}: {error}"
        say(problem=" ".join(str(told).split())[:300])
        code = 1
    os._exit(code)  # whatever threads an observer's library leaves


if __name__ == "__main__":
    main()
