"""A database verified: everything that follows from its seed and its recorded results is rebuilt and compared."""

from collections.abc import Callable, Sequence

from metaqnn.core import Recording, Space
from metaqnn.errors import DamageError
from metaqnn.networks.evaluator import figures_of
from metaqnn.replay.importing import read_imported_rows
from metaqnn.replay.reader import ReplayReader
from metaqnn.replay.retrainings import misplaced, read_retrainings
from metaqnn.search.verify import Verification, verify
from metaqnn.workflows.components import stored_budget, stored_components, stored_experiment
from metaqnn.workflows.imported_rows import difference_from_rows


def verify_database(
    reader: ReplayReader,
    on_episode: Callable[[int], None] = lambda number: None,
    allowed: Sequence[str] = (),
) -> Verification:
    """Rebuild every proposal and the Q-table of a database and compare; see `metaqnn.search.verify`.

    Args:
        reader: the database.
        on_episode: called with the number of each episode when it is checked.
        allowed: each `module:Name` that may be run although a database says so.

    Raises:
        MetaqnnError: a part of the search is not installed, or the file holds no search.
    """
    try:
        return _verified(reader, on_episode, allowed)
    except DamageError as error:
        return Verification(0, 0, 0, error.what)


def _verified(reader: ReplayReader, on_episode: Callable[[int], None], allowed: Sequence[str]) -> Verification:
    experiment, components = stored_experiment(reader, allowed, evaluates=False), stored_components(reader, allowed)
    recording = reader.recording()
    difference = _difference_elsewhere(reader, recording, components.space)
    if difference is not None:
        return Verification(0, 0, 0, difference)
    return verify(
        recording,
        components.space,
        components.make_strategy(),
        stored_budget(reader.config()),
        components.reward,
        experiment.search.lookahead,
        experiment.seed,
        components.make_early_stopping(),
        on_episode,
        *([figures_of] if experiment.is_of_networks else []),
    )


def _difference_elsewhere(reader: ReplayReader, recording: Recording, space: Space) -> str | None:
    """What is wrong beside the episodes themselves: files of weights, rows of an imported file."""
    for retraining in read_retrainings(reader):
        if retraining.weights is not None and (problem := misplaced(reader.path, retraining.weights)):
            return f"retraining {retraining.number}: its weights {problem}"
    return difference_from_rows(read_imported_rows(reader), recording.episodes, space) if recording.is_import else None
