"""All numbers of a report, read from a database as it stands at one instant."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from metaqnn.core import Attempt, Score
from metaqnn.replay.failures import Failure, read_failures
from metaqnn.replay.leaderboard import RankedModel, read_ranking
from metaqnn.replay.predictions import PredictionSummary, read_controls, summarise_predictions
from metaqnn.replay.reader import ReplayReader
from metaqnn.replay.results import read_results
from metaqnn.reports.baseline import RandomSearchBaseline, baseline_of
from metaqnn.reports.domain import Domain
from metaqnn.reports.expectations import Expectations, expectations_of
from metaqnn.reports.failed import FailureKind, failure_kinds
from metaqnn.reports.imported import Imported, read_imported
from metaqnn.reports.provenance import Provenance, Subject, read_provenance
from metaqnn.reports.results import of_the_search
from metaqnn.reports.trace import ScoreTrace, trace_of
from metaqnn.reports.trade_offs import TradeOff, trade_offs_of
from metaqnn.reports.usage import ComputeUsage, read_usage
from metaqnn.reports.values import Values


@dataclass(frozen=True)
class TopModel:
    """One of the best architectures.

    Attributes:
        rank: from 1.
        ranked: with its score and costs.
        attempts: its fresh starts, the last of which counts; empty where no curve is recorded.
        figures: what else was measured, by name.
    """

    rank: int
    ranked: RankedModel
    attempts: tuple[Attempt, ...] = ()
    figures: Mapping[str, float] = field(default_factory=dict)

    @property
    def has_curve(self) -> bool:
        """Whether there is a learning curve to be shown."""
        return bool(self.attempts) and any(point.score is not None for point in self.attempts[-1].points)


@dataclass(frozen=True)
class ReportData:
    """What a report says.

    Attributes:
        subject, provenance: what it is about, and where it comes from.
        score: what is measured.
        domain: how it is spoken of.
        trace: of the scores; None of a table.
        values: the Q-values; None where there are none.
        expectations: of the agent, against what was measured; None where it had none.
        ranking: every architecture with a measured score, the best first.
        top: the best of them.
        trade_offs: the score against the first costs that the space names.
        failures, failure_kinds: what failed.
        predictions: what stopping early gave, imported evaluations included.
        predicted_and_reached: score of each of its controls.
        usage: time.
        baseline: random search; or a sentence that says why there is none.
        imported: rows of other files.
        own: what the domain read for its own sections.
    """

    subject: Subject
    provenance: Provenance
    score: Score
    domain: Domain = field(compare=False)
    trace: ScoreTrace | None
    values: Values | None
    expectations: Expectations | None
    ranking: tuple[RankedModel, ...]
    top: tuple[TopModel, ...]
    trade_offs: tuple[TradeOff, ...]
    failures: tuple[Failure, ...]
    failure_kinds: tuple[FailureKind, ...]
    predictions: PredictionSummary
    predicted_and_reached: tuple[tuple[float, float], ...]
    usage: ComputeUsage
    baseline: RandomSearchBaseline | str
    imported: Imported
    own: Any


def read_report_data(reader: ReplayReader, subject: Subject, top: int, domain: Domain | None = None) -> ReportData:
    """Read everything in one snapshot, so that the parts agree while a search goes on.

    Args:
        reader: the database.
        subject: what it was started with.
        top: how many of the best architectures are looked at closely.
        domain: what they are; None says what holds for all.
    """
    domain = domain or Domain()
    with reader.snapshot(is_long=True):
        is_table, score = reader.is_table(), reader.score()
        results, experiment = of_the_search(read_results(reader)), subject.experiment
        ranking, failures = read_ranking(reader), read_failures(reader)
        values = domain.values(*reader.values())
        return ReportData(
            subject,
            read_provenance(reader, subject),
            score,
            domain,
            None if is_table else trace_of(results, score),
            values if values.pairs else None,
            expectations_of(results),
            ranking,
            _top(reader, ranking[:top]),
            trade_offs_of(ranking, score),
            failures,
            failure_kinds(failures),
            summarise_predictions(reader, domain.steps(experiment) or 0, with_imported=True),
            read_controls(reader),
            read_usage(reader, results),
            _no_baseline(domain)
            if is_table
            else baseline_of(results, experiment["strategy"], score, domain.noun + "s"),
            read_imported(reader),
            domain.read(reader, experiment),
        )


def _top(reader: ReplayReader, ranking: Sequence[RankedModel]) -> tuple[TopModel, ...]:
    if reader.is_import():  # its best and its last score are all that is known: no curve, and no steps
        return tuple(TopModel(rank, replace(ranked, epoch=None)) for rank, ranked in enumerate(ranking, start=1))
    found = ((ranked, reader.evaluation(ranked.evaluation)) for ranked in ranking)
    return tuple(
        TopModel(rank, ranked, evaluation.attempts, evaluation.figures) if evaluation else TopModel(rank, ranked)
        for rank, (ranked, evaluation) in enumerate(found, start=1)
    )


def _no_baseline(domain: Domain) -> str:
    return f"Every {domain.noun} of the space was {domain.done}: there is nothing that chance could have missed."
