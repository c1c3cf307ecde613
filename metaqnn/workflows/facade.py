"""A search from Python, in one call: `metaqnn.search(...)`."""

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from metaqnn.config import read_section, require
from metaqnn.core import HANG_SECONDS, Evaluation, Evaluator, Observer, Setting, Space, Strategy
from metaqnn.core.plugins import KINDS, Plugin, find
from metaqnn.errors import ConfigError
from metaqnn.networks.data.config import DatasetConfig
from metaqnn.networks.retraining.config import read_recipe
from metaqnn.replay.leaderboard import best_model
from metaqnn.replay.reader import ReplayReader
from metaqnn.search.config import SearchConfig
from metaqnn.workers.functions import FunctionEvaluator, FunctionOptions, name_of, why_not_importable
from metaqnn.workflows.display import display_for
from metaqnn.workflows.experiment import Experiment, read_data
from metaqnn.workflows.guarded_observer import GuardedObserver
from metaqnn.workflows.search import run_search
from metaqnn.workflows.search_options import SearchOptions
from metaqnn.workflows.search_result import SearchResult
from metaqnn.workflows.section import NETWORK, Section, read_observer, read_part

_PLACE = "metaqnn.search"

Part = str | Mapping[str, Any]
"""The name of a part, or a section as in YAML: `{"name": ..., key: value}`."""

Function = Callable[..., float | Evaluation]
"""From an architecture (`text`, `actions`, `costs`), and `seed` if it takes one, to its score."""


@dataclass(frozen=True)
class _Arguments:
    """What stands in no section of an experiment but its header, and how long."""

    seed: int
    max_seconds: float | None

    def __post_init__(self) -> None:
        require(0 <= self.seed < 2**63, "seed", f"a whole number from 0 to {2**63 - 1}", self.seed)
        is_time = self.max_seconds is None or self.max_seconds > 0
        require(is_time, "max_seconds", "more than 0, or None", self.max_seconds)


def search(
    space: Space | type[Space] | Part,
    evaluator: Function | Evaluator | type[Evaluator] | Part,
    database: Path | str,
    models: int,
    strategy: type[Strategy] | Part | None = None,
    *,
    seed: int = 0,
    reward: Part = "score",
    dataset: Any = None,
    score: str = "score",
    direction: Literal["maximize", "minimize"] = "maximize",
    failure: float | None = None,
    lookahead: int = 1,
    workers: int | None = None,
    gpus: Sequence[str] | None = None,
    max_seconds: float | None = None,
    hang_seconds: float | None = HANG_SECONDS,
    break_lock: bool = False,
    observers: Sequence[Observer | Part] = (),
    progress: bool | None = None,
    announce: Callable[[str], None] = lambda line: print(line, file=sys.stderr),
) -> SearchResult:
    """Search a space, or go on where the database stands.

    A function runs in worker processes, which find it by its module and name; one that they could not find (of the
    program itself, a lambda, a closure) runs in this process, one candidate after another, and that is said.

    Args:
        space: a space, its class, its name or its section.
        evaluator: likewise, or a function from an architecture to its score.
        database: the file; the same call resumes.
        models: budget of distinct architectures in total.
        strategy: its class, its name or its section; None is q_learning, or what the search in `database` began with.
        seed: all randomness derives from it.
        reward: its name or its section.
        dataset: a name, a path or a section; or the data themselves, which are copied once into the cache: a
            tf.data.Dataset, a PyTorch Dataset or DataLoader, a Hugging Face Dataset, another source of (image, label)
            pairs, or two arrays (images, labels); or {"train": ..., "test": ...} with one of these for each part.
        score: of a function: what its result is called.
        direction: of a function: which way its result is better.
        failure: of a function: what a failed candidate counts as (None: 0, or 1 where less is better).
        lookahead: episodes that may be in flight.
        workers: processes side by side, at most `lookahead`; 0 evaluates in this process.
        gpus: which GPUs to use; None is all that are visible.
        max_seconds: wall clock over all runs.
        hang_seconds: a worker process that gives no sign of life for so long is replaced, and its candidate tried
            again; None: never.
        break_lock: take the database from a process on another machine, which has ended.
        observers: names or sections, which run in processes of their own; or objects, which are told in this one.
        progress: whether to show how far it is, on standard error or in the notebook; None: where somebody sees it.
        announce: called with lines for the user.

    Raises:
        MetaqnnError: the search cannot start or go on; nothing recorded is lost.
    """
    path = Path(database)
    said = _checked(_Arguments, seed=seed, max_seconds=max_seconds)
    limits = {"lookahead": lookahead, "workers": workers or None, "hang_seconds": hang_seconds}
    plan = _checked(SearchConfig, models=models, **limits)
    here: str | None = None
    if callable(evaluator) and not isinstance(evaluator, type | Evaluator):
        here = why_not_importable(evaluator)
        function = {"function": name_of(evaluator), "score": score, "direction": direction, "failure": failure}
        options = _checked(FunctionOptions, **function)
        section = Section(find("evaluator", "function", _PLACE), options)
        facts = space.facts if isinstance(space, Space) else {}
        made: Evaluator | None = FunctionEvaluator(options, Setting(said.seed), evaluator, facts)
    else:
        made = evaluator if isinstance(evaluator, Evaluator) else None
        section = _section("evaluator", evaluator)
        if section.plugin.target.startswith("__main__:"):
            here = f"{section.name} is defined in the program itself (__main__); put it in a module"
    if here is not None and workers:
        raise ConfigError(f"{_PLACE}: expected an evaluator that worker processes can import, but {here}")
    if here is not None:
        announce(f"Candidates are evaluated in this process, one after another: {here} to have them in processes.")
    is_of_networks = section.name == NETWORK
    data, source = _data(dataset, is_of_networks, announce)
    experiment = Experiment(
        re.sub(r"[^\w.-]", "-", path.stem).lstrip(".") or "search",  # what an experiment may be called
        said.seed,
        data,
        _section("space", space),
        _section("strategy", {} if strategy is None else strategy),
        section,
        _section("reward", reward),
        plan,
        source,
        read_recipe(None, _PLACE) if is_of_networks else None,
        names_strategy=strategy is not None,
    )
    in_process = here is not None or workers == 0
    named = [read_observer(one, f"{_PLACE}: observers") for one in observers if not isinstance(one, Observer)]
    report = run_search(
        experiment,
        path,
        SearchOptions(
            plan.models,
            said.max_seconds,
            gpus=None if gpus is None else tuple(gpus),
            in_process=in_process,
            break_lock=break_lock,
            observe=tuple(named),
        ),
        (
            *display_for(progress),
            *(GuardedObserver(one, announce) for one in observers if isinstance(one, Observer)),
        ),
        announce,
        made,
    )
    with ReplayReader(path) as reader:
        return SearchResult(best_model(reader), path, report.ending)


