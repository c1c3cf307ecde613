"""The actor that keeps a worker on a machine of the cluster: it starts the worker's process there and passes messages.

The process is the one that a search on one machine starts, so that what it computes, how it ends and how it is seen to
live are the same. Messages pass unread.
"""

import os
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import ray

from metaqnn.machine import machine_fault
from metaqnn.workers.cluster.facts import MachineFacts, machine_facts
from metaqnn.workers.cluster.shipment import kept_folder, unpacked
from metaqnn.workers.environment import worker_environment
from metaqnn.workers.pipe import PipeTransport, WorkerProcess
from metaqnn.workers.transport import Exit, WorkerSetup
from metaqnn.workers.vital_signs import VitalSigns

DRIVER_SECONDS = 10.0
"""A host that has heard nothing of the search for so long ends itself."""

_HEAR_SECONDS = 1.0
"""The search hears at least so often, whether or not there is news."""


@dataclass(frozen=True)
class Parcel:
    """A shipment on its way.

    Attributes:
        hash: of the shipment.
        content: where the object store keeps it; in a list, so that it is fetched only where nobody has it.
    """

    hash: str
    content: list[Any]


@dataclass(frozen=True)
class Heard:
    """What a host tells of its worker.

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


class WorkerHost:
    """Keeps one worker; ends itself when it hears nothing of the search for ten seconds.

    Args:
        setup: of the worker; modules and arrays that come along are put into it.
        modules: what it looks for modules in, before the folders that the setup names.
        arrays: of its evaluator; None where it reads data itself.
        libraries: packages that compute, whose versions are told.
    """

    def __init__(self, setup: WorkerSetup, modules: Parcel | None, arrays: Parcel | None, libraries: Sequence[str]):
        self._libraries = libraries
        self._setup, self._modules, self._arrays = setup, modules, arrays
        self._heard_at, self._is_stopping = time.monotonic(), False
        self._news = threading.Condition()
        self._messages: list[bytes] = []
        self._heard = 0
        self._exit: Exit | None = None
        self._last_said: tuple[str, ...] = ()
        self._process: WorkerProcess | None = None
        self._to_send: list[bytes] = []
        # A worker ends with the thread that started it: this one lives as long as the actor.
        self._keeper = threading.Thread(target=self._keep, daemon=True)

    def facts(self) -> tuple[str, MachineFacts]:
        """Ray's number of this machine, and what it is; asked before anything is begun here."""
        self._heard_at = time.monotonic()
        threading.Thread(target=self._end_without_driver, daemon=True).start()
        return ray.get_runtime_context().get_node_id(), machine_facts(self._libraries)

    @ray.method(concurrency_group="take")
    def begin(self) -> None:
        """Start the worker."""
        self._keeper.start()

    @ray.method(concurrency_group="take")
    def take(self, message: bytes) -> None:
        """Take a message for the worker."""
        with self._news:
            if self._process is None:
                self._to_send.append(message)
            else:
                self._process.send_pickled(message)

    @ray.method(concurrency_group="hear")
    def hear(self, besides: int | None) -> Heard:
        """What the worker said since the last call, waiting a moment for the first word.

        Args:
            besides: a thread of the worker that is no sign of its life.
        """
        self._heard_at = time.monotonic()
        with self._news:
            self._news.wait_for(lambda: self._messages or self._exit, _HEAR_SECONDS)
            messages, self._messages = tuple(self._messages), []
            process, ended = self._process, self._exit
            self._heard += 1
            number = self._heard
            self._heard_at = time.monotonic()
            if ended or process is None:
                last_said, self._last_said = self._last_said, ()
                return Heard(number, messages, process.pid if process else 0, None, 0, ended, last_said)
            said = tuple(process.said())  # with the lock: a process that has ended is closed after that is told
        return Heard(number, messages, process.pid, process.vital_signs(besides), process.resident_bytes(), None, said)

    @ray.method(concurrency_group="stop")
    def stop(self) -> None:
        """End the worker, and leave nothing behind."""
        self._end_worker()
        threading.Timer(0.1, os._exit, (0,)).start()  # when this call is answered

    def _end_without_driver(self) -> None:
        while time.monotonic() - self._heard_at < DRIVER_SECONDS:
            time.sleep(0.5)
        self._end_worker()
        os._exit(0)

    def _end_worker(self) -> None:
        self._is_stopping = True
        if self._process is not None:
            self._process.end()
        if self._keeper.is_alive():
            self._keeper.join(DRIVER_SECONDS)

    def _keep(self) -> None:
        try:
            with ExitStack() as stack:
                setup = self._unpacked(stack)
                transport = PipeTransport(worker_environment)
                process = transport.start(setup)
                stack.callback(process.close)
                with self._news:
                    self._process = process
                    for message in self._to_send:
                        process.send_pickled(message)
                self._listen(transport, process)
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

    def _unpacked(self, stack: ExitStack) -> WorkerSetup:
        """The setup with what came along."""
        setup = self._setup
        if self._modules is None and self._arrays is None:
            return setup
        folder = stack.enter_context(kept_folder())
        if self._modules is not None:
            setup = replace(setup, path=(str(_fetched(self._modules, folder)), *setup.path))
        if self._arrays is not None:
            setup = replace(setup, arrays=str(_fetched(self._arrays, folder)))
        return setup


def _fetched(parcel: Parcel, folder: Path) -> Path:
    return unpacked(parcel.hash, lambda: ray.get(parcel.content[0]), folder)


worker_host: Any = cast(Any, ray).remote(
    concurrency_groups={"take": 1, "hear": 1, "stop": 1},  # in each, calls are done one after another
    max_restarts=0,
    max_task_retries=0,
)(WorkerHost)
"""The class as Ray makes actors of it."""
