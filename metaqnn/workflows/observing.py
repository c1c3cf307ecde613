"""Observers of a search, each in a process of its own that reads the database behind it.

So none can change, slow or stop the search: nothing is handed to it but the word that there is something new, and one
that fails, hangs or is killed lacks what it lacks until it is started again. What is whole in its target it says
itself, so nothing is kept twice.
"""

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from metaqnn.config import as_mapping
from metaqnn.core import Episode, Event, ObservedEpisode, Observer, SearchObserver, SearchStatus
from metaqnn.core.plugins import Plugin, read_options
from metaqnn.errors import MetaqnnError
from metaqnn.replay.observed import ObservedEpisodes, observed_search
from metaqnn.replay.reader import ReplayReader
from metaqnn.workers.pipe import python_path
from metaqnn.workflows.components import stored_space
from metaqnn.workflows.section import Section

HANG_SECONDS = 120.0
"""An observer that keeps nothing for so long, although there is something to keep, is dropped."""

END_SECONDS = 60.0
"""The end of a search waits so long for an observer to keep what is left."""

_STOP_SECONDS = 1.0
"""The same where the user asked the search to stop."""


class Following:
    """An observer with the database that it follows.

    Args:
        reader: the database.
        section: the observer.
        allowed: each `module:Name` of the search that may be run.
    """

    def __init__(self, reader: ReplayReader, section: Section, allowed: Sequence[str] = ()):
        self._episodes = ObservedEpisodes(reader, _decisions(reader, allowed))
        make: Any = section.plugin.load()
        self._observer: SearchObserver = make(section.options, observed_search(reader))
        self._kept = self._observer.start()

    def catch_up(self, tell: Callable[[ObservedEpisode], None] = lambda observed: None) -> int:
        """Have everything kept that is recorded by now.

        Args:
            tell: called after each episode.

        Returns:
            how many episodes were new to it.
        """
        count = 0
        for observed in self._episodes.new(self._kept):
            self._observer.write(observed)
            tell(observed)
            count += 1
        return count

    def stop(self) -> None:
        """Close what it writes to."""
        self._observer.stop()


def _decisions(reader: ReplayReader, allowed: Sequence[str]) -> Callable[[str], tuple[str, ...]]:
    """From an architecture to its actions; to none where the space is of the program that searches itself."""
    try:
        space = stored_space(reader, allowed)
    except MetaqnnError:
        return lambda architecture: ()
    return lambda architecture: tuple(step.action for step in space.trajectory(architecture).steps)


