"""A database verified: what follows from seed and results is rebuilt, the rest compared with its hash chains."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from metaqnn.core import TRAINING, Recording, Space
from metaqnn.errors import DamageError
from metaqnn.networks.evaluator import figures_of
from metaqnn.replay.chain_check import ChainFindings, check_chains, config_difference, find_head
from metaqnn.replay.importing import read_imported_rows
from metaqnn.replay.reader import ReplayReader
from metaqnn.replay.retrainings import read_retrainings, read_test_checks, read_test_looks
from metaqnn.search.verify import Verification, verify
from metaqnn.workflows.components import stored_budget, stored_components, stored_experiment
from metaqnn.workflows.imported_rows import difference_from_rows
from metaqnn.workflows.verify_retrainings import difference_of_retrainings

UNPROVED = ("runs.*", "worker_events.*", "writer.*", "*.*_seconds", "*.*_at", "*.device", "*.node")
"""Columns of which nothing is proved, as patterns of TABLE.COLUMN: facts in which equal searches may differ."""


@dataclass(frozen=True)
class DatabaseVerification(Verification):
    """What `verify_database` found.

    Attributes:
        retrainings, unended, looks: how many retrainings there are, how many of them have not ended, and how many
            looks at a test split.
        is_share: whether what is measured is a share of the images, such as an accuracy.
        chains: what each hash chain covers.
        heads: where the hashes are that were asked for, in words.
    """

    retrainings: int = 0
    unended: int = 0
    looks: int = 0
    is_share: bool = True
    chains: tuple[ChainFindings, ...] = ()
    heads: tuple[str, ...] = ()


def verify_database(
    reader: ReplayReader,
    on_episode: Callable[[int], None] = lambda number: None,
    allowed: Sequence[str] = (),
    heads: Sequence[str] = (),
) -> DatabaseVerification:
    """Rebuild every value of a database that follows from others, and compare; then its hash chains.

    Args:
        reader: the database.
        on_episode: called with the number of each episode when it is checked.
        allowed: each `module:Name` that may be run although a database says so.
        heads: hashes that were published; each must be one that a chain has, or had before it went on.

    Raises:
        MetaqnnError: a part of the search is not installed, or the file holds no search.
    """
    try:
        with reader.snapshot(is_long=True):  # what a search or a training adds meanwhile is not half looked at
            return _verified(reader, on_episode, allowed, heads)
    except DamageError as error:
        return DatabaseVerification(0, 0, 0, error.what)


def _verified(
    reader: ReplayReader, on_episode: Callable[[int], None], allowed: Sequence[str], heads: Sequence[str]
) -> DatabaseVerification:
    if (difference := config_difference(reader)) is not None:
        return DatabaseVerification(0, 0, 0, difference)
    experiment, components = stored_experiment(reader, allowed, evaluates=False), stored_components(reader, allowed)
    recording = reader.recording()
    difference = _difference_elsewhere(reader, recording, components.space)
    if difference is not None:
        return DatabaseVerification(0, 0, 0, difference)
    found = verify(
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
    if found.difference is not None:
        return DatabaseVerification(**asdict(found))
    chains, places = check_chains(reader), {head: find_head(reader, head) for head in heads}
    differences = [
        reader.dangling(),
        *(chain.difference for chain in chains),
        *(f"no hash chain of it has come to {head}" for head, place in places.items() if place is None),
    ]
    retrainings = read_retrainings(reader)
    return DatabaseVerification(
        found.episodes,
        found.proposals,
        found.q_values,
        next(filter(None, differences), None),
        found.ahead,
        len(retrainings),
        sum(retraining.status == TRAINING for retraining in retrainings),
        len(read_test_looks(reader)) + len(read_test_checks(reader)),
        reader.score().is_share,
        tuple(chains),
        tuple(f"{head} is {place}" for head, place in places.items()),
    )


def _difference_elsewhere(reader: ReplayReader, recording: Recording, space: Space) -> str | None:
    """What is wrong beside the episodes themselves: checkpoints, retrainings and looks, rows of an imported file."""
    if others := reader.checkpoint_names() - {"q_values"}:
        return f"checkpoints: there is one of {sorted(others)[0]!r}, and there are none but of 'q_values'"
    if (difference := difference_of_retrainings(reader)) is not None:
        return difference
    return difference_from_rows(read_imported_rows(reader), recording.episodes, space) if recording.is_import else None
