"""The pool: real processes that end, hang and grow, and a transport that is none."""

import os
import resource
import threading
import time
from functools import partial
from pathlib import Path

import machine_faults
import psutil
import pytest
from patience import is_within, wait_until
from workers.runners import Toy, exit_at_start, fail_to_start, kill_itself_at_start, without_space_at_start

from metaqnn.core import Notice, Status, WorkerLost, WorkerReady
from metaqnn.errors import EvaluatorError, MachineError
from metaqnn.machine import machine_fault
from metaqnn.workers.inline import InlinePool
from metaqnn.workers.memory_guard import Limits
from metaqnn.workers.pipe import PipeTransport
from metaqnn.workers.process_main import Server
from metaqnn.workers.task import Task, TaskFailed, TaskFinished, TaskProgress, TaskStarted
from metaqnn.workers.transport import Channel, Exit, Transport
from metaqnn.workers.worker_pool import WorkerPool

TESTS = str(Path(__file__).parents[1])


@pytest.fixture
def make():
    pools = []

    def make_pool(start=Toy, **options):
        transport = PipeTransport(lambda environment, gpu: environment | {"TOY": str(gpu)})
        pools.append(WorkerPool(start, transport, path=[TESTS], **options))
        return pools[-1]

    yield make_pool
    for pool in pools:
        pool.stop()


def run(pool, *payloads, seconds=30.0):
    """All events until each payload is answered."""
    for number, payload in enumerate(payloads, start=1):
        pool.submit(Task(number, payload))
    events, began = [], time.monotonic()
    while sum(isinstance(event, TaskFinished | TaskFailed) for event in events) < len(payloads):
        assert is_within(began, seconds), events
        events += pool.results(0.2)
    return events


def test_a_task_is_started_reported_and_finished(make):
    events = run(make(), ("jump",))
    assert [type(event) for event in events] == [WorkerReady, TaskStarted, TaskProgress, TaskFinished]
    assert (events[0].worker, events[0].device, events[0].versions, events[0].is_gpu) == (
        1,
        "a toy",
        {"toy": "1"},
        False,
    )
    assert events[2] == TaskProgress(1, "begins to jump")
    assert events[3] == TaskFinished(1, "jump")


def test_there_are_no_more_workers_than_tasks_and_no_more_than_said(make):
    pool = make(workers=3)
    assert pool.pids == ()
    run(pool, ("jump",))
    assert len(pool.pids) == 1
    run(pool, *[("sleep", 0.2)] * 5)
    assert len(pool.pids) == 3


def test_gpus_are_shared_out_in_turn_and_reach_the_environment(make):
    events = run(make(workers=3, gpus=("0", "5")), *[("tell",)] * 3)
    told = {event.result[:2] for event in events if isinstance(event, TaskFinished)}
    assert told <= {("0", "0"), ("5", "5")}


def test_what_is_refused_does_not_end_the_worker(make):
    pool = make()
    events = run(pool, ("refuse",), ("jump",))
    assert TaskFailed(1, None, "expected something else") in events
    assert not any(isinstance(event, WorkerLost) for event in events)


def test_a_crash_is_an_answer_with_what_was_reported_and_the_last_line_of_the_worker(make):
    events = run(make(), ("raise",), ("jump",))
    failed = next(event for event in events if isinstance(event, TaskFailed))
    assert (failed.number, failed.status, failed.progress, failed.device) == (
        *(1, Status.CRASHED, ("begins to raise",), "a toy"),
    )
    assert failed.reason == "the worker process exited with code 1 (RuntimeError: a fault of the function)"
    assert TaskFinished(2, "jump") in events


THREAD = "F0000 env.cc:84] Check failed: ret == 0 Thread tf_Eigen creation via pthread_create() failed.\n*** trace ***"


@pytest.mark.parametrize(
    ("task", "told"),
    [
        (("meet", "no_space"), "expected space on the disk, but No space left on device"),
        (("meet", "bus_error"), "but a process was ended by SIGBUS"),
        (("say and abort", THREAD), "expected to start one more process or thread, but F0000 env.cc:84"),
    ],
)
def test_a_fault_of_the_machine_is_told_after_all_that_came_before_it_and_is_nobodys_result(make, task, told):
    pool, events = make(), []

    def listen():
        while True:
            events.extend(pool.results(0.2))

    for number, payload in enumerate((("jump",), task, ("jump",)), start=1):
        pool.submit(Task(number, payload))
    with pytest.raises(MachineError, match=told):
        listen()
    assert [event.number for event in events if isinstance(event, TaskFinished | TaskFailed)] == [1]
    assert TaskFinished(1, "jump") in events
    assert pool.pids == ()


def test_a_fault_while_a_worker_starts(make):
    with pytest.raises(MachineError, match="expected space on the disk, but No space left on device"):
        run(make(without_space_at_start), ("jump",))


def test_a_kill_is_forgiven_three_times(make, tmp_path):
    assert TaskFinished(1, "the second time") in run(make(), ("die once", str(tmp_path / "been here")))
    events = run(make(), ("die", "SIGKILL"))
    assert [event.number for event in events if isinstance(event, WorkerLost)] == [1, 1, 1, 1]
    assert events[-1].reason == "the worker process was ended by SIGKILL, 4 times"
    assert events[-1].progress == ("begins to die",)


