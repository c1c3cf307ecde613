"""The program of a worker process: `python -P -m metaqnn.workers.process_main FILENO` serves the socket of that number.

When the command that started it dies, the socket closes and the worker ends itself, also in the middle of a task.
"""

import gc
import os
import pickle
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any

from metaqnn.errors import MetaqnnError
from metaqnn.machine import machine_fault
from metaqnn.workers.runner import Runner
from metaqnn.workers.task import (
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


class Server:
    """A worker's side, whatever carries the messages: one thread takes them in, another one works.

    Args:
        send: takes a message to the pool.
    """

    def __init__(self, send: Callable[[object], None]):
        self._send = send
        self._inbox: SimpleQueue[Any] = SimpleQueue()
        self._runner: Runner | None = None

    def take(self, message: object) -> None:
        """Take a message of the pool in."""
        if not isinstance(message, Prepare):
            self._inbox.put(message)
        elif self._runner is not None:
            with suppress(Exception):  # it is only a guess; this thread must live to hear the pool's end
                self._runner.prepare(message.payload)

    def work(self) -> None:
        """Start the runner and do one task after another; returns only where it cannot start."""
        setup: WorkerSetup = self._inbox.get()
        try:
            sys.path.extend(folder for folder in setup.path if folder not in sys.path)
            self._runner = runner = pickle.loads(setup.start)(setup.gpu)
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


def main() -> None:
    """Serve until the socket closes."""
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
    server.work()


if __name__ == "__main__":
    main()
