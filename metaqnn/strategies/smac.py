"""Bayesian optimisation with a random forest, built from the parts of SMAC3: for comparison, where it is installed.

Source: Hutter et al., Sequential Model-Based Optimization for General Algorithm Configuration (LION 2011); Lindauer et
al., SMAC3 (JMLR 2022), whose settings for hyperparameter optimisation are used: the forest on the logarithm of scaled
costs, expected improvement over the lowest cost that the forest predicts for what is known, local search and sorted
random search, and a share of the proposals at random.
A network is a list of categorical choices, one a step; where a choice is not legal the next one that is legal counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Literal

import numpy as np

from metaqnn.config import require
from metaqnn.core import Context, Episode, Space, Step, Trajectory
from metaqnn.seeding import Stream, integer_seed
from metaqnn.strategies.schedule import ScheduleConfig, ScheduledStrategy, imported
from metaqnn.strategies.walks import random_walk

_TINY = 1e-10


@dataclass(frozen=True)
class SMACConfig(ScheduleConfig):
    """The section `strategy` for `name: smac`.

    Attributes:
        random_first: so many networks are random before the first forest.
        random_share: of the proposals after that which are random; the default is SMAC3's.
        trees: of the forest; the default is SMAC3's.
        challengers: random networks that the acquisition function looks at, beside the local search.
    """

    name: Literal["smac"]
    preset: Literal["default"] = "default"
    random_first: int = 20
    random_share: float = 0.08
    trees: int = 10
    challengers: int = 1000

    def __post_init__(self) -> None:
        require(2 <= self.random_first <= 1_000_000, "random_first", "from 2 to 1000000", self.random_first)
        require(0.0 <= self.random_share <= 1.0, "random_share", "from 0 to 1", self.random_share)
        require(1 <= self.trees <= 10_000, "trees", "from 1 to 10000", self.trees)
        require(1 <= self.challengers <= 1_000_000, "challengers", "from 1 to 1000000", self.challengers)
        super().__post_init__()


class SMAC(ScheduledStrategy[SMACConfig]):
    """Sequential model-based optimisation; the forest is grown anew for every proposal.

    Raises:
        ConfigError: SMAC3 is not installed.
    """

    Options = SMACConfig
    PRESETS: ClassVar = {"default": {}}

    def __init__(self, options: SMACConfig, space: Space, seed: int):
        super().__init__(options, space, seed)
        imported("smac", "smac", "ConfigSpace")  # its parts are imported where they are used
        from ConfigSpace import CategoricalHyperparameter, ConfigurationSpace

        self._actions = tuple(map(str, space.all_actions))
        self._configurations = ConfigurationSpace(seed=0)
        self._names = tuple(f"step_{place:04}" for place in range(space.max_steps))
        self._configurations.add([CategoricalHyperparameter(name, self._actions) for name in self._names])
        self._rewards: dict[str, float] = {}
        self._rows: list[Any] = []

    def _propose(self, context: Context, epsilon: float) -> Trajectory:
        """The network of the largest expected improvement among those that are not known."""
        stream = Stream(self.seed, "smac", context.number)
        if len(self._rewards) < self.config.random_first or stream.uniform() < self.config.random_share:
            return random_walk(self.space, stream)
        for configuration in self._challengers(context.number):
            trajectory = self._decoded(configuration)
            if trajectory.architecture not in self._rewards:
                return trajectory
        return random_walk(self.space, stream)

    def tell(self, episode: Episode) -> None:
        """Add an observation; a repeat is none."""
        super().tell(episode)
        if episode.architecture not in self._rewards:
            self._rows.append(self._encoded(self.space.trajectory(episode.architecture).steps))
        self._rewards[episode.architecture] = episode.reward

    def _challengers(self, number: int) -> Any:
        """Configurations in the order of expected improvement."""
        from smac.acquisition.function import EI
        from smac.acquisition.maximizer import LocalAndSortedRandomSearch
        from smac.model.random_forest import RandomForest

        seed = integer_seed(self.seed, "forest", number)
        self._configurations.seed(seed)
        costs = _log_scaled(-np.array(list(self._rewards.values())))
        rows = np.array([row.get_array() for row in self._rows])
        # A tree of n rows has at most n leaves; SMAC3's own limit of 2**20 only costs time, as memory is reserved for
        # so many.
        forest = RandomForest(
            self._configurations, n_trees=self.config.trees, log_y=True, max_leaf_nodes=len(rows), n_jobs=1, seed=seed
        )
        improvement = EI(log=True)
        maximizer = LocalAndSortedRandomSearch(self._configurations, improvement, self.config.challengers, seed=seed)
        maximizer._local_search = _ordered_local_search()(self._configurations, improvement, seed=seed)
        forest.train(rows, costs[:, np.newaxis])
        improvement.update(model=forest, eta=float(forest.predict_marginalized(rows)[0].min()))
        return maximizer.maximize(self._rows, random_design=None)

    def _encoded(self, steps: tuple[Step, ...]) -> Any:
        """A path as a configuration; what lies beyond its end is the first action."""
        from ConfigSpace import Configuration

        actions = [step.action for step in steps] + [self._actions[0]] * (len(self._names) - len(steps))
        return Configuration(self._configurations, values=dict(zip(self._names, actions, strict=True)))

    def _decoded(self, configuration: Mapping[str, str]) -> Trajectory:
        """The path that a configuration stands for: where its action is not legal, the next legal one in order."""
        wanted = iter(self._names)

        def choose(_: str, choices: tuple[str, ...]) -> int:
            first = self._actions.index(configuration[next(wanted)])
            order = self._actions[first:] + self._actions[:first]
            return choices.index(next(action for action in order if action in choices))

        return self.space.walk(choose)


@cache
def _ordered_local_search() -> type:
    """SMAC3's local search, with the points that it starts from in an order of their own.

    It collects them in a set of configurations, whose hashes are of strings: the order, and so the proposals, would
    follow PYTHONHASHSEED. SMAC3 lets nobody choose the local search or the points, hence the private names.
    """
    from smac.acquisition.maximizer import LocalSearch

    class OrderedLocalSearch(LocalSearch):
        def _get_init_points_from_previous_configs(self, *args: Any, **settings: Any) -> list[Any]:
            points = super()._get_init_points_from_previous_configs(*args, **settings)
            return sorted(points, key=lambda point: tuple(point.get_array()))

    return OrderedLocalSearch


def _log_scaled(costs: np.ndarray) -> np.ndarray:
    """Costs scaled to (0, 1], the best fraction spread, and their logarithm, as SMAC3 encodes them."""
    least = costs.min() - (np.percentile(costs, 5) - costs.min()) - _TINY
    scaled: np.ndarray = np.log((costs - least) / max(costs.max() - least, _TINY))
    return scaled
