"""Score against cost: the architectures that none beats in both."""

from collections.abc import Sequence
from dataclasses import dataclass

from metaqnn.core import Score
from metaqnn.replay.leaderboard import RankedModel

_MOST = 2
"""So many costs are looked at, the first that the space names."""


@dataclass(frozen=True)
class TradeOff:
    """The score against one cost: its Pareto front, from the cheapest architecture to the best."""

    cost: str
    front: tuple[RankedModel, ...]


def trade_offs_of(ranking: Sequence[RankedModel], score: Score) -> tuple[TradeOff, ...]:
    """The fronts of some architectures; none where their space names no costs."""
    costs = [name for name in (ranking[0].costs if ranking else ()) if all(name in ranked.costs for ranked in ranking)]
    return tuple(TradeOff(cost, pareto_front(ranking, cost, score)) for cost in costs[:_MOST])


def on_a_front(trade_offs: Sequence[TradeOff], ranking: Sequence[RankedModel]) -> list[tuple[RankedModel, list[str]]]:
    """Every architecture on a front with the costs whose front it is on, in the order of the ranking."""
    on = [(ranked, [each.cost for each in trade_offs if ranked in each.front]) for ranked in ranking]
    return [(ranked, costs) for ranked, costs in on if costs]


def pareto_front(ranking: Sequence[RankedModel], cost: str, score: Score) -> tuple[RankedModel, ...]:
    """The architectures for which no other costs at most as much and is at least as good; of equal ones the first."""
    front: list[RankedModel] = []
    for ranked in sorted(ranking, key=lambda r: (r.costs[cost], -score.gain(r.score), r.model)):
        if not front or score.is_better(ranked.score, front[-1].score):
            front.append(ranked)
    return tuple(front)
