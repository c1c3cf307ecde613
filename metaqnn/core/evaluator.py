"""The contract of an evaluator: how good is an architecture?"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from metaqnn.core.dataset import Dataset
from metaqnn.core.episode import Candidate
from metaqnn.core.evaluation import CurvePoint, Evaluation
from metaqnn.core.executor import SpeedMeasurement
from metaqnn.core.options import NoOptions
from metaqnn.core.score import Score

if TYPE_CHECKING:
    import numpy as np

Report = Callable[[int, CurvePoint], None]
"""Called with the number of the attempt, from 1, and its newest point, so that displays can follow."""


@dataclass(frozen=True)
class Setting:
    """What an evaluator works with.

    Attributes:
        seed: the search's.
        dataset: the data, unread; None where the experiment names none.
        section: the section `dataset`, as plain values.
    """

    seed: int = 0
    dataset: Dataset | None = None
    section: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Limits:
    """What a candidate may take.

    Attributes:
        max_seconds: an evaluation that takes much longer hangs; None is no limit.
        max_bytes: of memory of a worker process on a CPU; None is what the machine has.
        seconds_key: the key by which a user sets the seconds, for messages.
        bytes_key: likewise, the memory.
        computes: whether an evaluation uses a processor or reports a point all the while, so that one that does
            neither for minutes hangs; leave it False where one may wait for an answer from elsewhere.
    """

    max_seconds: float | None = None
    max_bytes: float | None = None
    seconds_key: str = "max_seconds"
    bytes_key: str = "max_memory"
    computes: bool = False


@dataclass(frozen=True)
class Place:
    """Where a worker process evaluates.

    Attributes:
        gpu: the one GPU that the process may use, as CUDA_VISIBLE_DEVICES names it; None leaves the choice open.
        is_own_process: whether the process exists for the evaluations, so that its settings may be changed.
        arrays: on a machine of a cluster the folder in which each array that `Evaluator.arrays` named is NAME.npy;
            None where the evaluator reads its data itself.
    """

    gpu: str | None = None
    is_own_process: bool = True
    arrays: Path | None = None


class Evaluator(ABC):
    """Says how good an architecture is: a score, perhaps a learning curve and further figures.

    It is made in the search's process, which must stay light, sent to each worker process (so it must be picklable
    before `start`), started there once and then asked about one candidate after another. Whatever `evaluate` raises is
    a failed candidate, recorded with its reason; a score outside its range or NaN is one, too. Only what the system
    raises when the machine fails (a full disk, no more open files, a permission that went, as
    `metaqnn.machine.machine_fault` tells) ends the search, which then goes on where it stood. An evaluator to which
    that is a candidate's doing raises an exception of its own `from None`.

    Args:
        options: the section `evaluator`, as `Options`.
        setting: seed and data.

    Examples:
        >>> from metaqnn.core import Candidate, Evaluation, Evaluator, Score, Setting, Status
        >>> class Ones(Evaluator):
        ...     '''The share of ones among the digits of an architecture.'''
        ...
        ...     score = Score("share_of_ones", low=0.0, high=1.0)
        ...
        ...     def evaluate(self, candidate, report):
        ...         text = candidate.architecture
        ...         return Evaluation(Status.OK, text.count("1") / len(text), figures={"zeros": text.count("0")})
        >>> evaluator = Ones(Ones.Options(), Setting(seed=0))
        >>> evaluator.start()
        >>> answer = evaluator.evaluate(Candidate(1, "0110", seed=0), lambda attempt, point: None)
        >>> answer.score, answer.figures
        (0.5, {'zeros': 2})
    """

    Options: ClassVar[type] = NoOptions
    """The frozen dataclass of its section; `name` is not among its fields."""

    score: Score
    """What it measures; may be set by `__init__` where it depends on options or data."""

    def __init__(self, options: Any, setting: Setting):
        self.options, self.setting = options, setting

    def facts(self) -> Mapping[str, Any]:
        """What it evaluates on, as JSON-like values: hashes of the data, shapes, classes.

        Recorded with a new search; a search is resumed only where they are the same. A space is made from them.

        Raises:
            DataError: the data cannot be used.
        """
        return {}

    def arrays(self) -> Mapping[str, "np.ndarray"]:
        """The data that `start` needs, for machines of a cluster, each of which gets one copy; {}: it needs none.

        Asked in the search's process, and only for a cluster. `Place.arrays` then says where they are.
        """
        return {}

    def start(self, place: Place | None = None) -> None:  # noqa: B027 - nothing to load is fine
        """Load frameworks and data, once in each process that evaluates.

        Args:
            place: where this is; None is a process of its own, with whatever it finds.
        """

    limits: Limits = Limits()
    """What a candidate may take."""

    device: str = ""
    """What it runs on; set by `start` where that matters."""

    is_gpu: bool = False
    """Whether that is a GPU; set by `start`."""

    versions: Mapping[str, str] = MappingProxyType({})
    """Packages that decide about the last digits of a score, with their versions; set by `start`."""

    def need_bytes(self, candidate: Candidate) -> int:
        """An estimate of the memory that a candidate takes, so that those that share a device fit side by side."""
        return 0

    def prepare(self, candidate: Candidate) -> None:  # noqa: B027 - nothing to do ahead is fine
        """Make ready what will probably be asked next, while another one is evaluated in another thread."""

    def measure_speed(self, architectures: tuple[str, ...]) -> SpeedMeasurement | None:
        """Calibrate on a few architectures, once started; None where there is nothing to measure.

        Raises:
            CalibrationError: it could not be measured.
        """
        return None

    @abstractmethod
    def evaluate(self, candidate: Candidate, report: Report) -> Evaluation | float:
        """Evaluate one candidate.

        Args:
            candidate: its text, its decisions, its costs and the seed that all randomness derives from.
            report: called with each new point of the learning curve, if there is one.

        Returns:
            the evaluation, or the bare score.
        """
