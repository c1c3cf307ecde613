"""Workers that show no sign of life, and workers that only seem to: real processes, really stopped."""

import fcntl
import os
import signal
import subprocess
import sys
import termios
import time
from functools import partial
from pathlib import Path

import psutil
import pytest
from patience import is_within, wait_until
from workers.runners import Toy, deadlock_at_start, stop_at_the_first_start

from metaqnn.core import Status, WorkerLost
from metaqnn.errors import EvaluatorError
from metaqnn.workers import life_guard, vital_signs
from metaqnn.workers.life_guard import LifeGuard
from metaqnn.workers.losses import FORGIVEN, Loss
from metaqnn.workers.memory_guard import Limits
from metaqnn.workers.pipe import PipeTransport
from metaqnn.workers.pool_worker import PoolWorker
from metaqnn.workers.task import Task, TaskFailed, TaskFinished, TaskStarted
from metaqnn.workers.vital_signs import VitalSigns
from metaqnn.workers.worker_pool import WorkerPool

TESTS = str(Path(__file__).parents[1])
STOPPED = "worker 1 shows no sign of life: it was stopped, and has not gone on for 1 s"


@pytest.fixture
def make(monkeypatch):
    monkeypatch.setattr(life_guard, "_LOOK_SECONDS", 0.2)
    pools = []

    def make_pool(start=Toy, hang_seconds=1.0, **limits):
        limits = Limits(hang_seconds=hang_seconds, **limits)
        pools.append(
            WorkerPool(start, PipeTransport(lambda environment, gpu: environment), limits=limits, path=[TESTS])
        )
        return pools[-1]

    yield make_pool
    for pool in pools:
        pool.stop()


def results(pool, kind, seconds=60.0):
    """All events until one of a kind."""
    events, began = [], time.monotonic()
    while not any(isinstance(event, kind) for event in events):
        assert is_within(began, seconds), events
        events += pool.results(0.2)
    return events


def run(pool, *payload):
    """How a task ended, and the reasons for which workers were lost meanwhile."""
    pool.submit(Task(1, payload))
    *events, answer = results(pool, TaskFinished | TaskFailed)
    return answer, [event.reason for event in events if isinstance(event, WorkerLost)]


def bytes_in(connection):
    """How much lies in a socket."""
    return int.from_bytes(fcntl.ioctl(connection, termios.FIONREAD, bytes(4)), sys.byteorder)


def until(pool, condition):
    """Go on looking at the workers of a pool."""
    wait_until(lambda: pool.results(0.2) is not None and condition())


# Held up: never counts


def test_a_worker_that_is_stopped_is_replaced_and_its_task_done_again(make, tmp_path):
    answer, lost = run(make(), "stop once", str(tmp_path / "been here"))
    assert (answer, lost) == (TaskFinished(1, "stop once"), [STOPPED])


def test_a_worker_that_is_stopped_before_it_is_ready_is_replaced(make, tmp_path):
    answer, lost = run(make(partial(stop_at_the_first_start, str(tmp_path / "been here"))), "jump")
    assert (answer, lost) == (TaskFinished(1, "jump"), [STOPPED])


@pytest.mark.long
def test_workers_that_are_stopped_without_end_are_the_machine_s_fault(make, monkeypatch):
    assert FORGIVEN[Loss.HELD_UP] == 20
    monkeypatch.setitem(FORGIVEN, Loss.HELD_UP, 1)
    with pytest.raises(EvaluatorError, match=f"^expected workers that are left running, but 2 times: {STOPPED}"):
        run(make(), "stop")


@pytest.mark.long
def test_time_is_not_up_for_a_task_whose_worker_was_stopped(make, monkeypatch, tmp_path):
    monkeypatch.setattr("metaqnn.workers.worker_pool._GRACE_SECONDS", 3.0)
    answer, lost = run(make(hang_seconds=60.0, max_seconds=0.5), "stop once", str(tmp_path / "been here"))
    assert (answer, lost) == (TaskFinished(1, "stop once"), ["worker 1 was stopped meanwhile"])


def test_nor_for_one_that_went_on_and_says_so_itself(make, tmp_path):
    pool, go = make(hang_seconds=60.0), tmp_path / "go"
    pool.submit(Task(1, ("wait for", str(go), str(tmp_path / "been here"))))
    results(pool, TaskStarted)
    os.kill(pool.pids[0], signal.SIGSTOP)
    until(pool, lambda: pool._workers[0].pulse.was_held_up)
    go.touch()
    os.kill(pool.pids[0], signal.SIGCONT)
    events = results(pool, TaskFinished)
    assert [event.reason for event in events if isinstance(event, WorkerLost)] == ["worker 1 was stopped meanwhile"]
    assert events[-1].result == "wait for"


