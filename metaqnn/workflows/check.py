"""A database checked: the file, every row, what an experiment makes of them, and the files beside it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from metaqnn.core import TRAINING, Space, Status
from metaqnn.errors import DamageError, IllegalArchitectureError, MetaqnnError, NotationError
from metaqnn.machine import machine_fault
from metaqnn.networks.retraining.choice import problem_with
from metaqnn.replay.columns import missing_keys, shown
from metaqnn.replay.evaluations import read_evaluations
from metaqnn.replay.integrity import file_faults
from metaqnn.replay.places import behind_links
from metaqnn.replay.reader import ReplayReader
from metaqnn.replay.retrainings import read_retrainings, weights_folder
from metaqnn.workflows.components import stored_space

_WEIGHTS = (b"\x89HDF\r\n\x1a\n", b"PK\x03\x04")
"""How a file of weights begins: HDF5, or, of older versions, a Keras archive."""


def check_database(path: Path, allowed: Sequence[str] = ()) -> tuple[list[str], list[str]]:
    """Look for everything in a database and beside it that cannot be so.

    Whether proposals and values follow from seed and results is `verify_database`'s to say.

    Args:
        path: of the file.
        allowed: each `module:Name` that may be run although a database says so.

    Returns:
        what is wrong, a clause each; and what lies beside it that no row names, which is no fault.

    Raises:
        MetaqnnError: there is no such file.
    """
    found = file_faults(path)
    if found:  # what rows mean is asked of rows that are as they should be
        return found, []
    with ReplayReader(path) as reader, reader.snapshot():
        found += [f"table config, row {key!r}: {problem}" for key, problem in missing_keys(reader.config())]
        if reader.config() and not found:
            found += _meaning(reader, allowed)
        return [*found, *_weights(reader)], [*_beside(reader)]


@contextmanager
def damage_told(path: Path, allowed: Sequence[str] = ()) -> Iterator[None]:
    """Say of whatever fails on what a database holds where the damage is, if there is any.

    Raises:
        DamageError: in place of an error for which a damaged value is to blame.
    """
    try:
        yield
    except Exception as error:
        is_told = isinstance(error, MetaqnnError) and not isinstance(error, NotationError | IllegalArchitectureError)
        if is_told or machine_fault(error):
            raise
        faults: list[str] = []
        with suppress(MetaqnnError):
            faults = check_database(path, allowed)[0]
        if not faults:
            raise
        raise DamageError(path, faults[0]) from error


@contextmanager
def stored_architectures(reader: ReplayReader, space: Space) -> Iterator[None]:
    """Say of an architecture that a search cannot go on with where it is stored: what is proposed is always one.

    Raises:
        DamageError: a model is no architecture of the space.
    """
    try:
        yield
    except (NotationError, IllegalArchitectureError) as error:
        damage = next(illegal_architectures(reader, space), None)
        if damage is None:  # somebody else's: an evaluator's, say
            raise
        raise DamageError(reader.path, damage) from error


def illegal_architectures(reader: ReplayReader, space: Space) -> Iterator[str]:
    """Which models of a database are no architectures of its space: a clause each."""
    for model in reader.models():
        try:
            space.trajectory(model.architecture)
        except (NotationError, IllegalArchitectureError) as error:
            problem = str(error).splitlines()[0]
            yield f"table models, row {model.model}, column architecture: {problem} (it is {shown(model.architecture)})"


def _meaning(reader: ReplayReader, allowed: Sequence[str]) -> Iterator[str]:
    """What is no experiment, no architecture or no score of it."""
    try:
        space = stored_space(reader, allowed)
    except MetaqnnError as error:
        yield getattr(error, "what", str(error))
        return
    yield from illegal_architectures(reader, space)
    score = reader.score()
    for each in read_evaluations(reader):
        problem = None if each.score is None else score.problem_with(each.score)
        if each.status == Status.OK and each.score is None:
            problem = f"expected a {score.name}, as its status is ok, but it is NULL"
        if problem:
            yield f"table evaluations, row {each.evaluation}, column score: {problem}"


def _weights(reader: ReplayReader) -> Iterator[str]:
    """Trained networks that are missing, or no files of weights."""
    for retraining in read_retrainings(reader):
        if retraining.status != Status.OK or retraining.weights is None:
            continue
        if problem := problem_with(reader, retraining):
            yield problem
        else:
            path = weights_folder(reader.path) / str(retraining.weights)
            with path.open("rb") as file:
                begins = file.read(8)
            if not begins.startswith(_WEIGHTS):
                yield f"{path}: expected a file of weights, but it is none; `metaqnn train --retrain` makes it anew"


def _beside(reader: ReplayReader) -> Iterator[str]:
    """Files that no row names."""
    folder = weights_folder(reader.path)
    named = {retraining.weights for retraining in read_retrainings(reader)}
    unfinished = any(retraining.status == TRAINING for retraining in read_retrainings(reader))
    for path in sorted(folder.iterdir()) if folder.is_dir() and not unfinished else ():
        if path.name not in named:
            yield f"{path}: no retraining names it"
    for ending in ("-journal", "-wal"):
        beside = Path(f"{behind_links(reader.path)}{ending}")
        if beside.exists():
            yield f"{beside}: it belongs to the database; a search writes to it, or was killed"
