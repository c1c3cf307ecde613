"""Runners without a framework, for pools whose workers start in no time."""

import ctypes
import os
import signal
import sys
import threading
import time

import machine_faults

from metaqnn.core import Evaluation, Status
from metaqnn.errors import ConfigError
from metaqnn.workers.runner import Runner


def is_first(file):
    """Whether nobody has been here before, in whatever process."""
    try:
        os.close(os.open(file, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


class Toy(Runner):
    """Does what the payload names; `prepared` is what it was told to make ready."""

    device, versions = "a toy", {"toy": "1"}

    def __init__(self, place=None, is_gpu=False):
        self.is_gpu, self.gpu, self.prepared = is_gpu, place and place.gpu, []

    def prepare(self, payload):
        self.prepared.append(payload)
        raise RuntimeError("a guess that fails must not end the worker")

    def run(self, payload, report):
        verb, *rest = payload
        report(f"begins to {verb}")
        if verb == "refuse":
            raise ConfigError("expected something else")
        if verb == "raise":
            raise RuntimeError("a fault of the function")
        if verb == "die":
            os.kill(os.getpid(), getattr(signal, rest[0]))
        if verb == "die once":
            if not is_first(rest[0]):
                return "the second time"
            os.kill(os.getpid(), signal.SIGKILL)
        if verb == "meet":
            getattr(machine_faults, rest[0])()
        if verb == "say and abort":
            os.write(2, rest[0].encode())
            os.abort()
        if verb == "sleep":
            time.sleep(rest[0])
        if verb == "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
        if verb == "stop once" and is_first(rest[0]):
            os.kill(os.getpid(), signal.SIGSTOP)
        if verb == "deadlock":
            lock = threading.Lock()
            for _ in range(2):
                lock.acquire()
        if verb == "deadlock inside":  # as a library does that keeps the interpreter's lock: no other thread can run
            ctypes.PyDLL(None).pause()
        if verb == "count":  # likewise, but busy
            return sum(range(rest[0]))
        if verb == "wait for":
            while not os.path.exists(rest[0]):
                time.sleep(0.05)
            if len(rest) > 1 and is_first(rest[1]):
                return Evaluation(Status.TIMED_OUT)
        if verb == "abort once after" and is_first(rest[1]):
            self.run(("wait for", rest[0]), report)
            os.abort()
        if verb == "leave a child":  # which holds what this process has open
            if not os.fork():
                while os.path.exists(rest[0]):
                    time.sleep(0.05)
                os._exit(0)
            os.abort()
        if verb == "leave":
            threading.Thread(target=time.sleep, args=(1000,)).start()
            sys.exit(rest[0])
        if verb == "tell much":
            report(bytes(rest[0]))
        if verb == "tell":
            return self.gpu, os.environ.get("TOY"), list(self.prepared), os.getpid()
        return verb


def fail_to_start(place):
    raise ValueError("no toy today")


def stop_at_the_first_start(file, place):
    if is_first(file):
        os.kill(os.getpid(), signal.SIGSTOP)
    return Toy(place)


def deadlock_at_start(place):
    ctypes.PyDLL(None).pause()


def without_space_at_start(place):
    machine_faults.no_space()


def kill_itself_at_start(gpu):
    os.kill(os.getpid(), signal.SIGKILL)


def exit_at_start(gpu):
    os._exit(7)