def test_what_crashes_after_the_machine_was_suspended_is_done_again(make, monkeypatch, tmp_path):
    pool, go = make(), tmp_path / "go"
    pool.submit(Task(1, ("abort once after", str(go), str(tmp_path / "been here"))))
    results(pool, TaskStarted)
    monkeypatch.setattr(vital_signs, "suspended_seconds", lambda: 3600.0)
    until(pool, lambda: pool._workers[0].pulse.was_held_up)
    go.touch()
    events = results(pool, TaskFinished)
    assert [event.number for event in events if isinstance(event, WorkerLost)] == [1]
    assert events[-1] == TaskFinished(1, "abort once after")


def test_an_idle_worker_that_is_stopped_takes_nothing_and_nobody_waits_for_it(make):
    pool = make()
    run(pool, "jump")
    os.kill(pool.pids[0], signal.SIGSTOP)
    began = time.monotonic()
    pool.submit(Task(2, ("jump", bytes(10**7))))  # more than its socket holds
    assert is_within(began, 0.5)
    events = results(pool, TaskFinished)
    assert [event.reason for event in events if isinstance(event, WorkerLost)] == [STOPPED]
    assert events[-1] == TaskFinished(2, "jump")


def test_a_worker_that_is_stopped_in_the_middle_of_a_message(make, monkeypatch):
    monkeypatch.setitem(FORGIVEN, Loss.KILLED, 0)
    pool = make()
    with monkeypatch.context() as patched:
        patched.setattr("metaqnn.workers.pipe._MESSAGE_SECONDS", 1)
        pool.submit(Task(1, ("tell much", 10**7)))  # more than its socket holds; nobody takes it before it is stopped
    connection = pool._workers[0].channel.connection
    wait_until(lambda: bytes_in(connection) > 50_000)
    psutil.Process(pool.pids[0]).suspend()
    events = results(pool, TaskFinished | TaskFailed)
    reason = "the worker process stopped in the middle of a message"
    assert [event.reason for event in events if isinstance(event, WorkerLost)] == [reason]
    assert events[-1] == TaskFinished(1, "tell much")


# Hung: tried again, then recorded


def test_a_deadlock_that_lets_no_thread_run_is_tried_again_and_then_hung(make):
    answer, lost = run(make(), "deadlock inside")
    reason = "worker 1 shows no sign of life: for 1 s it neither answered nor used a processor"
    assert (answer.status, answer.reason, answer.progress) == (
        *(Status.HUNG, f"{reason}, 2 times", ("begins to deadlock inside",)),
    )
    assert lost == [reason, reason]


def test_a_deadlock_is_found_by_its_step_where_tasks_compute_all_the_while(make):
    answer, lost = run(make(computes=True), "deadlock")
    assert answer.status is Status.HUNG
    assert len(lost) == 2
    assert "s it neither ended a step nor used a processor" in lost[0]


@pytest.mark.long
def test_a_deadlock_at_the_start_ends_the_search(make):
    with pytest.raises(EvaluatorError, match="3 in a row ended while starting: worker 1 shows no sign of life"):
        run(make(deadlock_at_start), "jump")


def test_a_worker_that_is_gone_but_does_not_end_is_not_waited_for(make, monkeypatch):
    monkeypatch.setattr("metaqnn.workers.pipe._EXIT_SECONDS", 0.2)
    pool = make()
    run(pool, "jump")
    os.kill(pool.pids[0], signal.SIGSTOP)
    ended = pool._workers[0].channel.exit()
    assert (ended.was_killed, ended.reason) == (True, "the worker process was gone and did not end")


def test_a_function_that_exits_leaves_no_thread_to_wait_for(make):
    answer, lost = run(make(), "leave", 3)
    assert (answer.status, lost) == (Status.CRASHED, ["the worker process exited with code 3"])


# Alive, whatever it seems


@pytest.mark.parametrize("payload", [("sleep", 4.0), pytest.param(("count", 10**8), marks=pytest.mark.long)])
def test_who_waits_beats_and_who_does_not_beat_works(make, payload):
    """One waits for something without using a processor; the other keeps the interpreter's lock all the while."""
    answer, lost = run(make(hang_seconds=2.0), *payload)
    assert (type(answer), lost) == (TaskFinished, [])


@pytest.mark.long
def test_a_limit_may_be_left_out(make):
    pool = make(hang_seconds=None)
    pool.submit(Task(1, ("deadlock inside",)))
    results(pool, TaskStarted)
    pulse = pool._workers[0].pulse
    until(pool, lambda: pulse.quiet_seconds > 2.0)
    assert pool._workers[0].pulse is pulse