class ObserverProcess(Observer):
    """The process of an observer, as the search sees it; nothing here waits but the end.

    Args:
        section: the observer.
        database: the file.
        allowed: each `module:Name` of the search.
        announce: called with one line if the observer is dropped.
        stop_requested: whether the user wants the search to end at once.
        hang_seconds, end_seconds: see `HANG_SECONDS` and `END_SECONDS`.
    """

    def __init__(
        self,
        section: Section,
        database: Path,
        allowed: Sequence[str],
        announce: Callable[[str], None],
        stop_requested: Callable[[], bool] = lambda: False,
        hang_seconds: float = HANG_SECONDS,
        end_seconds: float = END_SECONDS,
    ):
        self._section, self._database, self._allowed = section, database, allowed
        self._announce, self._stop_requested = announce, stop_requested
        self._hang_seconds, self._end_seconds = hang_seconds, end_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._heard = b""
        self._told = self._kept = 0
        self._progress_at = 0.0
        self._has_ended = False

    def on_start(self, status: SearchStatus) -> None:
        """Start it."""
        plugin = self._section.plugin
        setup = {
            "parent": os.getpid(),
            "database": str(self._database),
            "plugin": [plugin.name, plugin.target, plugin.package],
            "options": as_mapping(self._section.options),
            "allowed": list(self._allowed),
            "path": sys.path,
        }
        ours, theirs = os.pipe()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "metaqnn.workflows.observing_process", str(theirs)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs],
                env=os.environ | {"PYTHONPATH": python_path()},
                process_group=0,  # Ctrl-C is for the search; see metaqnn.workers.pipe
                bufsize=0,
            )
        except OSError as error:
            os.close(ours)
            self._drop(f"its process could not be started: {error.strerror}")
            return
        finally:
            os.close(theirs)
        self._ours, self._progress_at = ours, time.monotonic()
        os.set_blocking(ours, False)
        assert self._process.stdin is not None
        self._say((json.dumps(setup) + "\n").encode())
        os.set_blocking(self._process.stdin.fileno(), False)

    def on_event(self, event: Event) -> None:
        """See how it does."""
        self._check()

    def on_episode(self, episode: Episode, status: SearchStatus) -> None:
        """Wake it."""
        if self._process is not None:
            if self._kept >= self._told:
                self._progress_at = time.monotonic()  # there was nothing to keep until now
            self._told = episode.number
            self._say(b".")
            self._check()

    def on_end(self, status: SearchStatus) -> None:
        """Have it keep what is left, for a while."""
        self._say(b"e")
        began = time.monotonic()
        while self._process is not None and not self._has_ended:
            limit = _STOP_SECONDS if self._stop_requested() else self._end_seconds
            if time.monotonic() - began > limit:
                self._drop(f"it has kept {self._kept} of {self._told} episodes")
                return
            select.select([self._ours], [], [], 0.1)
            self._check()
        self._close()

    def _say(self, word: bytes) -> None:
        if self._process is not None and self._process.stdin is not None:
            with suppress(BlockingIOError, BrokenPipeError):  # it has words enough to wake it; or it is gone
                self._process.stdin.write(word)

    def _check(self) -> None:
        """Hear what it says, without waiting."""
        if self._process is None:
            return
        said: bytes | None = None
        with suppress(BlockingIOError):
            said = os.read(self._ours, 65536)
        *lines, self._heard = (self._heard + (said or b"")).split(b"\n")
        for line in lines:
            message = json.loads(line)
            self._progress_at = time.monotonic()
            self._kept = message.get("kept", self._kept)
            self._has_ended = self._has_ended or "ended" in message
            if "problem" in message:
                self._drop(message["problem"])
                return
        if said == b"" and not self._has_ended:
            self._drop(f"its process ended with code {self._process.wait()}")
        elif self._kept < self._told and time.monotonic() - self._progress_at > self._hang_seconds:
            self._drop(f"it has kept nothing for {self._hang_seconds:.0f} seconds")

    def _drop(self, problem: str) -> None:
        """Tell the user, and end it."""
        name = self._section.name
        self._announce(
            f"The observer {name} is dropped ({problem}); the search is not touched. What it lacks, it gets by: "
            f"metaqnn observe {self._database} {name}"
        )
        self._close()

    def _close(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()  # one that has ended well is gone by itself
            assert process.stdin is not None
            process.stdin.close()
            os.close(self._ours)
            process.wait()


def observer_processes(
    sections: Sequence[Section],
    database: Path,
    allowed: Sequence[str],
    announce: Callable[[str], None],
    stop_requested: Callable[[], bool],
) -> list[ObserverProcess]:
    """The processes of the observers that are named, each once; the other arguments are those of `ObserverProcess`."""
    named = [section for place, section in enumerate(sections) if section not in sections[:place]]
    return [ObserverProcess(section, database, allowed, announce, stop_requested) for section in named]


def section_of(name: str, target: str, package: str, options: Mapping[str, Any]) -> Section:
    """The observer that a process is told of.

    Raises:
        PluginError: it cannot be loaded here.
    """
    plugin = Plugin("observer", name, target, package)
    return Section(plugin, read_options(plugin.load(), options, "", name))


def follow_to_the_end(reader: ReplayReader, section: Section, allowed: Sequence[str] = ()) -> int:
    """Have an observer keep everything that a database holds, in this process.

    Args:
        reader: the database.
        section: the observer.
        allowed: each `module:Name` of the search that may be run.

    Returns:
        how many episodes were new to it.

    Raises:
        MetaqnnError: the file holds no search.
        Exception: whatever the observer raises.
    """
    reader.require_search()
    following = Following(reader, section, allowed)
    count = following.catch_up()
    following.stop()
    return count
