"""A worker of a pool that an actor keeps on a machine of the cluster (see `host`)."""

import pickle
import time
from collections.abc import Iterator, Mapping
from typing import Any

import ray

from metaqnn.workers.cluster.admission import Admission
from metaqnn.workers.cluster.answers import Answers
from metaqnn.workers.cluster.facts import MachineFacts
from metaqnn.workers.cluster.hosts import Host, Hosts
from metaqnn.workers.cluster.kept_worker import Heard
from metaqnn.workers.transport import Channel, Exit, WorkerSetup
from metaqnn.workers.vital_signs import VitalSigns

_SILENT_SECONDS = 5.0
"""What a host told of its worker's life longer ago than this tells nothing."""

_UNDER_WAY = 2
"""So many questions for news are with each actor: while one is answered, the next waits there already."""

_END_SECONDS = 5.0
"""An actor ends in good order within so long, or is killed."""


class ActorChannel(Channel):
    """One worker, behind its actor; what is said here about "it" is the worker.

    Args:
        setup: of the worker.
        hosts: where actors come from.
        admission: says whether a machine will do.
        answers: of all actors.
    """

    def __init__(self, setup: WorkerSetup, hosts: Hosts, admission: Admission, answers: Answers):
        self.is_placed, self.pid, self.node = False, 0, ""
        self.has_news = False
        self.kind: Mapping[str, str] = {}
        self._setup, self._hosts = setup, hosts
        self._admission, self._answers = admission, answers
        self._actor: Any = None
        self._host: Host | None = None
        self._number = 0
        self._messages: list[bytes] = []
        self._said: list[str] = []
        self._signs: VitalSigns | None = None
        self._heard_at = time.monotonic()
        self._resident_bytes = self._memory_bytes = 0
        self._early: dict[int, Heard] = {}
        self._next_answer = 1
        self._besides: int | None = None
        self._exit: Exit | None = None
        self._is_closed = self._is_gone = False

    def place(self) -> None:
        """Take an actor that has no worker, or have one made and see where."""
        host = self._hosts.take_idle()
        if host is None:
            self._ask()
        else:
            self._actor = host.actor
            self._settle(host)

    def _ask(self) -> None:
        self._actor = self._hosts.make()
        self._answers.when_answered(self._actor.facts.remote(), self._described)

    def send(self, message: object) -> None:
        """Send a message."""
        self._actor.take.remote(self._number, pickle.dumps(message))

    def receive(self) -> Iterator[object]:
        """The messages that have come; raises `EOFError` after the last one of a worker that is gone."""
        with self._answers.news:
            messages, self._messages, ended = self._messages, [], self._exit
            self.has_news = ended is not None
        yield from map(pickle.loads, messages)
        if ended is not None:
            raise EOFError

    def said(self) -> list[str]:
        """The lines that it wrote since the last call."""
        with self._answers.news:
            said, self._said = self._said, []
        return said

    def resident_bytes(self) -> int:
        """The memory that it held when it was last heard of."""
        return self._resident_bytes

    def memory_bytes(self, gpu: str | None) -> int | None:
        """The memory of its machine."""
        return self._memory_bytes or None

    def vital_signs(self, besides: int | None) -> VitalSigns | None:
        """What its host saw of its life; None where that is silent."""
        self._besides = besides
        return self._signs if time.monotonic() - self._heard_at < _SILENT_SECONDS else None

    def exit(self) -> Exit:
        """How it ended."""
        assert self._exit is not None, "asked when it is gone"
        return self._exit

    def end(self) -> None:
        """Tell its actor to end it, and itself."""
        if not self._is_closed:
            self._is_closed = True
            self._tell_actor_to_end()

    def close(self) -> None:
        """See that it is gone; its actor stays for another one, unless it was told to end or something is wrong."""
        if self._is_gone:
            return
        was_ended, self._is_closed, self._is_gone = self._is_closed, True, True
        if not was_ended:
            if self._host is not None and self._exit is None and self._leaves():
                self._hosts.keep(self._host)
                return
            self._tell_actor_to_end()
        seconds = self._ended_at + _END_SECONDS - time.monotonic() if self.is_placed else 0.0
        ray.wait([self._stopped], timeout=max(0.0, seconds))
        ray.kill(self._actor)

    def _tell_actor_to_end(self) -> None:
        self._ended_at, self._stopped = time.monotonic(), self._actor.stop.remote()

    def _leaves(self) -> bool:
        """Have it ended alone; whether its actor has done so."""
        try:
            ray.get(self._actor.leave.remote(), timeout=_END_SECONDS)
        except Exception:  # Ray's, where the actor is gone or does not answer
            return False
        return True

    # In the listening thread

    def _described(self, answer: tuple[str, MachineFacts] | Exception) -> None:
        """The actor is there."""
        if self._is_closed:
            return
        if isinstance(answer, Exception):
            self._lost(answer)
            return
        machine, facts = answer
        if not self._admission.admit(machine, facts):
            ray.kill(self._actor)
            self._ask()
            return
        self._settle(Host(self._actor, machine, self._admission.name_of(machine, facts), facts))

    def _settle(self, host: Host) -> None:
        """Begin with an actor on a machine that was admitted."""
        self._number = host.next_number()
        host.actor.begin.remote(self._number, self._setup)
        with self._answers.news:
            self._host, self.node, self.kind = host, host.node, host.facts.kind
            self._memory_bytes, self._heard_at = host.facts.memory_bytes, time.monotonic()
            self.is_placed = self.has_news = True
            self._answers.news.notify_all()
        for _ in range(_UNDER_WAY):
            self._hear()

    def _hear(self) -> None:
        self._answers.when_answered(self._actor.hear.remote(self._number, self._besides), self._heard)

    def _heard(self, answer: Heard | Exception | None) -> None:
        if self._is_closed or answer is None:
            return
        if isinstance(answer, Exception):
            self._lost(answer)
            return
        self._early[answer.number] = answer
        while (next_answer := self._early.pop(self._next_answer, None)) is not None:
            self._next_answer += 1
            self._take(next_answer)

    def _take(self, answer: Heard) -> None:
        """What was heard, in its turn."""
        with self._answers.news:
            self._heard_at = time.monotonic()
            self.pid, self._signs, self._resident_bytes = answer.pid, answer.signs, answer.resident_bytes
            self._messages += answer.messages
            self._said += answer.said
            self._exit = answer.exit
            if answer.messages or answer.exit:
                self.has_news = True
                self._answers.news.notify_all()
        if answer.exit is None:
            self._hear()

    def _lost(self, error: Exception) -> None:
        """The actor is gone, with its machine or alone: nothing that its worker did."""
        with self._answers.news:
            # What is known of the worker's own end stays: an actor may go after it has told that.
            why = self._admission.why_lost(self._host.machine if self._host else "", error)
            self._exit = self._exit or Exit(True, why, was_held_up=True)
            self.has_news = True
            self._answers.news.notify_all()
