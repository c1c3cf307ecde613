"""What a user says of one run of a search, beside its experiment."""

from dataclasses import dataclass

from metaqnn.errors import ConfigError
from metaqnn.search.config import MAX_MODELS
from metaqnn.workflows.section import Section


@dataclass(frozen=True)
class SearchOptions:
    """What is said when a search is started, and may be said differently each time.

    Attributes:
        models: budget of distinct architectures in total; None keeps what the file or the run before says.
        max_seconds: wall clock over all runs; None is no limit.
        workers: processes that train side by side; None is what the file says, or one per GPU, otherwise one per core.
        gpus: which GPUs to train on; None is all that are visible.
        fresh: move an existing database aside and start anew.
        must_exist: refuse to start anew.
        in_process: train in this process, one network after another, whatever `workers` says: for small data, where
            starting a process takes longer than training. See `metaqnn.workers.evaluating.make_executor`.
        break_lock: take the database from a process of which this machine cannot know whether it has ended.
        estimate: tell how long a new search will take, from a measurement of some seconds, before it begins.
        observe: observers beside those of the experiment.
        cluster: address of the Ray cluster whose machines train; None is what the file says.
        same_kind: refuse machines of another kind there, whatever the file says.
        take_rows: take images of one row for images, as those of features are, where signals would be refused.
    """

    models: int | None = None
    max_seconds: float | None = None
    workers: int | None = None
    gpus: tuple[str, ...] | None = None
    fresh: bool = False
    must_exist: bool = False
    in_process: bool = False
    break_lock: bool = False
    estimate: bool = True
    observe: tuple[Section, ...] = ()
    cluster: str | None = None
    same_kind: bool = False
    take_rows: bool = False

    def __post_init__(self):
        if self.models is not None and not 1 <= self.models <= MAX_MODELS:
            raise ConfigError(f"--models: expected from 1 to {MAX_MODELS}, got {self.models}")
