"""The evaluator that is a function of the user's: from an architecture to a score."""

import hashlib
import inspect
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

from metaqnn.config import require
from metaqnn.core import Candidate, Evaluation, Evaluator, Limits, Place, Report, Score, Setting
from metaqnn.errors import PluginError


@dataclass(frozen=True)
class Architecture:
    """What a function is asked about.

    Attributes:
        text: canonical.
        actions: the decisions that build it, as text.
        costs: what it costs, by name, as its space says.
    """

    text: str
    actions: tuple[str, ...]
    costs: Mapping[str, float]

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class FunctionOptions:
    """The section `evaluator` for `name: function`.

    Attributes:
        function: `module:qualified.name`; one of `__main__`, a lambda or a closure cannot be found again by it.
        score: name of what it returns.
        direction: whether more or less of it is better.
        failure: what a failed candidate counts as; None is 0, or 1 where less is better.
        max_seconds: wall clock of one candidate in a worker process; None is no limit. A function that waits for an
            answer from elsewhere, and so uses no processor, is left in peace by `search.hang_seconds`; this ends it.
    """

    function: str
    score: str = "score"
    direction: Literal["maximize", "minimize"] = "maximize"
    failure: float | None = None
    max_seconds: float | None = None

    def __post_init__(self) -> None:
        require(":" in self.function, "function", "module:name", self.function)
        is_possible = self.max_seconds is None or 0.0 < self.max_seconds < math.inf
        require(is_possible, "max_seconds", "above 0, or nothing", self.max_seconds)


class FunctionEvaluator(Evaluator):
    """Answers with `function(architecture)`, or `function(architecture, seed=...)` where it takes a seed.

    In a worker process the function is imported by its module and name. It is asked here whether it can be. What it
    raises is a failed candidate, a FileNotFoundError too; but a full disk, no more open files and whatever else
    `metaqnn.machine.machine_fault` tells to be the machine's end the search, which goes on later.

    Args:
        options: which function, and what it returns.
        setting: of no use but for the seed.
        function: the function itself, where it is at hand.
        facts: what a space is made from, if it needs any.

    Raises:
        PluginError: it is not given and cannot be imported.
    """

    Options = FunctionOptions

    def __init__(
        self,
        options: FunctionOptions,
        setting: Setting,
        function: Callable[..., Any] | None = None,
        facts: Mapping[str, Any] | None = None,
    ):
        super().__init__(options, setting)
        self._facts = dict(facts or {})
        failure = options.failure
        if failure is None:
            failure = 0.0 if options.direction == "maximize" else 1.0
        self.score = Score(options.score, options.direction, failure=failure)
        self.limits = Limits(options.max_seconds, seconds_key="evaluator.max_seconds")
        self._function = function or imported(options.function)
        self._source_hash = source_hash(self._function)

    def facts(self) -> Mapping[str, Any]:
        """The hash of the function's source, so that a changed one is refused on resume."""
        return self._facts | {"function": self.options.function, "source_hash": self._source_hash}

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_function": None}

    def start(self, place: Place | None = None) -> None:
        """Import it in a process of its own."""
        if self._function is None:
            self._function = imported(self.options.function)
        try:
            self._takes_seed = "seed" in inspect.signature(self._function).parameters
        except ValueError:  # some that are written in C do not say what they take
            self._takes_seed = False

    def evaluate(self, candidate: Candidate, report: Report) -> Evaluation | float:
        """Ask the function."""
        architecture = Architecture(candidate.architecture, candidate.actions, candidate.costs)
        seed = {"seed": candidate.seed} if self._takes_seed else {}
        answer: Evaluation | float = self._function(architecture, **seed)
        return answer


def name_of(function: Callable[..., Any]) -> str:
    """`module:qualified.name` of a function."""
    named = function if hasattr(function, "__qualname__") else type(function)
    return f"{named.__module__}:{named.__qualname__}"


def why_not_importable(function: Callable[..., Any]) -> str | None:
    """Why worker processes could not find a function by its name, as a clause; None where they can."""
    name = getattr(function, "__qualname__", None)
    if name is None:
        return f"it is {name_of(function)}, an object that can be called; put a function at the top of a module"
    if function.__module__ == "__main__":
        return f"{name} is defined in the program itself (__main__); put it in a module"
    if "<lambda>" in name or "<locals>" in name:
        return f"{name} is a lambda or stands inside another function; put it at the top of a module"
    try:
        found = imported(name_of(function))
    except PluginError as error:
        return str(error)
    return None if found is function else f"{name_of(function)} is another function when it is imported"


def imported(target: str) -> Callable[..., Any]:
    """The function of a name.

    Raises:
        PluginError: there is none that can be imported.
    """
    module, _, path = target.partition(":")
    try:
        found: Any = sys.modules.get(module) or import_module(module)
        for attribute in path.split("."):
            found = getattr(found, attribute)
    except Exception as error:  # a module of the user's may raise anything
        problem = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise PluginError(f"expected {target} to be importable, but {problem}") from error
    if not callable(found):
        raise PluginError(f"expected a function at {target}, got {found!r:.200}")
    function: Callable[..., Any] = found
    return function


def source_hash(function: Callable[..., Any]) -> str:
    """SHA-256 of a function's source, hexadecimal; empty where there is none to read, as at a prompt."""
    try:
        return hashlib.sha256(inspect.getsource(function).encode()).hexdigest()
    except (OSError, TypeError):
        return ""
