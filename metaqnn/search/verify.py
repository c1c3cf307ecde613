"""Proof that a database is what its seed and its recorded rewards make it: every proposal and every Q-value."""

from collections.abc import Callable
from dataclasses import dataclass

from metaqnn.core import (
    EarlyStopping,
    Episode,
    EpisodeOrigin,
    Model,
    Proposal,
    QValue,
    Recording,
    Reward,
    Space,
    Strategy,
)
from metaqnn.errors import MetaqnnError
from metaqnn.search.differences import DifferenceError, expect
from metaqnn.search.position import Position
from metaqnn.search.verify_results import FiguresOf, ResultComparison


@dataclass(frozen=True)
class Verification:
    """What `verify` found.

    Attributes:
        episodes, proposals, q_values: how many of each were rebuilt.
        difference: the first difference in one sentence; None where everything is equal.
        ahead: evaluations that ended before the turn of their episodes, which are in flight.
    """

    episodes: int
    proposals: int
    q_values: int
    difference: str | None
    ahead: int = 0


def verify(
    recording: Recording,
    space: Space,
    strategy: Strategy,
    budget: int,
    reward: Reward,
    lookahead: int,
    seed: int,
    early_stopping: EarlyStopping | None = None,
    on_episode: Callable[[int], None] = lambda number: None,
    figures_of: FiguresOf = lambda evaluation: {},
) -> Verification:
    """Rebuild a search from its seed and its recorded results, and compare.

    Imported episodes are told, not proposed: their rewards and what is learned from them follow from their results.

    Args:
        recording: what a running search adds meanwhile is not looked at.
        space, strategy, budget, reward, lookahead, seed, early_stopping: what the search was started with, anew.
        on_episode: called with the number of each episode when it is checked.
        figures_of: what of the figures of an evaluation with a score follows from its curve.
    """
    comparison = _Comparison(recording, space, strategy, budget, reward, lookahead, seed, early_stopping, figures_of)
    difference = None
    try:
        comparison.run(on_episode)
    except DifferenceError as error:
        difference = str(error)
    return Verification(
        comparison.checked_episodes,
        comparison.checked_proposals,
        comparison.checked_values,
        difference,
        comparison.results.ahead,
    )


