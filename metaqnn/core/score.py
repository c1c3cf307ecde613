"""What an evaluator measures: the name of a figure, which way it is better, and what a failure counts as."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from metaqnn.errors import ConfigError


@dataclass(frozen=True)
class Score:
    """The metric by which architectures are compared.

    Attributes:
        name: such as `exact_match`; names columns of tables and axes of figures.
        direction: whether more or less of it is better.
        low: the lower end of its range; infinite where it has no bound.
        high: the upper end, likewise.
        failure: what a failed candidate counts as, within the range.
        is_share: whether people read it in percent of one.
        of_curve: how it follows from a learning curve: the best point of the last attempt, its last one, or not at all.
        failure_name: what to call that value, such as `chance`; empty shows the number.

    Raises:
        ConfigError: the values contradict each other.

    Examples:
        >>> perplexity = Score("perplexity", "minimize", low=1.0, failure=1000.0)
        >>> perplexity.is_better(80.0, than=90.0)
        True
        >>> perplexity.best([90.0, 80.0, 85.0])
        80.0
        >>> perplexity.gain(80.0)
        -80.0
        >>> perplexity.problem_with(float("nan"))
        'expected a finite perplexity, got nan'
    """

    name: str
    direction: Literal["maximize", "minimize"] = "maximize"
    low: float = -math.inf
    high: float = math.inf
    failure: float = 0.0
    is_share: bool = False
    of_curve: Literal["best", "last", "free"] = "free"
    failure_name: str = ""

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise ConfigError(f"a score: expected a name of letters, digits and '_', got {self.name!r}")
        if self.direction not in ("maximize", "minimize"):
            raise ConfigError(f"score {self.name}: expected 'maximize' or 'minimize', got {self.direction!r}")
        if problem := self.problem_with(self.failure):
            raise ConfigError(f"score {self.name}: what a failure counts as: {problem}")

    @classmethod
    def of(cls, recorded: Mapping[str, Any]) -> "Score":
        """The score that a database keeps."""
        bounds: dict[str, Any] = {"low": -math.inf, "high": math.inf}
        return cls(**{key: bounds[key] if value is None else value for key, value in recorded.items()})

    def recorded(self) -> dict[str, Any]:
        """What a database keeps of it: JSON, which knows no infinity."""
        return {key: None if value in (math.inf, -math.inf) else value for key, value in asdict(self).items()}

    @property
    def label(self) -> str:
        """Its name for people, with its direction where that does not go without saying: `r2 (higher is better)`."""
        words = self.name.replace("_", " ")
        return f"{words} ({self.better})" if self.better else words

    @property
    def better(self) -> str:
        """Which way it is better: `higher is better`; empty for an accuracy, of which everybody knows."""
        if self.name == "accuracy":
            return ""
        return "higher is better" if self.direction == "maximize" else "lower is better"

    def is_better(self, value: float, than: float | None) -> bool:
        """Whether a value is better than another; anything is better than None."""
        return than is None or self.gain(value) > self.gain(than)

    def gain(self, value: float) -> float:
        """The value with the sign that makes more of it better."""
        return value if self.direction == "maximize" else -value

    def best(self, values: "list[float]") -> float:
        """The best of some values, at least one."""
        return max(values, key=self.gain)

    def words(self, value: float | None) -> str:
        """A value as people read it; a dash for None."""
        if value is None:
            return "-"
        return f"{100 * value:.2f} %" if self.is_share else f"{value:.4g}"

    def told(self, value: float | None) -> str:
        """A value with its name and direction, where these do not go without saying: `r2 0.62, higher is better`."""
        if not self.better:
            return self.words(value)
        return f"{self.name.replace('_', ' ')} {self.words(value)}, {self.better}"

    def problem_with(self, value: float) -> str | None:
        """Why a value cannot be this score, in one clause; None where it can."""
        if not math.isfinite(value):
            return f"expected a finite {self.name}, got {value}"
        if not self.low <= value <= self.high:
            return f"expected a {self.name} from {self.low:g} to {self.high:g}, got {value!r}"
        return None