def test_a_signal_of_its_own_doing_is_not_forgiven(make):
    (failed,) = (event for event in run(make(), ("die", "SIGABRT")) if isinstance(event, TaskFailed))
    assert (failed.status, failed.reason) == (Status.CRASHED, "the worker process was ended by SIGABRT")


def test_a_crash_is_noticed_though_a_child_of_the_worker_holds_its_socket_open(make, tmp_path):
    (tmp_path / "stay").touch()
    failed = run(make(limits=Limits(hang_seconds=None)), ("leave a child", str(tmp_path / "stay")))[-1]
    (tmp_path / "stay").unlink()
    assert (failed.status, failed.reason) == (Status.CRASHED, "the worker process was ended by SIGABRT")


def test_all_that_was_said_is_told_before_that_no_worker_can_be_started(make):
    pool = make()
    pool.submit(Task(1, ("die", "SIGABRT")))
    wait_until(pool._workers[0].channel.is_gone)
    with machine_faults.no_more_files():
        events = pool.results(0)
        assert [type(event) for event in events] == [WorkerReady, TaskStarted, TaskProgress, WorkerLost, TaskFailed]
        with pytest.raises(OSError, match="Too many open files"):
            pool.results(0)
    assert pool.pids == ()


class NoThread(threading.Thread):
    """The machine starts no more of them."""

    def start(self):
        machine_faults.no_thread()


def no_thread(pool, monkeypatch):
    monkeypatch.setattr("metaqnn.workers.pipe.Thread", NoThread)
    pool.submit(Task(1, ("jump",)))


def no_process(pool, monkeypatch):
    with machine_faults.limited(resource.RLIMIT_NPROC, 1), machine_faults.as_anybody():
        pool.submit(Task(1, ("jump",)))


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="nobody tells which files are open")
@pytest.mark.parametrize("submit", [no_process, no_thread])
def test_a_worker_that_cannot_be_started_leaves_no_file_open_and_no_process(make, monkeypatch, submit):
    pool, process = make(), psutil.Process()
    before = process.num_fds(), process.children()
    with pytest.raises((OSError, RuntimeError)) as caught:  # it holds all that was in use
        submit(pool, monkeypatch)
    assert machine_fault(caught.value)
    assert (process.num_fds(), process.children()) == before


def test_a_worker_that_hangs_is_ended(make, monkeypatch):
    monkeypatch.setattr("metaqnn.workers.worker_pool._GRACE_SECONDS", 0.1)
    pool = make(limits=Limits(max_seconds=0.5, seconds_key="toys.patience"))
    failed = run(pool, ("sleep", 1000))[-1]
    assert failed.status is Status.TIMED_OUT
    assert failed.reason == "not finished after toys.patience = 0.5, and the worker process hung"
    assert 0.6 < failed.seconds < 20


def test_a_worker_over_its_limit_is_ended(make, monkeypatch):
    # Like in a pool whose worker grew after it began: a bare one already holds more than this.
    pool = make()
    pool.submit(Task(1, ("sleep", 1000)))
    while not any(isinstance(event, TaskStarted) for event in pool.results(0.2)):
        pass
    pool._memory_guard._limits = Limits(max_bytes=2**20)
    failed = next(event for event in pool.results(0.2) if isinstance(event, TaskFailed))
    assert failed.status is Status.OUT_OF_MEMORY
    assert failed.reason.endswith("and the most is 0.00")


def test_a_limit_below_a_bare_worker_is_said_with_its_key(make):
    pool = make(limits=Limits(max_bytes=2**10, bytes_key="toys.memory"))
    with pytest.raises(
        EvaluatorError, match=r"expected a larger toys\.memory: before anything was trained, the worker"
    ):
        run(pool, ("sleep", 5))
    assert pool.pids == ()


def test_what_does_not_fit_beside_another_waits(make):
    pool = make(workers=2, limits=Limits(need=lambda payload: 10**15))
    events = run(pool, ("jump",), ("sleep", 0.1), ("jump",))
    began_and_ended = [event.number for event in events if isinstance(event, TaskStarted | TaskFinished)]
    assert began_and_ended == [1, 1, 2, 2, 3, 3]


def test_a_gpu_is_told_what_comes_next_and_a_guess_that_fails_is_nothing(make):
    events = run(make(partial(Toy, is_gpu=True)), ("sleep", 0.3), ("sleep", 0.2), ("tell",))
    assert events[-1].result[2] == [("sleep", 0.2), ("tell",)]


def test_workers_that_cannot_start(make):
    with pytest.raises(EvaluatorError, match="can train, but it failed: ValueError: no toy today"):
        run(make(fail_to_start), ("jump",))
    with pytest.raises(
        EvaluatorError, match="but 3 in a row ended while starting: the worker process exited with code 7"
    ):
        run(make(exit_at_start), ("jump",))
    with pytest.raises(EvaluatorError, match=r"but 20 in a row ended while starting: .* ended by SIGKILL"):
        run(make(kill_itself_at_start), ("jump",), seconds=120)


