"""The epsilon schedule: how greedy an episode is, by the number of distinct architectures proposed before it.

Everything is a pure function of the recorded proposals (was each one new or a repeat?), so an interrupted search
needs to store no position in its schedule.
"""

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, Generic, NamedTuple, TypeVar

from metaqnn.config import require
from metaqnn.core import (
    Context,
    Episode,
    EpisodeOrigin,
    Exploration,
    PendingEpisode,
    Proposal,
    Space,
    Strategy,
    Trajectory,
)
from metaqnn.errors import ConfigError

PAPER_SCHEDULE: tuple[tuple[float, int], ...] = (
    (1.0, 1500),
    (0.9, 100),
    (0.8, 100),
    (0.7, 100),
    (0.6, 150),
    (0.5, 150),
    (0.4, 150),
    (0.3, 150),
    (0.2, 150),
    (0.1, 150),
)
"""(epsilon, distinct models): Baker et al. (ICLR 2017), Table 2."""


class Progress(NamedTuple):
    """How far a search has come in its schedule.

    Attributes:
        distinct: architectures proposed so far.
        stage: index of the current stage; the number of stages when the schedule is over.
        distinct_in_stage: of them, proposed in the current stage.
        repeats: repeats in a row up to now.
        exhausted: indices of the stages that ended early because they found nothing new.
    """

    distinct: int = 0
    stage: int = 0
    distinct_in_stage: int = 0
    repeats: int = 0
    exhausted: tuple[int, ...] = ()


START = Progress()
"""Before the first proposal."""