def _checked(section: type[Any], **values: object) -> Any:
    """A section of these values, which are checked as those of a file are; NumPy's numbers are numbers."""
    plain = {key: value.item() if isinstance(value, np.generic) else value for key, value in values.items()}
    return read_section(section, plain, "", _PLACE)


def _section(kind: str, part: Any) -> Section:
    """The section that a part, its class, its name or its section stands for."""
    if isinstance(part, str):
        return read_part(kind, {"name": part}, _PLACE, find)
    if isinstance(part, Mapping):
        return read_part(kind, part, _PLACE, find)
    cls: Any = part if isinstance(part, type) else type(part)
    if not issubclass(cls, KINDS[kind]):
        raise ConfigError(f"{_PLACE}: {kind}: expected its {kind}, a class, a name or a section, got {part!r:.100}")
    if "<locals>" in cls.__qualname__:
        raise ConfigError(
            f"{_PLACE}: {kind}: {cls.__qualname__} stands inside a function; put it at the top of a module"
        )
    target = f"{cls.__module__}:{cls.__qualname__}"
    plugin = Plugin(kind, target, target)
    if cls is part:
        return read_part(kind, {"name": target}, _PLACE, find)
    plugin.load()
    return Section(plugin, part.options if getattr(part, "options", None) is not None else cls.Options())


def _data(
    dataset: Any, is_of_networks: bool, announce: Callable[[str], None]
) -> tuple[DatasetConfig | Section | None, Section | None]:
    """The section `dataset` that a name, a section or the data themselves stand for, and what packages offer for it."""
    from metaqnn.networks.data.copies import NAME, can_be_copied, keep_copy
    from metaqnn.networks.data.examples import TAKEN

    others: Mapping[str, Any] = {}
    if isinstance(dataset, Mapping) and can_be_copied(dataset.get("name")):  # with other keys of the section
        dataset, others = dataset["name"], {key: value for key, value in dataset.items() if key != "name"}
    if can_be_copied(dataset):
        announce("Reading the data set once, to keep a copy of it ...")
        dataset = {"name": NAME, "hash": keep_copy(dataset).hash, **others}
    if dataset is not None and not isinstance(dataset, str | Mapping):
        raise ConfigError(f"{_PLACE}: dataset: expected a name, a path, a section, or {TAKEN}, got {dataset!r:.100}")
    content = {"name": dataset} if isinstance(dataset, str) else dataset
    return read_data(content, _PLACE, find, is_of_networks)
