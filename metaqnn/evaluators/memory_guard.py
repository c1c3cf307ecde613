"""Keeps the workers within the memory of their devices: who may start now, and who has grown too large."""

from collections.abc import Sequence
from dataclasses import dataclass

from metaqnn.core import Candidate
from metaqnn.evaluators.process import WorkerProcess
from metaqnn.networks.architecture import parse
from metaqnn.networks.costs import Shape
from metaqnn.networks.training.config import TrainingConfig
from metaqnn.networks.training.memory import GIBIBYTE, IDLE_BYTES, gpu_bytes, machine_bytes, training_bytes

_MACHINE_SHARE = 0.9
"""Workers that hold more than this part of the machine's memory are ended, before the system ends something else."""


@dataclass(frozen=True)
class Swollen:
    """A worker that must end.

    Attributes:
        worker: the process.
        is_to_blame: whether its candidate alone is the cause: a fresh worker, and no crowd.
        reason: in one sentence.
    """

    worker: WorkerProcess
    is_to_blame: bool
    reason: str


class MemoryGuard:
    """What the memory allows.

    Args:
        training: the recipe, with its bound.
        input_shape: (height, width, channels); None lets candidates start whatever they need.
    """

    def __init__(self, training: TrainingConfig, input_shape: Shape | None):
        self.training, self.input_shape = training, input_shape
        self._machine_bytes = machine_bytes()
        self._capacities: dict[str | None, int | None] = {None: self._machine_bytes}

    def has_room(self, candidate: Candidate, gpu: str | None, workers: Sequence[WorkerProcess]) -> bool:
        """Whether a candidate fits beside what trains on the same device now; it always does where nothing trains.

        So several workers on one device never make a network fail that would have fitted alone.
        """
        beside = [worker for worker in workers if worker.gpu == gpu and worker.candidate is not None]
        if not beside or self.input_shape is None:
            return True
        if gpu not in self._capacities:
            self._capacities[gpu] = gpu_bytes(gpu)
        capacity = self._capacities[gpu]
        needed = sum(self._need(worker.candidate) for worker in beside) + self._need(candidate)
        sharing = sum(worker.gpu == gpu for worker in workers)
        return capacity is None or needed + sharing * IDLE_BYTES <= capacity

    def swollen(self, workers: Sequence[WorkerProcess]) -> Swollen | None:
        """A worker that holds too much, if there is one."""
        held = {worker: worker.resident_bytes() for worker in workers if worker.candidate is not None}
        limit = self.training.max_memory
        for worker, size in held.items():
            most = _MACHINE_SHARE * self._machine_bytes
            if limit is not None and not worker.is_gpu:
                most = limit * GIBIBYTE
            if size > most:
                return Swollen(worker, worker.num_trained == 0, _reason(size, most))
        most, total = _MACHINE_SHARE * self._machine_bytes, sum(held.values())
        if len(held) > 1 and total > most:
            largest = max(held, key=held.get)
            return Swollen(largest, False, _reason(total, most, "all worker processes together"))
        return None

    def _need(self, candidate: Candidate) -> int:
        """An estimate in single precision, whatever the device computes in: it costs a little waiting at most."""
        architecture, config = parse(candidate.architecture), self.training
        return training_bytes(architecture, self.input_shape, config.batch_size, has_dropout=config.dropout)


def _reason(held: float, most: float, who: str = "the worker process") -> str:
    return f"{who} grew to {held / GIBIBYTE:.2f} GiB, and the most is {most / GIBIBYTE:.2f}"
