"""The workers of a search on the machines of a cluster: what they need, and what goes along."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from metaqnn.core import Candidate, Evaluator, Space
from metaqnn.errors import ConfigError
from metaqnn.replay.reader import ReplayReader
from metaqnn.search.config import ClusterConfig
from metaqnn.seeding import Stream
from metaqnn.strategies.walks import random_walk
from metaqnn.workers.memory import GIBIBYTE, IDLE_BYTES
from metaqnn.workers.transport import Transport
from metaqnn.workflows.experiment import Experiment
from metaqnn.workflows.resume import VERSIONED

if TYPE_CHECKING:
    from metaqnn.workers.cluster.connection import Cluster, Resources

_SAMPLES = 64
"""Networks of which the largest says what memory a worker asks for."""


@dataclass(frozen=True)
class OpenCluster:
    """A cluster that a search has reached.

    Attributes:
        config: as said by the experiment and the command.
        cluster: connected.
        resources: that a candidate needs.
        room: how many have room side by side.
    """

    config: ClusterConfig
    cluster: "Cluster"
    resources: "Resources"
    room: int

    def make_transport(
        self, evaluator: Evaluator, reader: ReplayReader, workers: int, announce: Callable[[str], None]
    ) -> Transport:
        """Have modules and data sent, and look at the machines.

        Args:
            evaluator: not started yet.
            reader: the database, for the kind of machine that it was begun on.
            workers: how many will be asked for.
            announce: told where fewer have room now.

        Raises:
            ClusterError: no machine fits.
        """
        from metaqnn.workers.cluster.shipment import shipment, users_modules
        from metaqnn.workers.cluster.transport import RayTransport

        if workers > self.room:
            announce(f"The cluster has room for {self.room} of {workers} workers; the others begin when it grows.")
        arrays = {} if self.config.data == "path" else evaluator.arrays()
        if self.config.data == "send" and not arrays:
            raise ConfigError(
                "search.cluster.data: send: expected data that fit in memory, but these stay on the disk, or their "
                "evaluator has none to send; use data: path, and have them on each machine"
            )
        modules = users_modules()
        return RayTransport(
            self.cluster,
            self.resources,
            VERSIONED,
            shipment(modules) if modules else None,
            shipment({f"{name}.npy": array for name, array in arrays.items()}) if arrays else None,
            reader.first_machine(),
            self.config.same_kind,
        )


@contextmanager
def opened_cluster(
    experiment: Experiment, address: str | None, same_kind: bool, evaluator: Evaluator, space: Space
) -> Iterator[OpenCluster | None]:
    """The cluster that an experiment or a command names, if either does.

    Args:
        experiment: what to search.
        address: as the command says; None is as the experiment says.
        same_kind: whether machines of another kind are refused, whatever the experiment says.
        evaluator: not started yet.
        space: its networks tell what memory a worker needs.

    Raises:
        ClusterError: it cannot be reached, or has no room for a candidate.
    """
    config = experiment.search.cluster
    assert not isinstance(config, str), "it became a section"
    if address is not None:
        if not address.strip():
            raise ConfigError(f"--cluster: expected auto, local, ray://host:port or host:port, got {address!r}")
        config = replace(config, address=address) if config else ClusterConfig(address)
    if config is None:
        yield None
        return
    from metaqnn.workers.cluster.connection import Cluster, Resources

    config = replace(config, same_kind=config.same_kind or same_kind)
    with Cluster(config.address) as cluster:
        gpus = config.gpus
        if gpus is None:
            gpus = float(any(machine.resources.get("GPU") for machine in cluster.machines()))
        if config.memory is not None:
            memory_bytes = round(config.memory * GIBIBYTE)
        else:
            memory_bytes = _memory_bytes(evaluator, space, experiment.seed)
        resources = Resources(config.cpus, gpus, memory_bytes)
        yield OpenCluster(config, cluster, resources, cluster.require_room(resources))


def _memory_bytes(evaluator: Evaluator, space: Space, seed: int) -> int:
    """What a worker may hold: its limit, or what the largest of some random networks takes; 0 where nobody knows."""
    if evaluator.limits.max_bytes is not None:
        return round(evaluator.limits.max_bytes)

    def need(number: int) -> int:
        walk = random_walk(space, Stream(seed, "cluster memory", number))
        actions = tuple(step.action for step in walk.steps)
        return evaluator.need_bytes(Candidate(number, walk.architecture, seed, actions))

    most = max(map(need, range(_SAMPLES)))
    return IDLE_BYTES + most if most else 0
