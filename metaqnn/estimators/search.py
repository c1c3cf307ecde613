"""The search behind an estimator: its database, the data beside it, and what it found."""

import shutil
import signal
import sys
import tempfile
import warnings
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from metaqnn.errors import DataError, EvaluatorError, ReplayError, counted
from metaqnn.files import moved_aside, written_whole
from metaqnn.networks.data.arrays import TARGET_NAMES
from metaqnn.networks.data.search_data import array_hash
from metaqnn.replay.failures import first_reason
from metaqnn.replay.leaderboard import Winner, read_winner
from metaqnn.replay.reader import ReplayReader
from metaqnn.search.loop import Ending
from metaqnn.workflows import Experiment, SearchOptions, read_experiment, run_search
from metaqnn.workflows.old_names import as_recorded
from metaqnn.workflows.resume import backend_for, changed_keys


class TemporaryFolder:
    """A folder that lives as long as this object."""

    def __init__(self):
        self.path = Path(tempfile.mkdtemp(prefix="metaqnn-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


def data_file(database: Path) -> Path:
    """The images and labels of a search, beside its database."""
    return database.with_name(f"{database.name}.npz")


def stored_config(database: Path) -> Mapping[str, Any]:
    """What the search at a place was started with; empty where there is none yet.

    Raises:
        ReplayError: the file is no replay database, or holds no search.
    """
    if not database.is_file():
        return {}
    with ReplayReader(database) as reader:
        reader.require_search()
        return reader.config()


def refuse_another(
    database: Path, stored: Mapping[str, Any], experiment: Experiment, images: np.ndarray, labels: np.ndarray
) -> None:
    """Refuse to go on with other parameters or data than those of the search that is there.

    Args:
        database: its place.
        stored: what it was started with.
        experiment: what the parameters stand for now.
        images, labels: as `write_data` keeps them.

    Raises:
        ReplayError: with what differs.
    """
    was, now = (
        each.with_backend(lambda: backend_for(database)).as_mapping()
        for each in (read_experiment(as_recorded(stored["experiment"]), str(database)), experiment)
    )
    changed = changed_keys(was, now)
    if changed:
        raise ReplayError(
            f"{database}: the search there was started differently: {'; '.join(changed)}. Undo that to resume it, or "
            "choose another path"
        )
    data = stored["data"]
    if data["data_hash"] != array_hash(images, labels):
        count = data["train_images"] + data["validation_images"]
        before, here = (_described(count, data["input_shape"]), _described(len(images), images.shape[1:]))
        raise ReplayError(
            f"{database}: the search there was started on another X or y ({before}, now {here}); fit the same data to "
            "resume it, or choose another path"
        )


def _described(count: int, shape: Sequence[int]) -> str:
    return f"{counted(count, 'image')} of {'x'.join(map(str, shape))}"


def write_data(database: Path, images: np.ndarray, labels: np.ndarray, names: Sequence[str] | None = None) -> None:
    """Write the data beside the database, whole or not at all.

    Args:
        database: the search's file.
        images: uint8 (N, height, width, channels).
        labels: int64 (N,); or other targets, as a split has them.
        names: of several labels or numbers; None where they have none.

    Raises:
        DataError: they cannot be written.
    """
    file = data_file(database)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if moved := moved_aside(file):
            warnings.warn(f"{file} is not of this search; it was moved to {moved.name}", stacklevel=4)
        with written_whole(file, is_new=True) as part, part.open("wb") as stream:
            arrays: dict[str, Any] = {"x_train": images, "y_train": labels}
            if names is not None:
                arrays[TARGET_NAMES] = np.array(names, dtype=str)
            np.savez(stream, **arrays)
    except OSError as error:
        reason = error.strerror or error
        raise DataError(f"{file}: the data cannot be kept there: {reason}; choose another path") from error


def run(experiment: Experiment, database: Path, workers: int | None, max_time: float | None, verbose: bool) -> None:
    """Start or resume a search, with its progress on the standard error.

    Raises:
        KeyboardInterrupt: it was interrupted; what was found is kept, and no worker is left.
        EvaluatorError: it ended without a network.
        MetaqnnError: it cannot start or go on.
    """
    from metaqnn.workflows.display import make_display

    options = SearchOptions(
        models=experiment.search.models,
        max_seconds=max_time,
        workers=int(workers) if workers else None,
        in_process=workers == 0,
        estimate=verbose,
        take_rows=True,
    )
    observers = [make_display(sys.stderr)] if verbose else []
    announce = (lambda line: print(line, file=sys.stderr, flush=True)) if verbose else (lambda line: None)
    report = run_search(experiment, database, options, observers, announce)
    if report.ending is Ending.INTERRUPTED:
        pass_on(report.signal)


def pass_on(number: int | None) -> NoReturn:
    """Let this program do about a signal what it does elsewhere.

    Raises:
        KeyboardInterrupt: unless the program's own handler does something else.
    """
    if number is not None:
        signal.raise_signal(number)
    raise KeyboardInterrupt


def find_winner(database: Path) -> Winner:
    """The best network; where none learned, the best of those that did not.

    Raises:
        EvaluatorError: there is no network with a score.
    """
    with ReplayReader(database) as reader:
        if winner := read_winner(reader):
            return winner
        reason = first_reason(reader)
    why = f"the first one failed: {reason}" if reason else "max_time was over before the first one ended"
    raise EvaluatorError(f"expected a search that ends with a network, but it has none: {why}")
