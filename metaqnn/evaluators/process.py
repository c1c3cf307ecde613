"""One worker process as the search sees it: started, spoken to, watched, ended."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from multiprocessing import Pipe
from pathlib import Path

from metaqnn.core import Candidate, EpochMetrics
from metaqnn.evaluators.messages import Prepare
from metaqnn.networks.training.device import worker_environment

_KILLED_FROM_OUTSIDE = (-signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP)
_STDERR_TAIL = 2000


class WorkerProcess:
    """A running worker.

    Args:
        worker: its number, from 1.
        setup: the first message to it.
        gpu: the one GPU that it may see; None leaves the choice open.
        module: what it runs: a module that serves the socket whose number is its first argument.
        threads: on a CPU; more than one gives up that sums come in one order.

    Attributes:
        gpu: as given.
        is_gpu: whether it trains on a GPU; known when it is ready.
        worker: its number, from 1.
        connection: the socket to it; readable when it says something or is gone.
        candidate: what it trains; None while idle.
        started_at: `time.monotonic()` when it began to train that; None before.
        is_ready: whether it said that it can train.
        curves: the epochs of that candidate so far, by attempt.
        prepares: the candidate, by its episode, that it was told to make ready; None before.
        num_trained: candidates that it has finished, a calibration among them.
        first_bytes: the memory that it held after its first candidate; 0 before.
        failure: why it could not start, in its own words; empty if it did not say.
    """

    def __init__(
        self,
        worker: int,
        setup: object,
        gpu: str | None = None,
        module: str = "metaqnn.evaluators.worker",
        threads: int = 1,
    ):
        self.worker, self.gpu, self.is_gpu = worker, gpu, False
        self.candidate: Candidate | None = None
        self.started_at: float | None = None
        self.is_ready = False
        self.curves: dict[int, list[EpochMetrics]] = {}
        self.failure = ""
        self.prepares: int | None = None
        self.num_trained = 0
        self.first_bytes = 0
        self._stderr = tempfile.TemporaryFile("w+b")  # noqa: SIM115 - lives as long as the process
        self.connection, childs_end = Pipe()
        self._process = subprocess.Popen(
            # -P: a file of the user's in the working folder must not stand in for a module.
            [sys.executable, "-P", "-m", module, str(childs_end.fileno())],
            pass_fds=[childs_end.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._stderr,
            env=worker_environment(os.environ | {"PYTHONPATH": python_path()}, gpu, threads),
            start_new_session=True,  # Ctrl-C is for the search, which ends its workers itself
        )
        childs_end.close()
        self.send(setup)

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def send(self, message: object) -> None:
        """Send a message; a worker that is gone is noticed when it is next listened to."""
        with contextlib.suppress(OSError):
            self.connection.send(message)

    def assign(self, candidate: Candidate) -> None:
        """Have it train a candidate."""
        self.candidate = candidate
        self.curves = {}
        self.started_at = None
        self.send(candidate)

    def prepare(self, candidate: Candidate) -> None:
        """Tell it what it will probably train next."""
        self.prepares = candidate.number
        self.send(Prepare(candidate.architecture, candidate.seed))

    def training_seconds(self) -> float:
        """How long it has been at its candidate; 0 before it began."""
        return 0.0 if self.started_at is None else time.monotonic() - self.started_at

    def resident_bytes(self) -> int:
        """The memory it holds; 0 when it is gone."""
        import psutil

        try:
            return psutil.Process(self.pid).memory_info().rss
        except psutil.Error:
            return 0

    def end(self) -> None:
        """Tell it to end at once, without waiting for it."""
        self._process.kill()

    def kill(self) -> None:
        """End it at once and wait until it is gone; further calls do nothing."""
        self._process.kill()
        self._process.wait()
        self.connection.close()
        self._stderr.close()

    def was_killed_from_outside(self) -> bool:
        """Whether a process that is gone was ended by somebody's signal and not by its own doing."""
        return self._process.wait() in _KILLED_FROM_OUTSIDE

    def reason(self) -> str:
        """Why a process that is gone ended, in one sentence."""
        code = self._process.wait()
        if self.failure:
            return f"the worker process could not start: {self.failure}"
        if code >= 0:
            reason = f"the worker process exited with code {code}"
        else:
            name = signal.Signals(-code).name if -code in signal.valid_signals() else str(-code)
            reason = f"the worker process was ended by {name}"
        self._stderr.seek(max(0, self._stderr.seek(0, os.SEEK_END) - _STDERR_TAIL))
        lines = self._stderr.read().decode(errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return f"{reason} ({last[:300]})" if last else reason


def python_path() -> str:
    """Where this very package lies, first: a worker must run the code that the search runs."""
    package = str(Path(__file__).parents[2])
    return os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
