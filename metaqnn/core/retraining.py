"""An architecture evaluated again after the search, at length, and every look at a test split."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class TrainingSplit(StrEnum):
    """The part of the data that a retraining learns from."""

    TRAIN = "train"
    TRAIN_AND_VALIDATION = "train+validation"


TRAINING = "training"
"""The status of a retraining that has not ended."""


@dataclass(frozen=True)
class Retraining:
    """An architecture retrained by a longer recipe after a search.

    Attributes:
        number: from 1.
        model: number of the model whose architecture it is.
        architecture: what is retrained: the model's, with as many outputs as its data have classes.
        seed: all randomness of the retraining derives from it.
        recipe: the section that it follows, as plain values.
        dataset: the section `dataset` that it learns from, as plain values.
        data: hashes and shapes of the data, as `config.data` of a search.
        split: the part of the data that it learns from.
        finetuned_from: the retraining whose weights it begins with; None for fresh ones.
        size: how many numbers make up what was trained.
        status: `training` until it ends; then `ok` or a failure as of an evaluation.
        reason: one sentence where it failed.
        score: on held-out data after the last epoch; None before its end, and where nothing was held out.
        seconds: wall clock of all epochs so far.
        device: what it runs on; empty before it begins.
        weights: name of the file in the folder beside the database; None before its end.
    """

    number: int
    model: int
    architecture: str
    seed: int
    recipe: Mapping[str, Any]
    dataset: Mapping[str, Any]
    data: Mapping[str, Any]
    split: TrainingSplit
    finetuned_from: int | None
    size: int
    status: str = TRAINING
    reason: str = ""
    score: float | None = None
    seconds: float = 0.0
    device: str = ""
    weights: str | None = None


@dataclass(frozen=True)
class TestLook:
    """A look at a test split.

    Attributes:
        look: its number, from 1.
        kind: `network`, or how an ensemble was made: `average` or `greedy`.
        retrainings: what was tested; one that counts twice in an ensemble stands twice.
        dataset: whose test split.
        examples: how many.
        score: on them.
        validation_score: of the same on the validation examples; None where they were trained on.
        command: what was run.
        looked_at: when, ISO 8601 in UTC; empty before it is recorded.
        figures: what else was measured on them, by name.
    """

    __test__ = False  # pytest would take it for a test by its name

    look: int
    kind: str
    retrainings: tuple[int, ...]
    dataset: str
    examples: int
    score: float
    validation_score: float | None
    command: str
    looked_at: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)

    def interval(self) -> tuple[float, float]:
        """The 95 % interval of a share over test splits like this one (Wilson, JASA 1927), in [0, 1]."""
        return share_interval(self.score, self.examples)


@dataclass(frozen=True)
class TestCheck:
    """A look at the images of a test split that says how good nothing is: they were compared with the training part.

    Attributes:
        look: its number among all looks, from 1.
        dataset: whose test split.
        examples: how many.
        command: what was run.
        found: what looks wrong across both parts, a text each.
        looked_at: when, ISO 8601 in UTC; empty before it is recorded.
    """

    __test__ = False  # pytest would take it for a test by its name

    look: int
    dataset: str
    examples: int
    command: str
    found: tuple[str, ...]
    looked_at: str = ""


def share_interval(share: float, examples: int) -> tuple[float, float]:
    """The 95 % interval of a share over samples like this one (Wilson, JASA 1927), in [0, 1].

    Args:
        share: in [0, 1].
        examples: how many it is a share of, at least 1.
    """
    from scipy.stats import binomtest

    found = binomtest(round(share * examples), examples).proportion_ci(0.95, "wilson")
    return float(found.low), float(found.high)
