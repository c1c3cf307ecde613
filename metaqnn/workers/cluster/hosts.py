"""The actors of a search: they are made where machines are admitted, and stay when their workers are replaced."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import ray

from metaqnn.workers.cluster.admission import Admission
from metaqnn.workers.cluster.connection import Resources
from metaqnn.workers.cluster.facts import MachineFacts
from metaqnn.workers.cluster.host import Parcel, worker_host
from metaqnn.workers.cluster.shipment import Shipment


@dataclass(frozen=True)
class Host:
    """An actor that has a machine.

    Attributes:
        actor: a `metaqnn.workers.cluster.host.WorkerHost`, as Ray reaches it.
        machine: Ray's number of its machine.
        node: the name of that.
        facts: what it is.
        numbers: of the workers that it will have.
    """

    actor: Any
    machine: str
    node: str
    facts: MachineFacts
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def next_number(self) -> int:
        """That of its next worker, from 1."""
        return next(self.numbers)


class Hosts:
    """Where actors come from.

    Args:
        resources: of each.
        admission: knows which machines are refused.
        modules: what goes along for imports.
        arrays: the evaluator's data; None where it reads them itself.
    """

    def __init__(self, resources: Resources, admission: Admission, modules: Shipment | None, arrays: Shipment | None):
        self._resources, self._admission = resources, admission
        self._modules, self._arrays = _parcel(modules), _parcel(arrays)
        self._idle: list[Host] = []

    def make(self) -> Any:
        """Ask Ray for an actor on a machine that is not refused."""
        refused = ",".join(self._admission.refused)
        elsewhere = {"label_selector": {"ray.io/node-id": f"!in({refused})"}} if refused else {}
        options = {**self._resources.options(), "scheduling_strategy": "SPREAD", **elsewhere}
        return worker_host.options(**options).remote(self._modules, self._arrays, self._admission.libraries)

    def keep(self, host: Host) -> None:
        """An actor has no worker any more."""
        self._idle.append(host)

    def take_idle(self) -> Host | None:
        """An actor that has none, if there is one; within ten seconds, or it has ended itself."""
        return self._idle.pop() if self._idle else None

    def close(self) -> None:
        """End actors that have none, and let go of what was sent."""
        while (host := self.take_idle()) is not None:
            ray.kill(host.actor)
        self._modules = self._arrays = None


def _parcel(shipment: Shipment | None) -> Parcel | None:
    return None if shipment is None else Parcel(shipment.hash, [ray.put(shipment.content)])
