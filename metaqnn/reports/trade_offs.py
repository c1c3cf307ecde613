"""Accuracy against cost: the networks that none beats in both."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from metaqnn.replay.leaderboard import Network


@dataclass(frozen=True)
class TradeOffs:
    """The Pareto fronts, each from the cheapest network to the best."""

    by_parameters: tuple[Network, ...]
    by_flops: tuple[Network, ...]

    @property
    def networks(self) -> tuple[Network, ...]:
        """Those on either front, the best first."""
        found = {network.model: network for network in (*self.by_parameters, *self.by_flops)}
        return tuple(sorted(found.values(), key=lambda n: (-n.accuracy, n.parameters, n.model)))


def trade_offs_of(networks: Sequence[Network]) -> TradeOffs:
    """The fronts of some networks."""
    return TradeOffs(
        pareto_front(networks, lambda network: network.parameters),
        pareto_front(networks, lambda network: network.flops),
    )


def pareto_front(networks: Sequence[Network], cost: Callable[[Network], int]) -> tuple[Network, ...]:
    """The networks for which no other costs at most as much and is at least as good; of equal ones the first."""
    front: list[Network] = []
    for network in sorted(networks, key=lambda n: (cost(n), -n.accuracy, n.model)):
        if not front or network.accuracy > front[-1].accuracy:
            front.append(network)
    return tuple(front)
