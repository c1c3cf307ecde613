"""All numbers of a report, read from a database as it stands at one instant."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from metaqnn.core import Attempt
from metaqnn.replay.failures import Failure, read_failures
from metaqnn.replay.leaderboard import Network, read_networks
from metaqnn.replay.predictions import PredictionSummary, read_controls, summarise_predictions
from metaqnn.replay.reader import ReplayReader
from metaqnn.replay.results import read_results
from metaqnn.reports.control import Control, control_of
from metaqnn.reports.course import Course, course_of
from metaqnn.reports.effort import Effort, read_effort
from metaqnn.reports.failed import FailureKind, failure_kinds
from metaqnn.reports.final_results import FinalResults, read_final_results
from metaqnn.reports.imported import Imported, read_imported
from metaqnn.reports.provenance import Provenance, Subject, read_provenance
from metaqnn.reports.results import of_the_search
from metaqnn.reports.trade_offs import TradeOffs, trade_offs_of
from metaqnn.reports.values import Values, values_of


@dataclass(frozen=True)
class TopNetwork:
    """One of the best networks.

    Attributes:
        rank: from 1.
        network: with its accuracy and cost.
        attempts: its trainings from fresh weights, the last of which counts; empty where no curve is recorded.
    """

    rank: int
    network: Network
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True)
class Findings:
    """What a report says.

    Attributes:
        subject, provenance: what it is about, and where it comes from.
        course: of the accuracies; None of a table.
        values: the Q-values; None where there are none.
        networks: every network with a measured accuracy, the best first.
        top: the best of them.
        trade_offs: the Pareto fronts.
        failures, failure_kinds: what failed.
        predictions: what stopping early gave, imported trainings included.
        predicted_and_reached: accuracy of each of its controls.
        effort: time.
        control: random search; or a sentence that says why there is none.
        finals: final trainings and looks at the test split.
        imported: rows of other files.
    """

    subject: Subject
    provenance: Provenance
    course: Course | None
    values: Values | None
    networks: tuple[Network, ...]
    top: tuple[TopNetwork, ...]
    trade_offs: TradeOffs
    failures: tuple[Failure, ...]
    failure_kinds: tuple[FailureKind, ...]
    predictions: PredictionSummary
    predicted_and_reached: tuple[tuple[float, float], ...]
    effort: Effort
    control: Control | str
    finals: FinalResults
    imported: Imported


def read_findings(reader: ReplayReader, subject: Subject, top: int) -> Findings:
    """Read everything in one snapshot, so that the parts agree while a search goes on.

    Args:
        reader: the database.
        subject: what it was started with.
        top: how many of the best networks are looked at closely.
    """
    with reader.snapshot():
        is_table = reader.is_table()
        results = of_the_search(read_results(reader))
        networks = read_networks(reader)
        failures = read_failures(reader)
        as_of, entries = reader.values()
        values = values_of(as_of, entries)
        return Findings(
            subject,
            read_provenance(reader, subject),
            None if is_table else course_of(results),
            values if values.pairs else None,
            networks,
            _top(reader, networks[:top]),
            trade_offs_of(networks),
            failures,
            failure_kinds(failures),
            summarise_predictions(reader, subject.experiment["training"]["epochs"], with_imported=True),
            read_controls(reader),
            read_effort(reader, results),
            _no_control() if is_table else control_of(results, subject.experiment["strategy"], 1 / subject.classes),
            read_final_results(reader),
            read_imported(reader),
        )


def _top(reader: ReplayReader, networks: Sequence[Network]) -> tuple[TopNetwork, ...]:
    found = []
    for rank, network in enumerate(networks, start=1):
        if reader.is_import():  # its best and its last accuracy are all that is known: no curve, and no epochs
            found.append(TopNetwork(rank, replace(network, epoch=None), ()))
            continue
        evaluation = reader.evaluation(network.evaluation)
        found.append(TopNetwork(rank, network, evaluation.attempts if evaluation else ()))
    return tuple(found)


def _no_control() -> str:
    return "Every network of the space was trained: there is nothing that chance could have missed."
