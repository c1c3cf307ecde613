"""One worker on the machine of its actor: the process that a search on one machine starts, and what is heard of it."""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from metaqnn.machine import machine_fault
from metaqnn.workers.environment import worker_environment
from metaqnn.workers.pipe import PipeTransport, WorkerProcess
from metaqnn.workers.transport import Exit, WorkerSetup
from metaqnn.workers.vital_signs import VitalSigns

_HEAR_SECONDS = 1.0
"""The search hears at least so often, whether or not there is news."""

_LOOK_SECONDS = 0.5
"""A look at a worker's process is told for so long: it costs more than to pass a message."""


@dataclass(frozen=True)
class Heard:
    """What an actor tells of its worker.

    Attributes:
        number: of this answer, from 1: of two that are under way the later may arrive first.
        messages: of the worker, as it sent them.
        pid: of its process.
        signs: of its life; None where nobody can tell.
        resident_bytes: the memory that it holds.
        exit: how it ended, after its last message; None while it lives.
        said: lines that it wrote.
    """

    number: int
    messages: tuple[bytes, ...]
    pid: int
    signs: VitalSigns | None
    resident_bytes: int
    exit: Exit | None
    said: tuple[str, ...] = ()


class KeptWorker:
    """A worker's process, and the thread that keeps it: a worker ends with the thread that started it.

    Args:
        make_setup: answers with the setup, when all that goes along is there; called in that thread.
    """

    def __init__(self, make_setup: Callable[[], WorkerSetup]):
        self._make_setup = make_setup
        self._is_stopping = False
        self._news = threading.Condition()
        self._messages: list[bytes] = []
        self._heard = 0
        self._exit: Exit | None = None
        self._last_said: tuple[str, ...] = ()
        self._process: WorkerProcess | None = None
        self._to_send: list[bytes] = []
        self._looked_at = -math.inf
        self._signs: VitalSigns | None = None
        self._resident_bytes = 0
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()

    def take(self, message: bytes) -> None:
        """Take a message for the worker."""
        with self._news:
            if self._process is None:
                self._to_send.append(message)
            else:
                self._process.send_pickled(message)

    def hear(self, besides: int | None) -> Heard:
        """What the worker said since the last call, waiting a moment for the first word.

        Args:
            besides: a thread of the worker that is no sign of its life.
        """
        with self._news:
            self._news.wait_for(lambda: self._messages or self._exit or self._is_stopping, _HEAR_SECONDS)
            messages, self._messages = tuple(self._messages), []
            process, ended = self._process, self._exit
            self._heard += 1
            number = self._heard
            if ended or process is None or self._is_stopping:
                last_said, self._last_said = self._last_said, ()
                return Heard(number, messages, process.pid if process else 0, None, 0, ended, last_said)
            said = tuple(process.said())  # with the lock: a process is closed after its end is told, or was asked for
        if time.monotonic() - self._looked_at >= _LOOK_SECONDS:
            self._signs, self._resident_bytes = process.vital_signs(besides), process.resident_bytes()
            self._looked_at = time.monotonic()
        return Heard(number, messages, process.pid, self._signs, self._resident_bytes, None, said)

    def end(self, seconds: float) -> None:
        """End it, and wait at most `seconds` until it is gone."""
        with self._news:
            self._is_stopping = True
            self._news.notify_all()
            if self._process is not None:
                self._process.end()
        self._keeper.join(seconds)

    def _keep(self) -> None:
        try:
            setup = self._make_setup()
            if self._is_stopping:
                return
            transport = PipeTransport(worker_environment)
            process = transport.start(setup)
            try:
                with self._news:
                    self._process = process
                    for message in self._to_send:
                        process.send_pickled(message)
                self._listen(transport, process)
            finally:
                process.close()
        except Exception as error:  # whatever it is, the search must hear of it
            fault = machine_fault(error)
            told = " ".join(f"{type(error).__name__}: {error}".split())
            self._tell_exit(Exit(False, f"no worker process could be started ({told})", str(fault) if fault else ""))

    def _listen(self, transport: PipeTransport, process: WorkerProcess) -> None:
        while not self._is_stopping:
            for _ in transport.wait([process], _HEAR_SECONDS):
                try:
                    for message in process.receive_pickled():
                        with self._news:
                            self._messages.append(message)
                            self._news.notify_all()
                except EOFError:
                    self._tell_exit(process.exit(), tuple(process.said()))
                    return

    def _tell_exit(self, ended: Exit, said: tuple[str, ...] = ()) -> None:
        with self._news:
            self._exit, self._last_said = ended, said
            self._news.notify_all()