def test_what_a_worker_cannot_import_is_one_sentence():
    pool = WorkerPool(Toy, PipeTransport(lambda environment, gpu: environment))  # without the folder of this module
    with pytest.raises(EvaluatorError, match="it failed: ModuleNotFoundError: No module named 'workers'"):
        run(pool, ("jump",))


def test_what_cannot_be_pickled_is_refused_at_once():
    with pytest.raises((AttributeError, TypeError)):
        WorkerPool(lambda gpu: Toy(), PipeTransport(lambda environment, gpu: environment))


def test_a_question_is_waited_for_and_nothing_else_is_lost(make, tmp_path):
    pool, others = make(), []
    assert pool.ask(("die once", str(tmp_path / "been here")), others).result == "the second time"
    assert [type(event) for event in others] == [WorkerReady, WorkerLost, WorkerReady]
    assert others[1].number is None
    assert pool.ask(("refuse",), others).reason == "expected something else"


def test_in_this_process():
    pool = InlinePool(Toy)
    pool.submit(Task(1, ("jump",)))
    pool.submit(Task(2, ("tell",)))
    first, second = pool.results(0), pool.results(0)
    assert [type(event) for event in first] == [WorkerReady, TaskStarted, TaskProgress, TaskFinished]
    assert second[-1].result[3] == os.getpid()
    assert pool.results(0) == []
    pool.submit(Task(3, ("raise",)))
    with pytest.raises(RuntimeError, match="a fault of the function"):
        pool.results(0)
    pool.submit(Task(4, ("meet", "no_space")))
    with pytest.raises(MachineError, match="expected space on the disk"):
        pool.results(0)


def test_in_this_process_a_task_is_dropped_when_it_is_heeded():
    told = []
    pool = InlinePool(Toy, lambda event: told.append(event) or isinstance(event, TaskProgress))
    pool.submit(Task(1, ("jump",)))
    assert pool.results(0) == told
    assert told[-1] == TaskProgress(1, "begins to jump")


class Nowhere(Transport):
    """A transport without processes: the worker's side runs whenever it is waited for."""

    def start(self, setup):
        return NowhereChannel(setup)

    def wait(self, channels, timeout):
        return [channel for channel in channels if channel.work()]


class NowhereChannel(Channel):
    """One worker, as far as there is one; `is_lost` once it was told to die."""

    pid, is_placed = 0, True

    def __init__(self, setup):
        self.told, self.is_lost = [], False
        self.server = Server(self.told.append)
        self.server.take(setup)

    def work(self):
        """Do what was asked for; whether there is news."""
        self.server._inbox.put(None)  # what ends the loop below, in place of waiting for more
        try:
            if self.server._runner is None:
                self.server.work()
            else:
                while True:
                    self.server._do(self.server._inbox.get(), self.server._runner)
        except AttributeError:  # of None
            pass
        return bool(self.told)

    def memory_bytes(self, gpu):
        return None

    def send(self, message):
        if getattr(message, "payload", None) == ("vanish",):
            self.is_lost = True
        else:
            self.server.take(message)

    def receive(self):
        while self.told:
            yield self.told.pop(0)
        if self.is_lost:
            raise EOFError

    def resident_bytes(self):
        return 0

    def vital_signs(self, besides):
        return None

    def exit(self):
        return Exit(False, "it vanished")

    def end(self):
        pass

    def close(self):
        pass


def test_a_transport_may_be_anything(monkeypatch):
    monkeypatch.setattr("gc.freeze", lambda: None)
    events = run(
        WorkerPool(Toy, Nowhere(), workers=2, limits=Limits(need=len, hang_seconds=None)),
        ("jump",),
        ("vanish",),
        ("jump",),
    )
    answers = {event.number: event for event in events if isinstance(event, TaskFinished | TaskFailed)}
    assert answers[1] == TaskFinished(1, "jump")
    assert (answers[2].status, answers[2].reason) == (Status.CRASHED, "it vanished")
    assert answers[3] == TaskFinished(3, "jump")


class OnePlace(Nowhere):
    """A transport with room for one worker; others wait for a machine for ever."""

    def start(self, setup):
        channel = NowhereChannel(setup)
        channel.is_placed, channel.node = setup.worker == 1, "a"
        return channel

    def wait(self, channels, timeout):
        return super().wait([channel for channel in channels if channel.is_placed], timeout)

    def notices(self):
        return ["b is not used."]


def test_a_worker_without_a_machine_is_given_nothing(monkeypatch):
    monkeypatch.setattr("gc.freeze", lambda: None)
    pool = WorkerPool(Toy, OnePlace(), workers=2, limits=Limits(need=len, hang_seconds=None))
    events = run(pool, ("jump",), ("jump",), ("jump",))
    finished = [event for event in events if isinstance(event, TaskFinished)]
    assert [(event.number, event.node) for event in finished] == [(1, "a"), (2, "a"), (3, "a")]
    assert [event.node for event in events if isinstance(event, WorkerReady)] == ["a"]
    assert Notice("b is not used.") in events