@dataclass(frozen=True)
class Schedule:
    """Stages of decreasing exploration.

    The last stage has no end of its own: a search ends with its budget. So a larger budget extends the last stage,
    a smaller one truncates, and what an exhausted stage leaves over falls to the last.

    Attributes:
        stages: (epsilon, distinct models) in order.
        max_repeats: a stage ends after so many repeats in a row.
    """

    stages: tuple[tuple[float, int], ...]
    max_repeats: int

    def __post_init__(self) -> None:
        require(bool(self.stages), "schedule", "at least one stage [epsilon, models]", list(self.stages))
        for epsilon, models in self.stages:
            require(0.0 <= epsilon <= 1.0, "schedule", "every epsilon from 0 to 1", epsilon)
            require(models >= 1, "schedule", "at least 1 model in every stage", models)
        require(self.max_repeats >= 1, "max_repeats", "at least 1", self.max_repeats)

    @property
    def total(self) -> int:
        """Distinct architectures over all stages."""
        return sum(models for _, models in self.stages)

    def scaled(self, total: int) -> "Schedule":
        """The schedule for another number of models, in the same proportions.

        By largest remainder, to exactly `total`, each stage at least one. Where there are fewer models than
        stages, each of the first, the last and evenly spaced ones gets one model.
        """
        stages, count = self.stages, len(self.stages)
        if total < count:
            # Rounded to the nearest index, in whole numbers: the first for i = 0, the last for i = total - 1.
            gaps = max(1, total - 1)
            kept = [(i * (count - 1) + gaps // 2) // gaps for i in range(total)]
            return replace(self, stages=tuple((stages[i][0], 1) for i in kept))
        models = [max(1, total * m // self.total) for _, m in stages]

        def shortfall(i: int) -> int:
            """Share minus count of a stage, times the old total to stay in whole numbers."""
            return total * stages[i][1] - models[i] * self.total

        while sum(models) < total:
            models[max(range(count), key=lambda i: (shortfall(i), -i))] += 1
        while sum(models) > total:
            models[min((i for i in range(count) if models[i] > 1), key=lambda i: (shortfall(i), i))] -= 1
        return replace(self, stages=tuple((e, m) for (e, _), m in zip(stages, models, strict=True)))

    def is_over(self, progress: Progress) -> bool:
        """Whether even the last stage found nothing new."""
        return progress.stage >= len(self.stages)

    def epsilon(self, progress: Progress) -> float:
        """The exploration rate of the next proposal; the last stage's where the schedule is over."""
        return self.stages[min(progress.stage, len(self.stages) - 1)][0]

    def describe(self, progress: Progress) -> Exploration:
        """The same for displays."""
        epsilon = None if self.is_over(progress) else self.epsilon(progress)
        return Exploration(epsilon, tuple(self.stages[stage][0] for stage in progress.exhausted))

    def advance(self, progress: Progress, is_new: bool) -> Progress:
        """The progress after one more proposal, whose architecture is new or was proposed before."""
        if not is_new:
            progress = progress._replace(repeats=progress.repeats + 1)
            if progress.repeats < self.max_repeats:
                return progress
            exhausted = (*progress.exhausted, progress.stage)
            return progress._replace(stage=progress.stage + 1, distinct_in_stage=0, repeats=0, exhausted=exhausted)
        progress = progress._replace(
            distinct=progress.distinct + 1, distinct_in_stage=progress.distinct_in_stage + 1, repeats=0
        )
        is_last = progress.stage == len(self.stages) - 1
        if not is_last and progress.distinct_in_stage >= self.stages[progress.stage][1]:
            progress = progress._replace(stage=progress.stage + 1, distinct_in_stage=0)
        return progress

    def progress(self, novelty: Iterable[bool], after: Progress = START) -> Progress:
        """The progress after more proposals, each new or not."""
        for is_new in novelty:
            after = self.advance(after, is_new)
        return after

    def recorded(self, episodes: Iterable[Episode], proposals: Iterable[Proposal]) -> Progress:
        """The progress of a recorded search; what was imported or retried counts for nothing."""
        progress = self.progress(not e.reused for e in episodes if e.origin is EpisodeOrigin.SAMPLED)
        return self.progress(
            (p.evaluation is not None for p in proposals if p.origin is EpisodeOrigin.SAMPLED), progress
        )


@dataclass(frozen=True, kw_only=True)
class ScheduleConfig:
    """The keys that the section `strategy` has for every built-in strategy.

    Attributes:
        preset: the named settings that the other keys are filled from; keys beside it win.
        schedule: stages [epsilon, distinct models]; a single one where a strategy knows no epsilon.
        max_repeats: a stage ends after so many repeats in a row, for spaces that run out of networks.
    """

    schedule: tuple[tuple[float, int], ...] = ((1.0, 2700),)
    max_repeats: int = 500

    def __post_init__(self) -> None:
        Schedule(self.schedule, self.max_repeats)


def imported(strategy: str, package: str, *others: str) -> Any:
    """The package that a strategy is made of; it and others come with an extra of the strategy's name.

    Raises:
        ConfigError: one of them is not installed.
    """
    try:
        modules = [import_module(name) for name in (package, *others)]
    except ImportError:
        raise ConfigError(
            f"strategy.name: {strategy} needs the package {package}, which is not installed; "
            f"pip install 'metaqnn[{strategy}]'"
        ) from None
    return modules[0]


_Config = TypeVar("_Config", bound=ScheduleConfig)


class ScheduledStrategy(Strategy, Generic[_Config]):
    """A strategy whose proposals have an exploration rate, by a schedule that it scales to the budget of the search.

    Those that make no use of the rate have it recorded all the same: stored searches of theirs hold it, and verify.
    """

    def __init__(self, options: _Config, space: Space, seed: int):
        super().__init__(options, space, seed)
        self.config = config = options
        self._unscaled = self._schedule = Schedule(config.schedule, config.max_repeats)
        self.max_repeats = config.max_repeats
        self._novelty: list[bool] = []  # of the sampled episodes told
        self._progress, self._counted = START, 0  # so many of them are in the progress
        self._newest: PendingEpisode | None = None  # up to it, told or pending,
        self._ahead = START  # the progress is this

    @property
    def default_models(self) -> int:
        """The schedule's total."""
        return self._unscaled.total

    def ask(self, context: Context, recorded: Mapping[str, float] | None = None) -> Trajectory:
        """Propose at the schedule's exploration rate, or at the recorded one."""
        epsilon = recorded.get("epsilon") if recorded else None
        if epsilon is None:
            epsilon = self._epsilon(context)
        proposed = self._propose(context, epsilon)
        return replace(proposed, recorded={"epsilon": epsilon, **proposed.recorded})

    def _epsilon(self, context: Context) -> float:
        """The exploration rate of a proposal: the schedule's."""
        progress = self._progress_at(context)  # which scales the schedule
        return self._schedule.epsilon(progress)

    @abstractmethod
    def _propose(self, context: Context, epsilon: float) -> Trajectory:
        """Propose at an exploration rate in [0, 1]; a strategy that knows none ignores it."""

    def tell(self, episode: Episode) -> None:
        """Count an episode of the schedule; what was imported or retried is none."""
        if episode.origin is EpisodeOrigin.SAMPLED:
            self._novelty.append(not episode.reused)

    def is_exhausted(self, context: Context) -> bool:
        """Whether even the last stage found nothing new."""
        progress = self._progress_at(context)
        return self._schedule.is_over(progress)

    def describe_progress(self, context: Context) -> Exploration:
        """Where it stands in its schedule."""
        progress = self._progress_at(context)
        described = self._schedule.describe(progress)
        return described if described.epsilon is None else replace(described, epsilon=self._epsilon(context))

    def _progress_at(self, context: Context) -> Progress:
        """The progress after all episodes told and pending; sees to it that the schedule is scaled."""
        if self._schedule.total != context.budget:
            self._schedule = self._unscaled.scaled(context.budget)
            self._progress, self._counted, self._newest = START, 0, None
        self._progress = self._schedule.progress(self._novelty[self._counted :], self._progress)
        self._counted = len(self._novelty)
        # Of thousands in flight all but the newest have been counted, the last time that somebody asked.
        pending, newest = context.pending, self._newest
        place = newest.number - pending[0].number if pending and newest else -1
        is_counted = 0 <= place < len(pending) and pending[place] is newest
        rest = pending[place + 1 :] if is_counted else pending
        novelty = (episode.is_new for episode in rest if episode.origin is EpisodeOrigin.SAMPLED)
        ahead = self._schedule.progress(novelty, self._ahead if is_counted else self._progress)
        if pending:
            self._newest, self._ahead = pending[-1], ahead
        return ahead
