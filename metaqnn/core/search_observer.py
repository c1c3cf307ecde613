"""The contract of an observer that is named: it keeps what a search records in another tool, and changes nothing."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from metaqnn.core.episode import Episode
from metaqnn.core.evaluation import Evaluation
from metaqnn.core.options import NoOptions
from metaqnn.core.score import Score


@dataclass(frozen=True)
class ObservedSearch:
    """What a search is, for those who observe it.

    Attributes:
        name: of the experiment.
        identity: tells this search from every other, of the same name, too; letters and digits.
        database: its file.
        seed: all randomness derives from it.
        score: what it measures.
        experiment: its sections as plain values.
    """

    name: str
    identity: str
    database: Path
    seed: int
    score: Score
    experiment: Mapping[str, Any]


@dataclass(frozen=True)
class ObservedEpisode:
    """A recorded episode with what it evaluated.

    Attributes:
        episode: as it is recorded.
        costs: of its architecture, by name.
        actions: the decisions that build the architecture, in order; empty where its space cannot be loaded.
        evaluation: what was evaluated for it; None where an earlier evaluation was reused.
        recorded_at: when, ISO 8601 in UTC.
        best_score: measured up to here; None before the first.
    """

    episode: Episode
    costs: Mapping[str, float]
    actions: tuple[str, ...]
    evaluation: Evaluation | None
    recorded_at: str
    best_score: float | None


class SearchObserver(ABC):
    r"""Keeps what a search records in a file, or in a tool that people look at.

    It runs in a process of its own, which reads the database behind the search: it may take its time, and what it
    raises ends it alone. Episodes come in their order. The process may be killed at any instant; the next one asks
    `start` how far the one before came, and goes on there, so that no episode is kept twice.

    Args:
        options: its section as `Options`.
        search: what is observed.

    Example:
        >>> from pathlib import Path
        >>> from metaqnn.core import SearchObserver
        >>> class Lengths(SearchObserver):
        ...     '''Writes the number of decisions of every architecture, one a line.'''
        ...
        ...     def start(self):
        ...         self._path = Path(self.search.database).with_suffix(".lengths")
        ...         return len(self._path.read_text().splitlines()) if self._path.exists() else 0
        ...
        ...     def write(self, observed):
        ...         with self._path.open("a") as file:
        ...             file.write(f"{len(observed.actions)}\n")
    """

    Options: ClassVar[type] = NoOptions
    """The frozen dataclass of its section; `name` is not among its fields."""

    needs: ClassVar[Mapping[str, str]] = {}
    """The modules of other packages that it imports, each with what to install for it."""

    def __init__(self, options: Any, search: ObservedSearch):
        self.options, self.search = options, search

    @abstractmethod
    def start(self) -> int:
        """Open what it writes to.

        Returns:
            the number of the last episode of this search that is whole there; 0 where there is none.
        """

    @abstractmethod
    def write(self, observed: ObservedEpisode) -> None:
        """Keep an episode; the first is the one after that which `start` named."""

    def stop(self) -> None:  # noqa: B027 (may be left out)
        """Close what it writes to; nothing comes any more. Not called where the process is killed."""
