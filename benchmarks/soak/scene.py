"""A search that is to be disturbed, and the dice."""

import random
import resource
import signal
import time
from contextlib import suppress

import psutil

from benchmarks.soak.subject import Command, Subject, require
from tests.patience import is_within

KILLED = (-signal.SIGKILL,)
"""How a process ends that was killed."""

REFUSED = (1, 2)
"""How a command ends in a sentence."""


class Scene:
    """A search that is to be disturbed, and the dice.

    Args:
        subject: the search.
        draw: everything at random is drawn from it.
    """

    def __init__(self, subject: Subject, draw: random.Random):
        self.subject, self.draw = subject, draw

    def running(self, **how) -> Command:
        """The search, started or resumed, at a moment at random: in its start, or with some more episodes recorded."""
        subject = self.subject
        before = subject.episodes()
        command = subject.start(**how)
        target = before + self.draw.randint(1, 15) if self.draw.random() < 0.8 else 0
        began = time.monotonic()
        while subject.episodes() < target and not command.is_over():
            require(is_within(began, 120.0), f"{command} records nothing")
            time.sleep(0.02)
        time.sleep(self.draw.uniform(0.0, 0.3 if target else 1.5))
        subject.recorded = subject.read()
        return command

    def pause(self, longest: float) -> None:
        """For a while."""
        time.sleep(self.draw.uniform(0.1, longest))

    def kill_worker(self, command: Command) -> None:
        """One of the workers ends, if there is one."""
        if workers := command.workers():
            self.draw.choice(workers).kill()

    def limit(self, command: Command, what: int, value: int) -> None:
        """Limit a resource of a running process."""
        with suppress(ProcessLookupError, psutil.Error):
            resource.prlimit(command.main.pid, what, (value, value))
