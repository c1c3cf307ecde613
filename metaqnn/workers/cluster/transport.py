"""The transport to workers on the machines of a Ray cluster: an actor keeps each of them (see `host`)."""

import pickle
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any, cast

import ray

from metaqnn.errors import ClusterError, EvaluatorError, MachineError
from metaqnn.workers.cluster.connection import Cluster, Resources, first_words
from metaqnn.workers.cluster.facts import MachineFacts, differences, machine_facts
from metaqnn.workers.cluster.host import Heard, Parcel, worker_host
from metaqnn.workers.cluster.shipment import Shipment
from metaqnn.workers.transport import Channel, Exit, Transport, WorkerSetup
from metaqnn.workers.vital_signs import VitalSigns

_SILENT_SECONDS = 5.0
"""What a host told of its worker's life longer ago than this tells nothing."""

_LOOK_SECONDS = 2.0
"""Between two looks at whether the head of the cluster answers."""

_HEAD_SECONDS = 10.0
"""A head that has not answered for so long is gone; Ray itself would end this process after a minute."""

_UNDER_WAY = 2
"""So many questions for news are with each actor: while one is answered, the next waits there already."""

_END_SECONDS = 5.0
"""An actor ends in good order within so long, or is killed."""


class RayTransport(Transport):
    """Starts workers on machines that fit, spread over them; a worker without a machine waits for one.

    Args:
        cluster: connected.
        resources: of each worker.
        libraries: packages that compute: by their versions and its processor a machine is of a kind.
        modules: what goes along for imports.
        arrays: the evaluator's data; None where it reads them itself.
        kind: of the machine whose results these are to be compared with; None is that of the first worker.
        same_kind: whether machines of another kind are refused.
    """

    def __init__(
        self,
        cluster: Cluster,
        resources: Resources,
        libraries: Sequence[str],
        modules: Shipment | None = None,
        arrays: Shipment | None = None,
        kind: Mapping[str, str] | None = None,
        same_kind: bool = False,
    ):
        self._cluster, self._resources = cluster, resources
        self._modules, self._arrays = _parcel(modules), _parcel(arrays)
        self._libraries = list(libraries)
        self._here = machine_facts(libraries)
        self._kind, self._same_kind = kind, same_kind
        self._names: dict[str, str] = {}
        self._refused: dict[str, str] = {}  # machine -> why
        self._told: set[str] = set()
        self._notices: list[str] = []
        self._failure: Exception | None = None
        self.news = threading.Condition()
        self._answers: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._head_answered_at = time.monotonic()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        self._judge_machines()

    def start(self, setup: WorkerSetup) -> Channel:
        """Ask for an actor."""
        actor = _Actor(self, setup)
        actor.place()
        return actor

    def wait(self, channels: Sequence[Channel], timeout: float) -> list[Channel]:
        """The workers that said something, have found a machine, or are gone."""
        actors = cast(Sequence[_Actor], channels)
        with self.news:
            self.news.wait_for(lambda: self._failure or any(actor.has_news for actor in actors), timeout)
            if self._failure is not None:
                raise self._failure
            return [actor for actor in actors if actor.has_news]

    def notices(self) -> list[str]:
        """Machines that are refused, or that are of another kind."""
        with self.news:
            told, self._notices = self._notices, []
        return told

    def close(self) -> None:
        """Let go of what was sent; the cluster stays connected."""
        self._answers.put(None)
        self._modules = self._arrays = None

    # What channels ask

    def make_host(self, setup: WorkerSetup) -> Any:
        """Ask Ray for an actor on a machine that is not refused."""
        refused = {"label_selector": {"ray.io/node-id": f"!in({','.join(self._refused)})"}} if self._refused else {}
        options = {**self._resources.options(), "scheduling_strategy": "SPREAD", **refused}
        return worker_host.options(**options).remote(setup, self._modules, self._arrays, self._libraries)

    def when_answered(self, ref: Any, then: Callable[[Any], None]) -> None:
        """Call `then` in the listening thread with the answer, or the exception that came in its place."""

        def answered(future: Future[Any]) -> None:
            self._answers.put(lambda: then(future.exception() or future.result()))

        ref.future().add_done_callback(answered)

    def admit(self, machine: str, facts: MachineFacts | str) -> bool:
        """Whether a machine may work for this search; the first time it is seen, what is odd about it is told."""
        name = self.name_of(machine, facts)
        with self.news:
            if machine in self._refused:
                return False
            problem = facts if isinstance(facts, str) else facts.why_unfit(self._here)
            if problem is None and isinstance(facts, MachineFacts):
                self._kind = self._kind or dict(facts.kind)
                other = differences(facts.kind, self._kind)
                if other and self._same_kind:
                    problem = f"it is of another kind (--same-kind): {other}"
                elif other and machine not in self._told:
                    self._told.add(machine)
                    self._notices.append(
                        f"Warning: {name} is of another kind: {other}; "
                        "rewards from there may differ in their last digits."
                    )
            if problem is None:
                return True
            self._refused[machine] = problem
            self._notices.append(f"{name} is not used: {problem}.")
            return False

    def name_of(self, machine: str, facts: MachineFacts | str | None = None) -> str:
        """The name of a machine; it keeps it, also when it is gone."""
        if machine not in self._names:
            self._names.update((found.id, found.name) for found in self._cluster.machines())
        host = facts.host if isinstance(facts, MachineFacts) else machine
        return self._names.setdefault(machine, host)

    def _judge_machines(self) -> None:
        """Look at the machines there are.

        Raises:
            ClusterError: none of those that have room fits.
        """
        fitting = [m for m in self._cluster.machines() if self._resources.fit_into(m.resources)]
        facts = self._cluster.facts(fitting, self._libraries)
        if self._kind is None:
            kinds = [found.kind for found in facts.values() if isinstance(found, MachineFacts)]
            self._kind = max(kinds, key=kinds.count) if kinds else None  # of equally many the first by name
        admitted = [machine for machine in fitting if self.admit(machine.id, facts[machine.id])]
        if not admitted:
            why = " ".join(self.notices()) or "no machine has room."
            raise ClusterError(f"--cluster {self._cluster.address}: expected machines that fit this search, but {why}")

    def why_lost(self, machine: str, error: Exception) -> str:
        """Why an actor is gone, in one sentence."""
        name = self.name_of(machine)
        if not machine:
            return f"no actor could be made ({first_words(error)})"
        try:
            is_there = any(found.id == machine for found in self._cluster.machines())
        except Exception:  # whatever Ray raises where nobody can tell
            is_there = True
        return f"the actor on {name} was lost" if is_there else f"the machine {name} was lost"

    def _listen(self) -> None:
        """Take answers, and see that the head is there."""
        looked_at = time.monotonic()
        while True:
            try:
                answer = self._answers.get(timeout=_LOOK_SECONDS)
                if answer is None:
                    return
                answer()
            except Empty:
                pass
            except Exception as error:  # of Ray: whatever it is, the search must hear of it
                self._fail(EvaluatorError(f"--cluster {self._cluster.address}: {first_words(error)}"))
            if time.monotonic() - looked_at >= _LOOK_SECONDS:
                self._look_at_head()
                looked_at = time.monotonic()

    def _look_at_head(self) -> None:
        if self._cluster.head_answers():
            self._head_answered_at = time.monotonic()
        elif time.monotonic() - self._head_answered_at > _HEAD_SECONDS:
            self._fail(
                MachineError(
                    f"--cluster {self._cluster.address}: expected the head of the cluster to answer, but it has not "
                    f"for {_HEAD_SECONDS:.0f} s; what is in flight is kept: start the cluster again, and resume"
                )
            )

    def _fail(self, error: Exception) -> None:
        with self.news:
            self._failure = self._failure or error
            self.news.notify_all()


