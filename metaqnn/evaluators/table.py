"""Evaluations looked up in a table of finished trainings: a replay database, or a CSV of a public benchmark."""

import csv
import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from metaqnn.errors import ConfigError, EvaluatorError
from metaqnn.replay.reader import ReplayReader
from metaqnn.space.base import Space
from metaqnn.trial import Attempt, Candidate, EpochMetrics, Evaluation, Status


@dataclass(frozen=True)
class Entry:
    """One network of a table.

    Attributes:
        reward: the accuracy in [0, 1] that a search sees; None for a failure.
        judge: the accuracy in [0, 1] by which what a search chose is judged.
        evaluation: the recorded training, with its curve; None where only figures are known.
    """

    reward: float | None
    judge: float
    evaluation: Evaluation | None = None


@dataclass(frozen=True)
class EvaluationTable:
    """Networks with known results.

    Attributes:
        entries: by canonical text.
        source: where they come from, for messages.
    """

    entries: Mapping[str, Entry]
    source: str

    @property
    def best(self) -> float:
        """The largest figure of the judge: regret is the distance to it."""
        return max(entry.judge for entry in self.entries.values())

    def entry(self, architecture: str) -> Entry:
        """What is known of a network.

        Raises:
            EvaluatorError: the table does not have it.
        """
        entry = self.entries.get(architecture)
        if entry is None:
            raise EvaluatorError(
                f"{self.source}: expected a network of the table, but {architecture} is not among its "
                f"{len(self.entries):,}; 'outside: masked' keeps strategies from proposing it"
            )
        return entry

    def evaluate(self, candidate: Candidate) -> Evaluation:
        """A recorded training as an evaluator would answer it."""
        entry = self.entry(candidate.architecture)
        if entry.evaluation is not None:
            return entry.evaluation
        metrics = EpochMetrics(1, 0.0, 0.0, 0.0, 0.0, entry.reward, 0.0)
        return Evaluation(Status.OK, "", (Attempt(0.0, (metrics,)),), 0.0, "table")


def read_csv(path: Path, space: Space, key: str, reward: str, judge: str, is_percent: bool) -> EvaluationTable:
    """Read a table of one row a network; `.gz` is unpacked.

    Args:
        path: the file, with a line of column names.
        space: says what a network's text means.
        key, reward, judge: names of columns.
        is_percent: whether accuracies are in percent.

    Raises:
        ConfigError: the file or a column is absent, a network is none of the space, or a figure is no accuracy.
    """
    scale = 100.0 if is_percent else 1.0
    entries: dict[str, Entry] = {}
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rt", newline="", encoding="utf-8") as file:
            rows = csv.DictReader(file)
            for column in (key, reward, judge):
                if column not in (rows.fieldnames or ()):
                    raise ConfigError(f"{path}: expected a column {column!r}, got {', '.join(rows.fieldnames or ())}")
            for line, row in enumerate(rows, start=2):
                text = space.trajectory(row[key]).architecture
                figures = [
                    _accuracy(row[column], scale, f"{path}, line {line}, {column}") for column in (reward, judge)
                ]
                entries[text] = Entry(*figures)
    except OSError as error:
        raise ConfigError(f"{path}: expected a table that can be read, but {error.strerror or error}") from error
    if not entries:
        raise ConfigError(f"{path}: expected at least one network, but there is none")
    return EvaluationTable(entries, str(path))


def read_database(reader: ReplayReader, failure: float) -> EvaluationTable:
    """The networks that a search trained, each with its last evaluation; the judge is what the search saw.

    Args:
        reader: the replay database.
        failure: the accuracy that a failed network counts as for the judge.

    Raises:
        ConfigError: nothing was trained.
    """
    entries = {}
    for episode in reader.episodes():
        evaluation = reader.evaluation(episode.evaluation)
        accuracy = evaluation.accuracy
        entries[episode.architecture] = Entry(accuracy, failure if accuracy is None else accuracy, evaluation)
    if not entries:
        raise ConfigError(f"{reader.path}: expected a search that trained something, but no episode is recorded")
    return EvaluationTable(entries, str(reader.path))


def _accuracy(text: str, scale: float, place: str) -> float:
    try:
        value = float(text) / scale
    except ValueError:
        raise ConfigError(f"{place}: expected a number, got {text!r}") from None
    if not 0.0 <= value <= 1.0:
        raise ConfigError(f"{place}: expected an accuracy, got {text}; set 'percent' to fit the table")
    return value
