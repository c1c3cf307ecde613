"""The nouns of a search, as frozen values that pass between packages: model, candidate, proposal, episode, Q-value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class EpisodeOrigin(StrEnum):
    """Where an episode comes from."""

    SAMPLED = "sampled"
    RETRIED = "retried"
    IMPORTED = "imported"


@dataclass(frozen=True)
class Candidate:
    """What an evaluator is asked to evaluate.

    Attributes:
        number: the episode that asks, by which the answer is recognised.
        architecture: canonical text.
        seed: all randomness of the evaluation derives from it.
        actions: the decisions that build it, as text; empty where nobody needs them.
        costs: what it costs, by name, as its space says.
        context: what it may be stopped early by; None has it evaluated to the end.
    """

    number: int
    architecture: str
    seed: int
    actions: tuple[str, ...] = ()
    costs: Mapping[str, float] = field(default_factory=dict)
    context: object | None = None


@dataclass(frozen=True)
class Model:
    """A distinct architecture with what it costs.

    Attributes:
        model: its number, from 1 in the order of first proposal.
        architecture: canonical text.
        costs: by name, as its space says.
    """

    model: int
    architecture: str
    costs: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Proposal:
    """An episode that is sampled but not yet told.

    Attributes:
        episode: its number, from 1.
        iteration: distinct architectures proposed so far, this one included.
        recorded: what the strategy wants kept with it, such as its epsilon.
        model: what it proposes.
        evaluation: the number reserved for its evaluation; None where an earlier one is reused.
        origin: sampled or retried.
    """

    episode: int
    iteration: int
    recorded: Mapping[str, float]
    model: Model
    evaluation: int | None
    origin: EpisodeOrigin = EpisodeOrigin.SAMPLED

    @property
    def epsilon(self) -> float | None:
        """The exploration rate with which it was sampled; None where there was none."""
        return self.recorded.get("epsilon")


@dataclass(frozen=True)
class Episode:
    """A told episode: one row of the replay memory.

    Attributes:
        number: from 1, in the order of proposal.
        iteration: as in the proposal.
        recorded: likewise.
        origin: likewise.
        model: number of the model.
        architecture: canonical text.
        evaluation: number of the evaluation that the reward comes from.
        score: that evaluation's, measured or predicted; None for a failure.
        reward: what the strategy learns from.
        reused: whether the evaluation was known before.
        is_predicted: whether the score is predicted.
    """

    number: int
    iteration: int
    recorded: Mapping[str, float]
    model: int
    architecture: str
    evaluation: int
    score: float | None
    reward: float
    reused: bool
    origin: EpisodeOrigin = EpisodeOrigin.SAMPLED
    is_predicted: bool = False

    @property
    def epsilon(self) -> float | None:
        """The exploration rate with which it was sampled; None where there was none."""
        return self.recorded.get("epsilon")


@dataclass(frozen=True)
class QValue:
    """One entry of a Q-table.

    Attributes:
        state: text of the space's key.
        action: text of the space's action.
        value: the estimate.
        updates: how often it was updated.
    """

    state: str
    action: str
    value: float
    updates: int
