"""The program of a worker process: `python -P -m metaqnn.workers.process_main FILENO PARENT` serves the socket FILENO.

When the process PARENT dies, which started it, the socket closes and the worker ends itself, also in the middle of a
task. One that cannot do so because it is stopped is ended by the kernel: on Linux with SIGKILL, elsewhere and before it
could ask for that because its group is orphaned.
"""

import fcntl
import gc
import os
import pickle
import signal
import sys
import termios
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from metaqnn.core import Place
from metaqnn.errors import MetaqnnError
from metaqnn.machine import machine_fault
from metaqnn.workers.runner import Runner
from metaqnn.workers.task import (
    Heartbeat,
    MachineFailed,
    Prepare,
    Task,
    TaskFailed,
    TaskFinished,
    TaskProgress,
    TaskStarted,
    WorkerFailed,
)
from metaqnn.workers.transport import WorkerSetup

_EXIT_WITHOUT_PARENT = 3

_PR_SET_PDEATHSIG = 1
"""Of Linux's prctl: the signal for this process when its parent dies."""


class Server:
    """A worker's side, whatever carries the messages: one thread takes them in, one works, and one says that it lives.

    Args:
        send: takes a message to the pool.
    """

    def __init__(self, send: Callable[[object], None]):
        self._send_unlocked, self._lock = send, threading.Lock()
        self._inbox: SimpleQueue[Any] = SimpleQueue()
        self._runner: Runner | None = None

    def take(self, message: object) -> None:
        """Take a message of the pool in."""
        if not isinstance(message, Prepare):
            self._inbox.put(message)
        elif self._runner is not None:
            with suppress(Exception):  # it is only a guess; this thread must live to hear the pool's end
                self._runner.prepare(message.payload)

    def _send(self, message: object) -> None:
        with self._lock:
            self._send_unlocked(message)

    def _beat(self, seconds: float) -> None:
        beat = Heartbeat(threading.get_native_id())
        with suppress(OSError):  # the pool is gone
            while True:
                self._send(beat)
                time.sleep(seconds)

    def work(self) -> None:
        """Start the runner and do one task after another; returns only where it cannot start."""
        setup: WorkerSetup = self._inbox.get()
        if setup.beat_seconds is not None:
            threading.Thread(target=self._beat, args=(setup.beat_seconds,), daemon=True).start()
        try:
            sys.path.extend(folder for folder in setup.path if folder not in sys.path)
            arrays = None if setup.arrays is None else Path(setup.arrays)
            self._runner = runner = pickle.loads(setup.start)(Place(setup.gpu, arrays=arrays))
        except Exception as error:  # anything that keeps this worker from starting is the pool's to report
            fault, told = machine_fault(error), " ".join(f"{type(error).__name__}: {error}".split())
            self._send(MachineFailed(str(fault)) if fault else WorkerFailed(told))
            return
        # A framework's hundreds of thousands of objects live as long as this process: looking through them after every
        # training took a third of the smallest ones.
        gc.freeze()
        self._send(runner.ready(setup.worker))
        while True:
            self._do(self._inbox.get(), runner)

    def _do(self, task: Task, runner: Runner) -> None:
        self._send(TaskStarted(task.number))
        try:
            result = runner.run(task.payload, lambda content: self._send(TaskProgress(task.number, content)))
        except Exception as error:
            if fault := machine_fault(error):
                self._send(MachineFailed(str(fault)))
            elif isinstance(error, MetaqnnError):
                self._send(TaskFailed(task.number, None, str(error)))
            else:
                raise
        else:
            self._send(TaskFinished(task.number, result))


def end_with(parent: int) -> None:
    """Have the kernel end this process when the thread that started it ends, and so with its process, on Linux.

    It also leaves its terminal: what asks there for a password would stop a process that is not in the foreground.
    """
    with suppress(OSError), open("/dev/tty", "rb", buffering=0) as terminal:
        fcntl.ioctl(terminal, termios.TIOCNOTTY)
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL))
    if os.getppid() != parent:  # it died before that
        os._exit(_EXIT_WITHOUT_PARENT)


def main() -> None:
    """Serve until the socket closes."""
    end_with(int(sys.argv[2]))
    connection = Connection(int(sys.argv[1]))
    server = Server(connection.send)

    def receive() -> None:
        try:
            while True:
                server.take(connection.recv())
        except (EOFError, OSError):
            os._exit(_EXIT_WITHOUT_PARENT)
        except BaseException:  # a message that cannot be read: nothing would be heard any more
            traceback.print_exc()
            os._exit(1)

    threading.Thread(target=receive, daemon=True).start()
    code = 1
    try:
        server.work()
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:
        traceback.print_exc()
    sys.stderr.flush()
    os._exit(code)  # an interpreter that ends in good order waits for threads that a function left


if __name__ == "__main__":
    main()
