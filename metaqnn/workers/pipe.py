"""The transport to processes of this machine, each started as a program of its own and reached by one socket."""

import contextlib
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import IO, cast

from metaqnn.machine import fault_of_end
from metaqnn.workers.memory import gpu_bytes, machine_bytes, resident_bytes
from metaqnn.workers.transport import Channel, Exit, Transport, WorkerSetup
from metaqnn.workers.vital_signs import VitalSigns, vital_signs

_KILLED_FROM_OUTSIDE = (-signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP)
_STDERR_TAIL = 20_000  # what a framework says last may stand before a long trace of its stack

_MESSAGE_SECONDS = 30
"""The rest of a message that has begun comes within so long, or its sender was stopped in the middle of it."""

_EXIT_SECONDS = 30.0
"""A process that let go of its socket or was killed is gone within so long, or hangs: a killed one in the kernel."""


class PipeTransport(Transport):
    """Starts workers as processes: fresh interpreters, never forked, so that none inherits a handle or a lock.

    Args:
        environment: from this process's environment and the GPU of a worker to the worker's.
    """

    def __init__(self, environment: Callable[[Mapping[str, str], str | None], Mapping[str, str]]):
        self._environment = environment
        self._machine_bytes = machine_bytes()

    def start(self, setup: WorkerSetup) -> "WorkerProcess":
        """Start a process."""
        environment = self._environment(os.environ | {"PYTHONPATH": python_path()}, setup.gpu)
        return WorkerProcess(setup, environment, self._machine_bytes)

    def wait(self, channels: Sequence[Channel], timeout: float) -> list[Channel]:
        """The processes that say something or are gone."""
        by_connection = {cast(WorkerProcess, channel).connection: channel for channel in channels}
        ready = set(wait(list(by_connection), timeout))
        return [
            channel
            for connection, channel in by_connection.items()
            if connection in ready or cast(WorkerProcess, channel).is_gone()
        ]


class WorkerProcess(Channel):
    """One process; `connection` is readable when it says something or is gone."""

    is_placed = True

    def __init__(self, setup: WorkerSetup, environment: Mapping[str, str], machine_bytes: int):
        self._machine_bytes = machine_bytes
        self._was_cut_off = self._was_stopped = False
        self._told = 0
        # A worker that is stopped takes nothing: who sends it more than its socket holds would wait with it.
        self._outbox: SimpleQueue[bytes | memoryview | None] = SimpleQueue()
        self._sender = Thread(target=self._send_all, daemon=True)
        with contextlib.ExitStack() as undo:  # what was opened is let go of at once where the rest cannot be
            self._stderr = undo.enter_context(tempfile.TemporaryFile("w+b"))
            self.connection, childs_end = Pipe()
            undo.enter_context(self.connection)
            with childs_end, _as_socket(self.connection) as shared:
                shared.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", _MESSAGE_SECONDS, 0))
                self._process = _process(childs_end.fileno(), self._stderr, environment)
            self.pid = self._process.pid
            undo.callback(self._wait)
            undo.callback(self._process.kill)
            self._sender.start()
            undo.pop_all()
        self.send(setup)

    def send(self, message: object) -> None:
        """Send a message."""
        self.send_pickled(ForkingPickler.dumps(message))

    def send_pickled(self, message: bytes | memoryview) -> None:
        """Send a message that is pickled already."""
        self._outbox.put(message)

    def _send_all(self) -> None:
        with contextlib.suppress(OSError):
            while (message := self._outbox.get()) is not None:
                self.connection.send_bytes(message)

    def receive(self) -> Iterator[object]:
        """The messages that have come."""
        return map(ForkingPickler.loads, self.receive_pickled())

    def receive_pickled(self) -> Iterator[bytes]:
        """The messages that have come as they were sent; raises what `receive` does."""
        is_gone = self.is_gone()  # asked first: what it said is there then
        try:
            while self.connection.poll():
                yield self.connection.recv_bytes()
        except OSError as error:
            if isinstance(error, BlockingIOError):
                signs = self.vital_signs(None)
                self._was_cut_off, self._was_stopped = True, signs is not None and signs.is_stopped
                self._process.kill()
            raise EOFError from error
        if is_gone:
            raise EOFError

    def is_gone(self) -> bool:
        """Whether it ended; a child of it may hold its socket open all the same."""
        return self._process.poll() is not None

    def said(self) -> list[str]:
        """The lines of its standard error that it has ended since the last call."""
        fileno = self._stderr.fileno()
        size = os.fstat(fileno).st_size
        if size <= self._told:
            return []
        self._told = max(self._told, size - _STDERR_TAIL)
        text = os.pread(fileno, size - self._told, self._told)  # its own offset is the worker's, too
        whole = text[: text.rfind(b"\n") + 1]
        self._told += len(whole)
        return whole.decode(errors="replace").splitlines()

    def resident_bytes(self) -> int:
        """The memory that it holds."""
        return resident_bytes(self.pid)

    def memory_bytes(self, gpu: str | None) -> int | None:
        """The memory of a GPU, or of this machine."""
        return self._machine_bytes if gpu is None else gpu_bytes(gpu)

    def vital_signs(self, besides: int | None) -> VitalSigns | None:
        """What it shows of its life."""
        return vital_signs(self.pid, besides)

    def exit(self) -> Exit:
        """How it ended, with what it said last."""
        code = self._wait()
        if code is None:
            self._process.kill()
            reason = "the worker process was gone and did not end"
        elif self._was_cut_off:
            reason = "the worker process stopped in the middle of a message"
        elif code >= 0:
            reason = f"the worker process exited with code {code}"
        else:
            name = signal.Signals(-code).name if -code in signal.valid_signals() else str(-code)
            reason = f"the worker process was ended by {name}"
        self._stderr.seek(max(0, self._stderr.seek(0, os.SEEK_END) - _STDERR_TAIL))
        said = self._stderr.read().decode(errors="replace")
        lines = said.split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        told = f"{reason} ({last[:300]})" if last else reason
        was_killed = code is None or code in _KILLED_FROM_OUTSIDE
        return Exit(was_killed, told, "" if code is None else fault_of_end(code, said), self._was_stopped)

    def end(self) -> None:
        """Kill it."""
        self._process.kill()

    def close(self) -> None:
        """Kill it and wait until it is gone."""
        self._process.kill()
        self._wait()
        self._outbox.put(None)
        with contextlib.suppress(OSError), _as_socket(self.connection) as shared:
            shared.shutdown(socket.SHUT_RDWR)  # a child of the worker may hold its end open, full as it is
        self._sender.join()
        self.connection.close()
        self._stderr.close()

    def _wait(self) -> int | None:
        try:
            return self._process.wait(_EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            return None


def _process(fileno: int, stderr: IO[bytes], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        # -P: a file of the user's in the working folder must not stand in for a module.
        [sys.executable, "-P", "-m", "metaqnn.workers.process_main", str(fileno), str(os.getpid())],
        pass_fds=[fileno],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        env=environment,
        # Ctrl-C is for the command, which ends its workers itself. In its session, so that the system wakes and ends
        # also one that was stopped before it could ask for that, when the command dies.
        process_group=0,
    )


@contextlib.contextmanager
def _as_socket(connection: Connection) -> Iterator[socket.socket]:
    """What a connection does not offer; without a file handle more, of which there may be none."""
    shared = socket.socket(fileno=connection.fileno())
    try:
        yield shared
    finally:
        shared.detach()


def python_path() -> str:
    """Where this very package lies, first: a worker must run the code that its pool runs."""
    package = str(Path(__file__).parents[2])
    return os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
