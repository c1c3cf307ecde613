"""The epsilon schedule: how greedy an episode is, by the number of distinct architectures proposed before it.

Everything is a pure function of the recorded proposals (was each one new or a repeat?), so an interrupted search
needs to store no position in its schedule.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from metaqnn.config import require

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


@dataclass(frozen=True)
class Progress:
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

    def __post_init__(self):
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
        """The exploration rate of the next proposal; the schedule must not be over."""
        return self.stages[progress.stage][0]

    def advance(self, progress: Progress, is_new: bool) -> Progress:
        """The progress after one more proposal.

        Args:
            progress: before it.
            is_new: whether its architecture was never proposed before.
        """
        if not is_new:
            progress = replace(progress, repeats=progress.repeats + 1)
            if progress.repeats < self.max_repeats:
                return progress
            exhausted = (*progress.exhausted, progress.stage)
            return replace(progress, stage=progress.stage + 1, distinct_in_stage=0, repeats=0, exhausted=exhausted)
        progress = replace(
            progress,
            distinct=progress.distinct + 1,
            distinct_in_stage=progress.distinct_in_stage + 1,
            repeats=0,
        )
        is_last = progress.stage == len(self.stages) - 1
        if not is_last and progress.distinct_in_stage >= self.stages[progress.stage][1]:
            progress = replace(progress, stage=progress.stage + 1, distinct_in_stage=0)
        return progress

    def progress(self, novelty: Iterable[bool]) -> Progress:
        """The progress after all proposals so far, each new or not."""
        progress = Progress()
        for is_new in novelty:
            progress = self.advance(progress, is_new)
        return progress
