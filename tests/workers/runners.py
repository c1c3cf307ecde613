"""Runners without a framework, for pools whose workers start in no time."""

import os
import signal
import time

import machine_faults

from metaqnn.errors import ConfigError
from metaqnn.workers.runner import Runner


class Toy(Runner):
    """Does what the payload names; `prepared` is what it was told to make ready."""

    device, versions = "a toy", {"toy": "1"}

    def __init__(self, gpu=None, is_gpu=False):
        self.is_gpu, self.gpu, self.prepared = is_gpu, gpu, []

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
            try:
                os.close(os.open(rest[0], os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                return "the second time"
            os.kill(os.getpid(), signal.SIGKILL)
        if verb == "meet":
            getattr(machine_faults, rest[0])()
        if verb == "say and abort":
            os.write(2, rest[0].encode())
            os.abort()
        if verb == "sleep":
            time.sleep(rest[0])
        if verb == "tell":
            return self.gpu, os.environ.get("TOY"), list(self.prepared), os.getpid()
        return verb


def fail_to_start(gpu):
    raise ValueError("no toy today")


def without_space_at_start(gpu):
    machine_faults.no_space()


def kill_itself_at_start(gpu):
    os.kill(os.getpid(), signal.SIGKILL)


def exit_at_start(gpu):
    os._exit(7)
