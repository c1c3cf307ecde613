"""What networks had reached when they came to the rungs of successive halving, those stopped there included."""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from metaqnn.core import Evaluation, Model, Reward
from metaqnn.networks.stopping_rule import best_score


@dataclass(frozen=True)
class _Climb:
    """A network's costs and its best score at each rung that it came to."""

    costs: Mapping[str, float]
    reached: tuple[float, ...]


class Rungs:
    """Gathers climbs as episodes are told.

    Args:
        epochs: where the rungs stand.
        reward: networks of different costs are compared by it.
        most: the newest so many networks are compared with.
    """

    def __init__(self, epochs: Sequence[int], reward: Reward, most: int):
        self.epochs, self.reward, self.most = epochs, reward, most
        self._episodes: list[int] = []
        self._readers: list[Callable[[], tuple[Model, Evaluation]]] = []
        self._climbs: dict[int, _Climb] = {}  # by place in the order of telling; what was needed so far

    def learn(self, number: int, read: Callable[[], tuple[Model, Evaluation]]) -> None:
        """Take note of an episode that has a score."""
        self._episodes.append(number)
        self._readers.append(read)

    def reached(self, newest: int, costs: Mapping[str, float]) -> Mapping[int, tuple[float, ...]]:
        """What those up to an episode had reached at each rung, as scores with which a network would earn as much.

        Args:
            newest: the number of that episode.
            costs: of the network.
        """
        known = bisect_right(self._episodes, newest)
        climbs = [self._climb(place) for place in range(max(0, known - self.most), known)]
        return {
            epoch: tuple(
                self._for_costs(climb.reached[rung], climb.costs, costs)
                for climb in climbs
                if rung < len(climb.reached)
            )
            for rung, epoch in enumerate(self.epochs)
        }

    def _climb(self, place: int) -> _Climb:
        if place not in self._climbs:
            model, evaluation = self._readers[place]()
            curve = evaluation.curve
            rungs = tuple(best_score(curve[:epoch]) for epoch in self.epochs if epoch <= len(curve))
            self._climbs[place] = _Climb(model.costs, rungs)
        return self._climbs[place]

    def _for_costs(self, reached: float, theirs: Mapping[str, float], own: Mapping[str, float]) -> float:
        score = self.reward.score_for(self.reward(reached, theirs), own)
        assert score is not None, "a reward that says it of the target says it of all"
        return score
