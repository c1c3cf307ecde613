"""Functions as users write them, and an evaluator, for workers that find them by their names."""

import os
import signal
import threading
import time

import numpy as np

from metaqnn.core import Attempt, CurvePoint, Evaluation, Evaluator, Score, Status


def length(architecture):
    return len(architecture.text)


def told(architecture):
    return Evaluation(Status.OK, 0.5, figures={"actions": len(architecture.actions), **architecture.costs})


def seeded(architecture, seed):
    return seed / 100


def raising(architecture):
    raise KeyError(f"no such\nkey in {architecture}")


def without_memory(architecture):
    raise MemoryError("12 GiB")


def nothing(architecture):
    return None


def text(architecture):
    return "0.5"


def huge(architecture):
    return 10**400


def not_a_number(architecture):
    return float("nan")


def killed(architecture):
    os.kill(os.getpid(), signal.SIGKILL)


def crashing(architecture):
    os.abort()


def once_killed(architecture):
    """Killed from outside the first time: the text names a file that is made then."""
    try:
        os.close(os.open(architecture.text, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return 0.25
    return os.kill(os.getpid(), signal.SIGKILL)


def endless(architecture):
    time.sleep(1000)


def deadlocked(architecture):
    lock = threading.Lock()
    for _ in range(2):
        lock.acquire()


class Holder:
    """A function need not stand alone."""

    @staticmethod
    def constant(architecture):
        return 1


class Curved(Evaluator):
    """Answers by what the candidate's text names; the score is a share."""

    score = Score("share", low=0.0, high=1.0)

    def evaluate(self, candidate, report):
        points = tuple(CurvePoint(n, np.float32(n / 4), 0.5, {"loss": np.float32(1 / n)}) for n in (1, 2))
        for point in points:
            report(1, point)
        if candidate.architecture == "outside":
            return Evaluation(Status.OK, 1.5, attempts=(Attempt(points),))
        if candidate.architecture == "without":
            return Evaluation(Status.OK)
        if candidate.architecture == "silent":
            return Evaluation(Status.TIMED_OUT, 0.5)
        if candidate.architecture == "made up":
            return Evaluation("splendid", 0.5)
        if candidate.architecture == "killed":
            os.kill(os.getpid(), signal.SIGABRT)
        return Evaluation(Status.OK, np.float32(0.5), figures={"loss": np.int64(2)}, attempts=(Attempt(points),))
