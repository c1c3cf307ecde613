"""The contract of a strategy: what to try next?"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from metaqnn.core.episode import Episode, EpisodeOrigin, QValue
from metaqnn.core.options import NoOptions
from metaqnn.core.space import Space
from metaqnn.core.trajectory import Trajectory


@dataclass(frozen=True)
class PendingEpisode:
    """An episode whose result may not be known to the next proposal.

    Attributes:
        number: from 1.
        architecture: canonical text.
        is_new: whether its architecture was never proposed before.
        origin: sampled, retried or imported.
    """

    number: int
    architecture: str
    is_new: bool
    origin: EpisodeOrigin


@dataclass(frozen=True)
class Context:
    """What a search says of itself when it asks for a proposal.

    Attributes:
        number: of the episode that is asked for, from 1.
        budget: distinct architectures that the search began with; a larger one later does not change it.
        distinct: architectures sampled so far.
        repeats: sampled episodes in a row, up to now, that proposed nothing new.
        pending: every episode after the last that was told, in order.
    """

    number: int
    budget: int
    distinct: int
    repeats: int
    pending: tuple[PendingEpisode, ...] = ()


@dataclass(frozen=True)
class Exploration:
    """How far a strategy has come in its exploration schedule, for displays.

    Attributes:
        epsilon: of the next proposal; None when the schedule is over, and where there is none.
        exhausted: epsilons of the stages that ended early for finding nothing new.
    """

    epsilon: float | None = None
    exhausted: tuple[float, ...] = ()


@dataclass(frozen=True)
class Expectation:
    """What a strategy expects of a network before it is evaluated.

    Attributes:
        mean: the reward that is expected.
        deviation: standard deviation of the reward about it, chance in the evaluation included; at least 0.
    """

    mean: float
    deviation: float


class Strategy(ABC):
    """Decides what to try next: a pure function of the seed, the episodes told and the context.

    Args:
        options: the section `strategy`, as `Options`.
        space: what it walks in.
        seed: the search's; all randomness derives from it and from the number of the episode.

    Attributes:
        max_repeats: so many repeats in a row say that nothing new is to be expected.

    Examples:
        >>> from metaqnn.core import Context, Episode, Strategy
        >>> from metaqnn.seeding import Stream
        >>> class FirstStep(Strategy):
        ...     '''Repeats the first decision of the best episode; the others are random.'''
        ...
        ...     best = (float("-inf"), None)
        ...
        ...     def ask(self, context, recorded=None):
        ...         stream, first = Stream(self.seed, "first step", context.number), self.best[1]
        ...         at_start = lambda state, choices: state.startswith("0:") and first in choices
        ...         return self.space.walk(lambda state, choices: choices.index(first) if at_start(state, choices)
        ...                                else stream.integer(len(choices)))
        ...
        ...     def tell(self, episode):
        ...         step = self.space.trajectory(episode.architecture).steps[0]
        ...         self.best = max(self.best, (episode.reward, step.action))
        >>> from metaqnn.tables.chain import ChainConfig, ChainSpace
        >>> strategy = FirstStep(FirstStep.Options(), ChainSpace(ChainConfig("chain", (3, 3, 3))), seed=0)
        >>> strategy.tell(Episode(1, 1, {}, 1, "201", 1, score=0.9, reward=0.9, reused=False))
        >>> [strategy.ask(Context(number, 20, number - 1, 0)).architecture for number in (2, 3, 4)]
        ['210', '202', '210']
    """

    Options: ClassVar[type] = NoOptions
    """The frozen dataclass of its section; `name` need not be among its fields."""

    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """Named settings that `preset: NAME` fills its section with; keys given beside it win. The first is the default."""

    max_repeats: int = 500

    def __init__(self, options: Any, space: Space, seed: int):
        self.options, self.space, self.seed = options, space, seed

    @property
    def default_models(self) -> int:
        """The budget of distinct architectures where none is given."""
        return 2700

    @abstractmethod
    def ask(self, context: Context, recorded: Mapping[str, float] | None = None) -> Trajectory:
        """Propose the architecture of an episode; never learns, and asked again answers the same.

        Args:
            context: where the search stands.
            recorded: what was recorded with this very episode, to propose it once more; None derives it.
        """

    def is_exhausted(self, context: Context) -> bool:
        """Whether nothing new is to be expected: the search ends."""
        return context.repeats >= self.max_repeats

    def describe_progress(self, context: Context) -> Exploration:
        """How far its exploration schedule has come; a strategy without one has nothing to say."""
        return Exploration()

    @abstractmethod
    def tell(self, episode: Episode) -> None:
        """Learn from an episode; called once for each, in order."""

    def values(self) -> Sequence[QValue]:
        """Everything that was ever updated; empty for a strategy that keeps no values."""
        return ()

    def snapshot(self) -> Sequence[QValue]:
        """The values changed since the last snapshot; empty for a strategy that keeps none."""
        return ()

    def planned_values(self, context: Context) -> Sequence[QValue]:
        """The values that it would decide by when asked now; empty where it plans nothing."""
        return ()

    def expect(self, trajectory: Trajectory) -> Expectation | None:
        """What it expects of a network after all that it was told; None where it has no expectations."""
        return None

    def importances(self) -> Mapping[str, float]:
        """How much it has learned that each thing matters in which networks differ, from 0 to 1, by name."""
        return {}

    def restore(self, episodes: Iterable[Episode], values: Iterable[QValue]) -> None:
        """Take up a snapshot on a fresh strategy: as if all `episodes` had been told, which is what this does.

        Args:
            episodes: every episode up to the snapshot, in order.
            values: all values as of the last of them, for a strategy that can save time by them.
        """
        for episode in episodes:
            self.tell(episode)