class Seen:
    """A worker's process as a test wants it seen."""

    signs = VitalSigns(1.0)

    def send(self, message):
        pass

    def vital_signs(self, besides):
        return self.signs


def look(guard, worker, elapsed):
    guard._looked_at -= elapsed
    return guard.lifeless([worker])


@pytest.fixture
def seen():
    worker = PoolWorker(2, None, Seen())
    worker.assign(Task(1, None))
    worker.started_at = time.monotonic()
    return worker


def test_time_in_which_nobody_looked_counts_little(seen):
    guard = LifeGuard(Limits(hang_seconds=20.0))
    look(guard, seen, 1.0)
    for _ in range(3):
        assert look(guard, seen, 1000.0) == []
    (found,) = look(guard, seen, 1000.0)
    assert (found.was_held_up, found.reason) == (
        *(False, "worker 2 shows no sign of life: for 20 s it neither answered nor used a processor"),
    )


@pytest.mark.parametrize(
    ("signs", "reason"),
    [
        (VitalSigns(1.0, is_stopped=True), "it was stopped, and has not gone on for 5 s"),
        (VitalSigns(1.0, waits_for_disk=True), "it has waited for a disk for 5 s"),
        (None, "nobody knows for 5 s what became of it"),
        (VitalSigns(1.0, is_traced=True), None),
        (VitalSigns(2.0), None),
    ],
)
def test_what_is_seen_decides(seen, signs, reason):
    guard = LifeGuard(Limits(hang_seconds=5.0))
    look(guard, seen, 1.0)
    seen.channel.signs = signs
    found = look(guard, seen, 10.0)
    assert [(each.was_held_up, each.reason.partition(": ")[2]) for each in found] == (
        [(True, reason)] if reason else []
    )


def test_a_step_may_take_many_times_as_long_as_the_longest_before(seen):
    guard = LifeGuard(Limits(hang_seconds=5.0, computes=True))
    seen.pulse.step_began -= 2.0
    guard.heard(seen, is_step=True)
    look(guard, seen, 1.0)
    waited = 0.0
    found = []
    while not found:
        guard._looked_at -= 5.0
        guard.heard(seen)  # it beats
        found, waited = guard.lifeless([seen]), waited + 5.0
    assert life_guard._MANY_TIMES * 2.0 - 10.0 < waited < life_guard._MANY_TIMES * 2.0 + 10.0
    assert "it neither ended a step nor used a processor" in found[0].reason


# What a process shows


def test_vital_signs_of_processes():
    programs = ("while True: pass", "import time; time.sleep(1000)")
    busy, idle = (subprocess.Popen([sys.executable, "-c", program]) for program in programs)
    try:
        wait_until(lambda: vital_signs.vital_signs(busy.pid).busy_seconds > 0.5)
        before = vital_signs.vital_signs(busy.pid)
        wait_until(lambda: vital_signs.vital_signs(busy.pid).busy_seconds > before.busy_seconds + 0.2)
        wait_until(lambda: psutil.Process(idle.pid).status() == psutil.STATUS_SLEEPING)
        assert not vital_signs.vital_signs(idle.pid).is_stopped
        assert vital_signs.vital_signs(idle.pid, besides=idle.pid).busy_seconds <= 1.0  # it has no other thread
        idle.send_signal(signal.SIGSTOP)
        wait_until(lambda: vital_signs.vital_signs(idle.pid).is_stopped)
    finally:
        for process in (busy, idle):
            process.kill()
            process.wait()
    assert vital_signs.vital_signs(busy.pid) is None


POOL = """
import sys
sys.path.append(sys.argv[1])
from workers.runners import Toy
from metaqnn.workers.pipe import PipeTransport
from metaqnn.workers.task import Task
from metaqnn.workers.worker_pool import WorkerPool
pool = WorkerPool(Toy, PipeTransport(lambda environment, gpu: environment), path=[sys.argv[1]])
pool.submit(Task(1, ("stop",)))
print(*pool.pids, flush=True)
while True:
    pool.results(0.2)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a stopped worker ends once it goes on")
def test_a_stopped_worker_ends_with_its_pool():
    with subprocess.Popen([sys.executable, "-c", POOL, TESTS], stdout=subprocess.PIPE, text=True) as pool:
        worker = psutil.Process(int(pool.stdout.readline()))
        wait_until(lambda: worker.status() == psutil.STATUS_STOPPED)
        pool.kill()
    wait_until(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE)
