"""The retrainings and the looks at the test split, as they are recorded; no data set is opened."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from metaqnn.core import TRAINING, CurvePoint, Retraining, Score, Status, TestLook
from metaqnn.replay.reader import ReplayReader
from metaqnn.replay.retrainings import read_retraining_curve, read_retrainings, read_test_looks
from metaqnn.reports.words import percent

_NAMES = {"r2": "R²", "negative_rmse": "negative RMSE"}


@dataclass(frozen=True)
class Measure:
    """What retrained networks are compared by: of an accuracy its error, as papers do, otherwise the score itself."""

    score: Score

    @property
    def is_error(self) -> bool:
        """Whether it is one minus the score."""
        return self.score.name == "accuracy"

    @property
    def name(self) -> str:
        """In words, to stand behind `validation` or `test`."""
        return "error" if self.is_error else score_words(self.score)

    @property
    def column(self) -> str:
        """In tables of numbers, likewise."""
        return "error" if self.is_error else self.score.name

    def of(self, score: float | None) -> float | None:
        """It, where the score is known."""
        return 1.0 - score if self.is_error and score is not None else score

    def words(self, value: float | None) -> str:
        """A value as people read it; a dash for None."""
        return percent(value) if self.is_error else self.score.words(value)

    def interval(self, look: TestLook) -> tuple[float, float] | None:
        """The 95 % interval of a look; None of what is no share."""
        if not self.score.is_share:
            return None
        return error_interval(look) if self.is_error else look.interval()

    def interval_words(self, look: TestLook | None) -> str:
        """The same for people."""
        found = None if look is None else self.interval(look)
        return "-" if found is None else f"{self.words(found[0])} to {self.words(found[1])}"


def score_words(score: Score) -> str:
    """The name of a score as people write it."""
    return _NAMES.get(score.name) or score.name.replace("_", " ")


@dataclass(frozen=True)
class Spread:
    """Some values: their mean, least and largest, and standard deviation (None for a single one)."""

    count: int
    mean: float
    low: float
    high: float
    deviation: float | None


@dataclass(frozen=True)
class Tested:
    """A retraining with the last look at the test split of its data.

    Attributes:
        retraining: the training.
        curve: its epochs so far.
        look: the last look at it alone; None where nobody looked.
        looks: at it alone, in all.
        measure: what it is compared by.
    """

    retraining: Retraining
    curve: tuple[CurvePoint, ...]
    look: TestLook | None
    looks: int
    measure: Measure

    @property
    def test(self) -> float | None:
        """By the measure; None where nobody looked."""
        return self.measure.of(None if self.look is None else self.look.score)

    @property
    def validation(self) -> float | None:
        """After the last epoch; None before its end, and where trained on those images."""
        return self.measure.of(self.retraining.score)


@dataclass(frozen=True)
class RetrainingGroup:
    """The same network trained by the same recipe on the same images with several seeds.

    Attributes:
        model: its number.
        architecture: what is trained.
        recipe, dataset: their names; of a data set that is a path, its last part.
        part: the images that it learns from.
        is_finetuned: whether it began with the weights of another.
        members: its trainings.
        validation: spread of the measure on validation images over the seeds; None without any.
        test: likewise, on the test split.
    """

    model: int
    architecture: str
    recipe: str
    dataset: str
    part: str
    is_finetuned: bool
    members: tuple[Tested, ...]
    validation: Spread | None
    test: Spread | None

    @property
    def unfinished(self) -> int:
        """Trainings that have not ended."""
        return sum(member.retraining.status == TRAINING for member in self.members)

    @property
    def failed(self) -> tuple[Retraining, ...]:
        """Trainings that ended without a result."""
        return tuple(m.retraining for m in self.members if m.retraining.status not in (TRAINING, Status.OK))


@dataclass(frozen=True)
class Retrainings:
    """Everything after the search: groups, in the order of their first training, and every look at a test split."""

    groups: tuple[RetrainingGroup, ...]
    looks: tuple[TestLook, ...]
    measure: Measure

    @property
    def ensembles(self) -> tuple[TestLook, ...]:
        """The looks at more than one network."""
        return tuple(look for look in self.looks if look.kind != "network")


def read_retrainings_and_looks(reader: ReplayReader) -> Retrainings:
    """Read them all."""
    looks, measure = tuple(read_test_looks(reader)), Measure(reader.score())
    groups: dict[tuple, list[Tested]] = {}
    for retraining in read_retrainings(reader):
        own = [look for look in looks if look.kind == "network" and look.retrainings == (retraining.number,)]
        curve = tuple(read_retraining_curve(reader, retraining.number))
        tested = Tested(retraining, curve, own[-1] if own else None, len(own), measure)
        of_it = (retraining.model, retraining.architecture, repr(retraining.recipe), repr(retraining.dataset))
        groups.setdefault((*of_it, retraining.split, retraining.finetuned_from is not None), []).append(tested)
    return Retrainings(tuple(map(_group, groups.values())), looks, measure)


def error_interval(look: TestLook) -> tuple[float, float]:
    """The 95 % interval of the error of a look, in [0, 1]."""
    low, high = look.interval()
    return 1.0 - high, 1.0 - low


def spread_of(values: Sequence[float]) -> Spread | None:
    """The spread of some values; None for none."""
    if not values:
        return None
    deviation = stdev(values) if len(values) > 1 else None
    return Spread(len(values), fmean(values), min(values), max(values), deviation)


def _group(members: Sequence[Tested]) -> RetrainingGroup:
    first = members[0].retraining
    return RetrainingGroup(
        first.model,
        first.architecture,
        str(first.recipe.get("name", "-")),
        str(first.dataset.get("name", "-")).rstrip("/").rpartition("/")[2],
        str(first.split),
        first.finetuned_from is not None,
        tuple(members),
        spread_of([m.validation for m in members if m.validation is not None]),
        spread_of([m.test for m in members if m.test is not None]),
    )
