"""The transport to processes of this machine, each started as a program of its own and reached by one socket."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from multiprocessing import Pipe
from multiprocessing.connection import wait
from pathlib import Path
from typing import cast

from metaqnn.machine import fault_of_end
from metaqnn.workers.memory import gpu_bytes, machine_bytes, resident_bytes
from metaqnn.workers.transport import Channel, Exit, Transport, WorkerSetup

_KILLED_FROM_OUTSIDE = (-signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP)
_STDERR_TAIL = 20_000  # what a framework says last may stand before a long trace of its stack


class PipeTransport(Transport):
    """Starts workers as processes: fresh interpreters, never forked, so that none inherits a handle or a lock.

    Args:
        environment: from this process's environment and the GPU of a worker to the worker's.
    """

    def __init__(self, environment: Callable[[Mapping[str, str], str | None], Mapping[str, str]]):
        self._environment = environment

    def start(self, setup: WorkerSetup) -> Channel:
        """Start a process."""
        return _Process(setup, self._environment(os.environ | {"PYTHONPATH": python_path()}, setup.gpu))

    def wait(self, channels: Sequence[Channel], timeout: float) -> list[Channel]:
        """The processes that say something or are gone."""
        by_connection = {cast(_Process, channel).connection: channel for channel in channels}
        ready = set(wait(list(by_connection), timeout))
        return [channel for connection, channel in by_connection.items() if connection in ready]

    def memory_bytes(self, gpu: str | None) -> int | None:
        """The memory of a GPU, or of this machine."""
        return machine_bytes() if gpu is None else gpu_bytes(gpu)


class _Process(Channel):
    """One process; `connection` is readable when it says something or is gone."""

    def __init__(self, setup: WorkerSetup, environment: Mapping[str, str]):
        self._stderr = tempfile.TemporaryFile("w+b")  # noqa: SIM115 - lives as long as the process
        self.connection, childs_end = Pipe()
        self._process = subprocess.Popen(
            # -P: a file of the user's in the working folder must not stand in for a module.
            [sys.executable, "-P", "-m", "metaqnn.workers.process_main", str(childs_end.fileno())],
            pass_fds=[childs_end.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._stderr,
            env=environment,
            start_new_session=True,  # Ctrl-C is for the command, which ends its workers itself
        )
        childs_end.close()
        self.pid = self._process.pid
        self.send(setup)

    def send(self, message: object) -> None:
        with contextlib.suppress(OSError):
            self.connection.send(message)

    def receive(self) -> Iterator[object]:
        try:
            while self.connection.poll():
                yield self.connection.recv()
        except OSError as error:
            raise EOFError from error

    def resident_bytes(self) -> int:
        return resident_bytes(self.pid)

    def exit(self) -> Exit:
        code = self._process.wait()
        if code >= 0:
            reason = f"the worker process exited with code {code}"
        else:
            name = signal.Signals(-code).name if -code in signal.valid_signals() else str(-code)
            reason = f"the worker process was ended by {name}"
        self._stderr.seek(max(0, self._stderr.seek(0, os.SEEK_END) - _STDERR_TAIL))
        said = self._stderr.read().decode(errors="replace")
        lines = said.split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        told = f"{reason} ({last[:300]})" if last else reason
        return Exit(code in _KILLED_FROM_OUTSIDE, told, fault_of_end(code, said))

    def end(self) -> None:
        self._process.kill()

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self.connection.close()
        self._stderr.close()


def python_path() -> str:
    """Where this very package lies, first: a worker must run the code that its pool runs."""
    package = str(Path(__file__).parents[2])
    return os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
