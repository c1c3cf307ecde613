"""How tasks reach workers: all that a pool knows of where its workers are."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from metaqnn.workers.vital_signs import VitalSigns


@dataclass(frozen=True)
class WorkerSetup:
    """The first message to a worker.

    Attributes:
        worker: its number, from 1.
        start: what starts the runner (`metaqnn.workers.runner.StartRunner`), pickled.
        gpu: the one GPU that the worker sees, as CUDA_VISIBLE_DEVICES names it; None leaves the choice open.
        path: folders that the worker looks for modules in after all others.
        beat_seconds: the worker says that it lives every so many seconds; None: never.
        arrays: the folder that `metaqnn.core.Place.arrays` names; None where no data come along.
    """

    worker: int
    start: bytes
    gpu: str | None = None
    path: tuple[str, ...] = ()
    beat_seconds: float | None = None
    arrays: str | None = None


@dataclass(frozen=True)
class Exit:
    """How a worker ended.

    Attributes:
        was_killed: whether by somebody's signal and not by its own doing.
        reason: why, in one sentence.
        fault: of the machine by which it ended, in one sentence; empty where there was none.
        was_held_up: whether the cause is outside: somebody had stopped it, or its machine is out of reach.
    """

    was_killed: bool
    reason: str
    fault: str = ""
    was_held_up: bool = False


class Channel(ABC):
    """One worker, as its pool reaches it.

    Attributes:
        is_placed: whether a machine has taken it, so that it can be given a task.
        pid: that of its process, on whatever machine; 0 before it is placed.
        node: the name of the machine; empty where that is this one.
        kind: of the machine, where that is another one: see `metaqnn.core.WorkerReady`.
    """

    is_placed: bool
    pid: int
    node: str = ""
    kind: Mapping[str, str] = MappingProxyType({})

    @abstractmethod
    def send(self, message: object) -> None:
        """Send a message, without waiting for it to be taken; that a worker is gone is noticed by listening to it."""

    @abstractmethod
    def receive(self) -> Iterator[object]:
        """The messages that have come.

        Raises:
            EOFError: after the last message of a worker that is gone, or that stopped in the middle of one.
        """

    def said(self) -> list[str]:
        """The lines that it, or what it uses, has written since the last call."""
        return []

    @abstractmethod
    def resident_bytes(self) -> int:
        """The memory that the worker holds; 0 when it is gone."""

    @abstractmethod
    def memory_bytes(self, gpu: str | None) -> int | None:
        """The memory that workers there share: of a GPU, or of the machine; None where nobody tells."""

    @abstractmethod
    def vital_signs(self, besides: int | None) -> VitalSigns | None:
        """What its process shows of its life, the thread `besides` left out; None where nobody tells."""

    @abstractmethod
    def exit(self) -> Exit:
        """How a worker that is gone ended."""

    @abstractmethod
    def end(self) -> None:
        """Tell it to end at once, without waiting for it."""

    @abstractmethod
    def close(self) -> None:
        """End it at once and wait until it is gone, but not for ever; further calls do nothing."""


class Transport(ABC):
    """Starts workers, each of which serves with a `metaqnn.workers.process_main.Server`."""

    @abstractmethod
    def start(self, setup: WorkerSetup) -> Channel:
        """Start a worker; returns at once."""

    @abstractmethod
    def wait(self, channels: Sequence[Channel], timeout: float) -> list[Channel]:
        """Wait at most `timeout` seconds until some have something to receive, or their workers are gone."""

    def notices(self) -> list[str]:
        """What has become known since the last call that a person should know, a sentence each."""
        return []

    def close(self) -> None:  # noqa: B027 - optional
        """Let go of what the transport itself holds, when all channels are closed."""
