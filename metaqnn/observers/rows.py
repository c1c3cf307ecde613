"""One row an episode, in a file that grows: CSV, and JSON lines."""

import csv
import io
import json
import math
import os
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from metaqnn.core import ObservedEpisode, ObservedSearch, SearchObserver
from metaqnn.files import moved_aside, read_whole

_MOST_BYTES = 2**31
"""Of a file that is gone on with; above that a new one is begun."""


@dataclass(frozen=True)
class RowsOptions:
    """The section of `csv` and of `jsonl`.

    Attributes:
        path: of the file; None is one beside the database.
    """

    path: str | None = None


class _Rows(SearchObserver):
    """A file of rows. One of another search is moved aside, and a row that a kill cut off is written anew."""

    Options = RowsOptions
    ending = ""

    def __init__(self, options: RowsOptions, search: ObservedSearch):
        super().__init__(options, search)
        self.path = search.database.with_suffix(self.ending)
        if options.path is not None:
            self.path = Path(options.path)

    def start(self) -> int:
        """Open the file behind its last whole row."""
        content = read_whole(self.path, _MOST_BYTES) if os.path.lexists(self.path) else b""
        kept, last = self._whole_rows(content)
        if content and not kept:
            moved_aside(self.path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self.path.open("r+b" if os.path.lexists(self.path) else "xb")
        self._file.truncate(kept)
        self._file.seek(kept)
        return last

    def write(self, observed: ObservedEpisode) -> None:
        """Add a row."""
        self._file.write(self._line(observed).encode())
        self._file.flush()

    def stop(self) -> None:
        """Close the file."""
        self._file.close()

    @abstractmethod
    def _whole_rows(self, content: bytes) -> tuple[int, int]:
        """Of a file of this search: the bytes of its whole rows, and the last one's episode; of any other 0 and 0."""

    @abstractmethod
    def _line(self, observed: ObservedEpisode) -> str:
        """A row with its end."""


class JSONLines(_Rows):
    """A JSON object a line for every episode, with its learning curve."""

    ending = ".episodes.jsonl"

    def _whole_rows(self, content: bytes) -> tuple[int, int]:
        kept = content.rfind(b"\n") + 1
        try:
            last = json.loads(content[content.rfind(b"\n", 0, max(0, kept - 1)) + 1 : kept])
            return (kept, int(last["episode"])) if last["search"] == self.search.identity else (0, 0)
        except (ValueError, KeyError, TypeError):
            return 0, 0

    def _line(self, observed: ObservedEpisode) -> str:
        row = _facts(self.search, observed)
        row |= {"actions": observed.actions, "costs": observed.costs, "recorded": observed.episode.recorded}
        evaluation = observed.evaluation
        row["figures"] = evaluation.figures if evaluation else {}
        row["curve"] = [
            {"step": point.step, self.search.score.name: point.score, "seconds": point.seconds, **point.figures}
            for point in (evaluation.curve if evaluation else ())
        ]
        return json.dumps(finite(row), ensure_ascii=False, allow_nan=False) + "\n"


class CSVRows(_Rows):
    """A row of a CSV for every episode; curves are in the database, and in `jsonl`."""

    ending = ".episodes.csv"

    def start(self) -> int:
        """Open the file behind its last whole row."""
        self._costs: tuple[str, ...] = ()
        return super().start()

    def _whole_rows(self, content: bytes) -> tuple[int, int]:
        kept = content.rfind(b"\n") + 1
        while kept:
            try:
                header, *others = csv.reader(io.StringIO(content[:kept].decode(), newline=""), strict=True)
            except (csv.Error, UnicodeDecodeError):
                header, others = [], []
            if others and header[: len(_FACTS)] == list(_FACTS) and len(others[-1]) == len(header):
                self._costs = tuple(header[len(_FACTS) : -1])
                return (kept, int(others[-1][1])) if others[-1][0] == self.search.identity else (0, 0)
            if header and header[: len(_FACTS)] != list(_FACTS):
                break
            kept = content.rfind(b"\n", 0, kept - 1) + 1  # a row with line breaks was cut off
        return 0, 0

    def _line(self, observed: ObservedEpisode) -> str:
        row = _facts(self.search, observed)
        is_first = self._file.tell() == 0
        if is_first:
            self._costs = tuple(observed.costs)
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        if is_first:
            writer.writerow([*_FACTS, *self._costs, "recorded"])
        # The last column is JSON, which has no line break: a row that ends with one is whole.
        recorded = json.dumps(finite(observed.episode.recorded), allow_nan=False)
        writer.writerow([*finite(row).values(), *(observed.costs.get(name) for name in self._costs), recorded])
        return text.getvalue()


_FACTS = (
    *("search", "episode", "model", "architecture", "iteration", "origin", "reused", "status", "score", "is_predicted"),
    *("best_score", "reward", "evaluation", "attempts", "seconds", "device", "reason", "recorded_at"),
)
"""What stands in every row; `status` and what follows from an evaluation is missing where one was reused."""


def _facts(search: ObservedSearch, observed: ObservedEpisode) -> dict[str, Any]:
    episode, evaluation = observed.episode, observed.evaluation
    of_evaluation: tuple[Any, ...] = (None,) * 5
    if evaluation is not None:
        attempts = len(evaluation.attempts)
        of_evaluation = str(evaluation.status), attempts, evaluation.seconds, evaluation.device, evaluation.reason
    status, attempts, seconds, device, reason = of_evaluation
    values = (
        *(search.identity, episode.number, episode.model, episode.architecture, episode.iteration, str(episode.origin)),
        *(episode.reused, status, episode.score, episode.is_predicted, observed.best_score, episode.reward),
        *(episode.evaluation, attempts, seconds, device, reason, observed.recorded_at),
    )
    return dict(zip(_FACTS, values, strict=True))


def finite(value: Any) -> Any:
    """A value as JSON has it, in which a number that is not finite is missing."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    return [finite(item) for item in value] if isinstance(value, list | tuple) else value