def _parcel(shipment: Shipment | None) -> Parcel | None:
    return None if shipment is None else Parcel(shipment.hash, [ray.put(shipment.content)])


class _Actor(Channel):
    """One worker, behind its actor; what is said here about "it" is the worker."""

    def __init__(self, transport: RayTransport, setup: WorkerSetup):
        self.is_placed, self.pid, self.node = False, 0, ""
        self.has_news = False
        self.kind: Mapping[str, str] = {}
        self._transport, self._setup = transport, setup
        self._host: Any = None
        self._machine = ""
        self._messages: list[bytes] = []
        self._said: list[str] = []
        self._signs: VitalSigns | None = None
        self._heard_at = time.monotonic()
        self._resident_bytes = self._memory_bytes = 0
        self._answers: dict[int, Heard] = {}
        self._next_answer = 1
        self._besides: int | None = None
        self._exit: Exit | None = None
        self._is_closed = False

    def place(self) -> None:
        """Have an actor made, and see where."""
        self._host = self._transport.make_host(self._setup)
        self._transport.when_answered(self._host.facts.remote(), self._described)

    def send(self, message: object) -> None:
        self._host.take.remote(pickle.dumps(message))

    def receive(self) -> Iterator[object]:
        with self._transport.news:
            messages, self._messages, ended = self._messages, [], self._exit
            self.has_news = ended is not None
        yield from map(pickle.loads, messages)
        if ended is not None:
            raise EOFError

    def said(self) -> list[str]:
        with self._transport.news:
            said, self._said = self._said, []
        return said

    def resident_bytes(self) -> int:
        return self._resident_bytes

    def memory_bytes(self, gpu: str | None) -> int | None:
        return self._memory_bytes or None

    def vital_signs(self, besides: int | None) -> VitalSigns | None:
        self._besides = besides
        return self._signs if time.monotonic() - self._heard_at < _SILENT_SECONDS else None

    def exit(self) -> Exit:
        assert self._exit is not None, "asked when it is gone"
        return self._exit

    def end(self) -> None:
        if not self._is_closed:
            self._is_closed, self._ended_at = True, time.monotonic()
            self._stopped = self._host.stop.remote()

    def close(self) -> None:
        self.end()
        seconds = self._ended_at + _END_SECONDS - time.monotonic() if self.is_placed else 0.0
        ray.wait([self._stopped], timeout=max(0.0, seconds))
        ray.kill(self._host)

    # In the listening thread

    def _described(self, answer: tuple[str, MachineFacts] | Exception) -> None:
        """The actor is there."""
        if self._is_closed:
            return
        if isinstance(answer, Exception):
            self._lost(answer)
            return
        self._machine, facts = answer
        if not self._transport.admit(self._machine, facts):
            ray.kill(self._host)
            self.place()
            return
        self._host.begin.remote()
        with self._transport.news:
            self.node, self.kind = self._transport.name_of(self._machine, facts), facts.kind
            self._memory_bytes, self._heard_at = facts.memory_bytes, time.monotonic()
            self.is_placed = self.has_news = True
            self._transport.news.notify_all()
        for _ in range(_UNDER_WAY):
            self._hear()

    def _hear(self) -> None:
        self._transport.when_answered(self._host.hear.remote(self._besides), self._heard)

    def _heard(self, answer: Heard | Exception) -> None:
        if self._is_closed:
            return
        if isinstance(answer, Exception):
            self._lost(answer)
            return
        self._answers[answer.number] = answer
        while (next_answer := self._answers.pop(self._next_answer, None)) is not None:
            self._next_answer += 1
            self._take(next_answer)

    def _take(self, answer: Heard) -> None:
        """What was heard, in its turn."""
        with self._transport.news:
            self._heard_at = time.monotonic()
            self.pid, self._signs, self._resident_bytes = answer.pid, answer.signs, answer.resident_bytes
            self._messages += answer.messages
            self._said += answer.said
            self._exit = answer.exit
            if answer.messages or answer.exit:
                self.has_news = True
                self._transport.news.notify_all()
        if answer.exit is None:
            self._hear()

    def _lost(self, error: Exception) -> None:
        """The actor is gone, with its machine or alone: nothing that its worker did."""
        with self._transport.news:
            # What is known of the worker's own end stays: an actor may go after it has told that.
            self._exit = self._exit or Exit(True, self._transport.why_lost(self._machine, error), was_held_up=True)
            self.has_news = True
            self._transport.news.notify_all()
