"""How a report speaks of what was searched. A domain that knows its architectures better says it in a subclass."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from metaqnn.core import QValue, Score
from metaqnn.replay.reader import ReplayReader
from metaqnn.reports.values import Values, values_of
from metaqnn.reports.words import amount


@dataclass(frozen=True)
class Check:
    """One reason to trust the result: it holds ('good'), it does not ('doubt'), or nobody has looked ('open')."""

    state: Literal["good", "doubt", "open"]
    text: str


class Domain:
    """Words and sections of a report that hold for every space and every score.

    Attributes:
        noun: what is designed.
        work, done: what finds out how good one is, as a noun and as a participle.
        step: a point of a learning curve.
        curve: what the curve of the score is called beside other figures.
        figures: further figures of a learning curve that are drawn beside the score, with what they are called.
        templates: folder below this package whose templates win over those of the same name here; empty for none.
    """

    noun: ClassVar[str] = "architecture"
    work: ClassVar[str] = "evaluation"
    done: ClassVar[str] = "evaluated"
    step: ClassVar[str] = "step"
    curve: ClassVar[str] = ""
    figures: ClassVar[Mapping[str, str]] = {}
    templates: ClassVar[str] = ""

    def metric(self, score: Score) -> str:
        """The score in words."""
        return score.name.replace("_", " ")

    def cost(self, name: str, is_axis: bool = False) -> str:
        """A cost in words: at the head of a column, or along the axis of a figure."""
        return name.replace("_", " ")

    def cost_value(self, name: str, value: float | None) -> str:
        """What an architecture costs, as people read it."""
        return amount(value)

    def note(self, name: str) -> str:
        """What to say below the figure of a cost."""
        return ""

    def steps(self, experiment: Mapping[str, Any]) -> int | None:
        """Of a whole attempt; None where nobody knows."""
        return None

    def stops_early(self, experiment: Mapping[str, Any]) -> bool:
        """Whether evaluations may be stopped by prediction."""
        return False

    def values(self, episode: int, entries: Iterable[QValue]) -> Values:
        """The Q-values as of an episode, in groups."""
        return values_of(episode, entries)

    def interval(self, score: Score, value: float, data: Mapping[str, Any]) -> tuple[float, float] | None:
        """Where a value lies with a confidence of 95 %, for the examples it was measured on; None: nobody knows."""
        return None

    def found(self, own: Any) -> Iterable[str]:
        """Further sentences on what was found, from what the domain read for its own sections."""
        return ()

    def checks(self, own: Any) -> Iterable[Check]:
        """Further reasons to trust the result, or not to."""
        return ()

    def steps_after(self, database: str, own: Any) -> Iterable[tuple[str, str]]:
        """What to do when a search is over: why, and the words after `metaqnn`; `database` is quoted for a shell."""
        return (("Look at the best of them.", f"replay top {database}"),)

    def read(self, reader: ReplayReader, experiment: Mapping[str, Any]) -> Any:
        """What the domain's own sections say; None where it has none."""
        return None

    def sections(self, own: Any) -> tuple[tuple[str, str], ...]:
        """(template, title) of its own sections, for what it read."""
        return ()

    def jobs(self, own: Any) -> Iterable[Any]:
        """The figures of its own sections."""
        return ()

    def context(self, data: Any) -> Mapping[str, Any]:
        """Further names for its templates."""
        return {}
