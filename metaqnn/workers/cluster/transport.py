"""The transport to workers on the machines of a Ray cluster: an actor keeps each of them (see `host`)."""

from collections.abc import Mapping, Sequence
from typing import cast

from metaqnn.workers.cluster.actor_channel import ActorChannel
from metaqnn.workers.cluster.admission import Admission
from metaqnn.workers.cluster.answers import Answers
from metaqnn.workers.cluster.connection import Cluster, Resources
from metaqnn.workers.cluster.hosts import Hosts
from metaqnn.workers.cluster.shipment import Shipment
from metaqnn.workers.transport import Channel, Transport, WorkerSetup


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

    Raises:
        ClusterError: no machine fits.
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
        self._admission = Admission(cluster, libraries, kind, same_kind)
        self._admission.require_one(resources)
        self._hosts = Hosts(resources, self._admission, modules, arrays)
        self._answers = Answers(cluster)

    def start(self, setup: WorkerSetup) -> Channel:
        """Ask for an actor."""
        channel = ActorChannel(setup, self._hosts, self._admission, self._answers)
        channel.place()
        return channel

    def wait(self, channels: Sequence[Channel], timeout: float) -> list[Channel]:
        """The workers that said something, have found a machine, or are gone."""
        behind_actors = cast(Sequence[ActorChannel], channels)
        self._answers.wait_for(lambda: any(channel.has_news for channel in behind_actors), timeout)
        return [channel for channel in behind_actors if channel.has_news]

    def notices(self) -> list[str]:
        """Machines that are refused, or that are of another kind."""
        return self._admission.notices()

    def close(self) -> None:
        """Let go of what was sent; the cluster stays connected."""
        self._answers.close()
        self._hosts.close()