class _Comparison:
    def __init__(
        self,
        recording: Recording,
        space: Space,
        strategy: Strategy,
        budget: int,
        reward: Reward,
        lookahead: int,
        seed: int,
        early_stopping: EarlyStopping | None,
        figures_of: FiguresOf,
    ):
        self.recording, self.space, self.strategy = recording, space, strategy
        self.results = ResultComparison(recording, reward, seed, early_stopping, figures_of)
        self.lookahead, self.episodes = lookahead, recording.episodes
        self.models = {model.model: model for model in recording.models}
        self.imported = sum(episode.origin is EpisodeOrigin.IMPORTED for episode in self.episodes)
        self.records: list[Episode | Proposal] = [*self.episodes, *recording.proposals]
        self.position = Position(budget)
        self.told = 0
        self.known: dict[str, int] = {}  # architecture -> model
        self.checked_episodes = self.checked_proposals = self.checked_values = 0
        self.values_compared = False

    def run(self, on_episode: Callable[[int], None]) -> None:
        self._compare_models()
        for number, record in enumerate(self.records, start=1):
            stored = record.number if isinstance(record, Episode) else record.episode
            expect(f"episode {number}", "its number", stored, number)
            if number > self.imported:
                self._tell_until(max(self.imported, number - self.lookahead))
            self._compare_proposal(number, record)
            if isinstance(record, Episode):
                self.results.compare(record)
                self.checked_episodes += 1
            else:
                self.results.compare_in_flight(record)
                self.checked_proposals += 1
            on_episode(number)
        self._tell_until(len(self.episodes))
        if not self.values_compared:
            raise DifferenceError(
                f"checkpoints: the Q-values are as of episode {self.recording.values_as_of}, but only "
                f"{len(self.episodes)} are recorded"
            )
        self.results.compare_end()
        used = {record.model if isinstance(record, Episode) else record.model.model for record in self.records}
        for model in self.models:
            if model not in used:
                raise DifferenceError(f"model {model}: it is in the database, but no episode proposed it")

    def _tell_until(self, number: int) -> None:
        while self.told < min(number, len(self.episodes)):
            self._compare_values()
            self.strategy.tell(self.episodes[self.told])
            self.position.tell()
            self.told += 1
        self._compare_values()

    def _compare_models(self) -> None:
        for model in self.models.values():
            place = f"model {model.model}"
            try:
                costs = self.space.costs(self.space.parse(model.architecture))
            except MetaqnnError as error:
                problem = str(error).splitlines()[0]
                raise DifferenceError(f"{place}: its architecture {model.architecture!r} is none: {problem}") from error
            for name in dict.fromkeys((*costs, *model.costs)):
                expect(place, name, model.costs.get(name), costs.get(name))

    def _compare_proposal(self, number: int, record: Episode | Proposal) -> None:
        """Sample the episode again."""
        place = f"episode {number}"
        model = record.model if isinstance(record, Proposal) else self.models[record.model]
        reused = record.evaluation is None if isinstance(record, Proposal) else record.reused
        if record.origin is EpisodeOrigin.SAMPLED:
            context = self.position.context()
            if self.strategy.is_exhausted(context):
                raise DifferenceError(f"{place}: it is recorded, but the search was over before it")
            trajectory = self.strategy.ask(context)
            for name in dict.fromkeys((*trajectory.recorded, *record.recorded)):
                expect(place, name, record.recorded.get(name), trajectory.recorded.get(name))
            architecture = trajectory.architecture
            expect(place, "the architecture", model.architecture, architecture)
            is_new = architecture not in self.known
            expect(place, "reused", reused, not is_new)
            if is_new:
                self.known[architecture] = len(self.known) + 1
            expect(place, "the model's number", model.model, self.known[architecture])
        elif record.origin is EpisodeOrigin.RETRIED:
            for name, value in record.recorded.items():
                expect(place, name, value, None)
            if not self.results.may_be_retried(model.model):
                raise DifferenceError(
                    f"{place}: it is a retry, but model {model.model} had not crashed, hung or timed out before"
                )
            expect(place, "reused", reused, False)
        else:
            self._compare_imported(number, reused, model)
        self.position.add(record)
        iteration = len(self.known) if self.recording.is_import else self.position.distinct
        expect(place, "iteration", record.iteration, iteration)

    def _compare_imported(self, number: int, reused: bool, model: Model) -> None:
        """Nothing proposed it, but it comes first, and its number follows from its place."""
        place = f"episode {number}"
        if number > self.imported:
            raise DifferenceError(f"{place}: it is imported, but an episode before it was not")
        if reused and model.architecture not in self.known:
            raise DifferenceError(f"{place}: it reuses a result of model {model.model}, but there is none before it")
        expect(place, "the model's number", model.model, self.known.setdefault(model.architecture, len(self.known) + 1))

    def _compare_values(self) -> None:
        """Compare the Q-values when exactly the episodes are told that the stored ones are as of."""
        if self.told != self.recording.values_as_of or self.values_compared:
            return
        self.values_compared = True
        stored = {(v.state, v.action): v for v in self.recording.values}
        rebuilt = {(v.state, v.action): v for v in self.strategy.values()}
        for key in sorted(stored.keys() | rebuilt.keys()):
            self.checked_values += 1
            place = f"Q-value of {key[1]} in state {key[0]}"
            if key not in stored or key not in rebuilt:
                where = "missing in the database" if key in rebuilt else "in the database, but was never updated"
                raise DifferenceError(f"{place}: it is {where}")
            _compare_value(place, stored[key], rebuilt[key])


def _compare_value(place: str, stored: QValue, rebuilt: QValue) -> None:
    expect(place, "value", stored.value, rebuilt.value)
    expect(place, "updates", stored.updates, rebuilt.updates)
