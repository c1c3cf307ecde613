"""Evaluations looked up in a table of finished trainings: a replay database, or a CSV of a public benchmark."""

import csv
import gzip
import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from statistics import fmean
from typing import IO, cast

from metaqnn.core import Candidate, Evaluation, Score, Space, Status
from metaqnn.errors import ConfigError, EvaluatorError, MetaqnnError, brief, shown
from metaqnn.files import open_regular, text_lines
from metaqnn.replay.evaluations import read_evaluations
from metaqnn.replay.reader import ReplayReader


@dataclass(frozen=True)
class Entry:
    """One network of a table.

    Attributes:
        reward: the score that a search sees; a failure has what the score says that it counts.
        target: the score by which what a search chose is measured.
        scores: of every training, the one that a search sees first; empty where only the two above are known.
        evaluation: the recorded training that a search sees, with its curve; None where only figures are known.
    """

    reward: float
    target: float
    scores: tuple[float, ...] = ()
    evaluation: Evaluation | None = None


@dataclass(frozen=True)
class EvaluationTable:
    """Networks with known results, by canonical text; messages name their source."""

    entries: Mapping[str, Entry]
    source: str
    score: Score

    @property
    def best(self) -> float:
        """The best target: regret is the distance to it."""
        return self.score.best([entry.target for entry in self.entries.values()])

    @property
    def span(self) -> float:
        """How far the worst is from the best, above 0: by the score's range, or by the entries where it has none."""
        span = self.score.high - self.score.low
        if span == math.inf:
            targets = [entry.target for entry in self.entries.values()]
            span = max(targets) - min(targets)
        return span or 1.0

    @property
    def scale(self) -> tuple[float, str]:
        """By what differences are multiplied for people, and their unit then: points of a share, or the score's own."""
        if self.score.is_share:
            return 100.0, "points"
        return 1.0, f"units of {self.score.name.replace('_', ' ')}"

    @property
    def best_reward(self) -> float:
        """The best reward that a search can see."""
        return self.score.best([entry.reward for entry in self.entries.values()])

    def entry(self, architecture: str) -> Entry:
        """What is known of a network.

        Raises:
            EvaluatorError: the table does not have it.
        """
        entry = self.entries.get(architecture)
        if entry is None:
            raise EvaluatorError(
                f"{self.source}: expected a network of the table, but {brief(architecture)} is not among its "
                f"{len(self.entries):,}; 'unlisted: exclude' keeps strategies from proposing it"
            )
        return entry

    def evaluate(self, candidate: Candidate) -> Evaluation:
        """A recorded training as an evaluator would answer it."""
        entry = self.entry(candidate.architecture)
        if entry.evaluation is not None:
            return entry.evaluation
        return Evaluation(Status.OK, entry.reward, device="table")


def read_csv(path: Path, space: Space, key: str, reward: str, target: str, is_percent: bool) -> EvaluationTable:
    """Read a table of one row a network; `.gz` is unpacked.

    Args:
        path: the file, with a line of column names.
        space: says what a network's text means.
        key, reward, target: names of columns.
        is_percent: whether accuracies are in percent.

    Raises:
        ConfigError: the file or a column is absent, a network is none of the space, or a figure is no accuracy.
    """
    scale = 100.0 if is_percent else 1.0
    entries: dict[str, Entry] = {}
    try:
        with open_regular(path) as packed, gzip.open(packed) if path.suffix == ".gz" else packed as file:
            rows = csv.DictReader(text_lines(cast(IO[bytes], file)))
            if target == "target" and target not in (rows.fieldnames or ()):
                target = "judge"  # as the column was called that none needed to name
            for column in (key, reward, target):
                if column not in (rows.fieldnames or ()):
                    found = brief(", ".join(rows.fieldnames or ())) or "an empty file"
                    column = "target" if column == "judge" else column
                    raise ConfigError(f"{path}: expected a column {shown(column)}, got {found}")
            for row in rows:
                place = f"{path}, line {rows.line_num}"
                text = _architecture(row[key], space, place)
                if text in entries:
                    raise ConfigError(f"{place}: expected each network once, but {brief(text)} stands before it")
                seen, judged = (_accuracy(row[name], scale, f"{place}, {name}") for name in (reward, target))
                entries[text] = Entry(seen, judged)
    except OSError as error:
        raise ConfigError(f"{path}: expected a table that can be read, but {error.strerror or error}") from error
    except (EOFError, UnicodeDecodeError, csv.Error, zlib.error) as error:
        raise ConfigError(f"{path}: expected a whole CSV in UTF-8 (packed, if it ends in .gz), but {error}") from error
    if not entries:
        raise ConfigError(f"{path}: expected at least one network, but there is none")
    return EvaluationTable(entries, str(path), Score("accuracy", "maximize", 0.0, 1.0, is_share=True))


def read_database(reader: ReplayReader) -> EvaluationTable:
    """The networks of a replay database with what their training gave; a failure counts as the score says.

    Of a search, each network's last evaluation is both what a search sees and the target. Of an enumerated space, a
    search sees the first seed and the mean over all seeds is the target; a seed counts when all networks were trained
    with it.

    Raises:
        ConfigError: nothing was trained, or not yet every network of an enumerated space.
    """
    if not reader.config():
        raise ConfigError(f"{reader.path}: expected a finished search or table, but nothing was trained yet")
    score = reader.score()
    entries = _enumerated(reader, score) if reader.is_table() else _searched(reader, score)
    if not entries:
        raise ConfigError(f"{reader.path}: expected a finished search or table, but nothing was trained yet")
    return EvaluationTable(entries, str(reader.path), score)


def _searched(reader: ReplayReader, score: Score) -> dict[str, Entry]:
    entries = {}
    for episode in reader.episodes():
        counted = score.failure if episode.score is None else episode.score
        evaluation = reader.evaluation(episode.evaluation)
        entries[episode.architecture] = Entry(counted, counted, (counted,), evaluation)
    return entries


def _enumerated(reader: ReplayReader, score: Score) -> dict[str, Entry]:
    evaluations = read_evaluations(reader, "table")
    networks = len(reader.models())
    by_seed = {seed: list(group) for seed, group in groupby(evaluations, key=attrgetter("seed"))}
    whole = [group for group in by_seed.values() if len(group) == networks]
    if not whole:
        raise ConfigError(
            f"{reader.path}: expected every one of its {networks:,} networks trained at least once, but "
            f"{len(evaluations):,} are; run `metaqnn enumerate` again, it goes on"
        )
    entries = {}
    for same in zip(*whole, strict=True):
        scores = tuple(score.failure if each.score is None else each.score for each in same)
        evaluation = reader.evaluation(same[0].evaluation)
        entries[same[0].architecture] = Entry(scores[0], fmean(scores), scores, evaluation)
    return entries


def _architecture(text: str | None, space: Space, place: str) -> str:
    """The canonical text of a network of the space."""
    try:
        return space.trajectory(text or "").architecture
    except MetaqnnError as error:
        raise ConfigError(f"{place}: {' '.join(str(error).split())}") from error


def _accuracy(text: str | None, scale: float, place: str) -> float:
    try:
        value = float(text or "") / scale
    except ValueError:
        raise ConfigError(f"{place}: expected a number, got {shown(text or 'nothing')}") from None
    if not 0.0 <= value <= 1.0:
        raise ConfigError(f"{place}: expected an accuracy, got {brief(text or '')}; set 'percent' to fit the table")
    return value
