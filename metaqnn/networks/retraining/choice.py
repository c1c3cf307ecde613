"""Which of the trained networks is meant: one that can be used, chosen by validation, never by the test split."""

from collections.abc import Iterable, Sequence
from math import inf
from stat import S_ISREG

from metaqnn.core import TRAINING, Retraining, Status, TrainingSplit
from metaqnn.errors import ReplayError
from metaqnn.networks.retraining.stored import StoredNetwork
from metaqnn.networks.targets import recorded_target
from metaqnn.replay.leaderboard import read_ranking
from metaqnn.replay.reader import ReplayReader
from metaqnn.replay.retrainings import kept_file, misplaced, read_retraining, read_retrainings, weights_folder

_TOP = 5
"""Networks that a message offers to train."""

_NAMED = 3
"""Retrainings that cannot be used of which a message tells why; of more it would be a page."""


def choose_retraining(reader: ReplayReader, model: int | None = None, retraining: int | None = None) -> Retraining:
    """The one trained network that is meant.

    Args:
        reader: the database.
        model: the best retraining of this model; None: of all.
        retraining: this very one.

    Raises:
        ReplayError: there is none, or its training has not ended well, or its weights are gone.
    """
    if retraining is None:
        return best_retrainings(reader, model=model)[0]
    chosen = read_retraining(reader, retraining)
    if problem := problem_with(reader, chosen):
        raise ReplayError(f"{reader.path}: {problem}")
    return chosen


def best_retrainings(
    reader: ReplayReader, dataset: str | None = None, part: TrainingSplit | None = None, model: int | None = None
) -> list[Retraining]:
    """The retrainings that can be used, the best first: by validation score, else by that of the search.

    Retrainings of one data set and one part only are compared with each other.

    Args:
        reader: the database.
        dataset: name of the data set that they were trained on; None is the search's own, or the newest
            retraining's where there is none of that.
        part: the images that they were trained on; None is the newest retraining's.
        model: only the retrainings of this model; None is every model.

    Raises:
        ReplayError: there is none, or no such model.
    """
    if model is not None:
        require_model(reader, model)
    of_model, asked = ("", f"--top {_TOP}") if model is None else (f" of model {model}", f"--model {model}")
    retrainings = [retraining for retraining in read_retrainings(reader) if model in (None, retraining.model)]
    if not retrainings:
        raise ReplayError(
            f"{reader.path}: expected a trained network{of_model}, but there is none yet; train it with "
            f"`metaqnn train {reader.path} {asked}`"
        )
    usable = usable_retrainings(reader, retrainings)
    if not usable:
        problems = "; ".join(filter(None, (problem_with(reader, each) for each in retrainings[-_NAMED:])))
        raise ReplayError(f"{reader.path}: expected a trained network{of_model}, but {problems}")
    chosen = comparable(reader, usable, dataset, part)
    if not chosen:
        wanted = f"{dataset or usable[-1].dataset['name']}{f' ({part})' if part else ''}"
        there_are = ", ".join(sorted({f"{retraining.dataset['name']} ({retraining.split})" for retraining in usable}))
        raise ReplayError(
            f"{reader.path}: expected a network{of_model} trained on {wanted}, but there is none; "
            f"there are networks trained on {there_are}"
        )
    return rank(reader, chosen)


def comparable(
    reader: ReplayReader,
    retrainings: Sequence[Retraining],
    dataset: str | None = None,
    part: TrainingSplit | None = None,
) -> list[Retraining]:
    """Those of some retrainings that were trained on the same data set and the same part; may be none.

    Args:
        reader: the database.
        retrainings: at least one, in order.
        dataset, part: as in `best_retrainings`.
    """
    names = [retraining.dataset["name"] for retraining in retrainings]
    if dataset is None:
        own = reader.config()["experiment"]["dataset"]["name"]
        dataset = own if own in names else names[-1]
    chosen = [retraining for retraining in retrainings if retraining.dataset["name"] == dataset]
    if chosen and part is None:
        part = chosen[-1].split
    return [retraining for retraining in chosen if retraining.split is part]


def rank(reader: ReplayReader, retrainings: Iterable[Retraining]) -> list[Retraining]:
    """Retrainings in the order of choice: by validation score, then that of the search, and the older first."""
    score = reader.score()
    searched = {ranked.model: ranked.score for ranked in read_ranking(reader)}

    def key(retraining: Retraining) -> tuple:
        known = (retraining.score, searched.get(retraining.model))
        return *(inf if value is None else -score.gain(value) for value in known), retraining.number

    return sorted(retrainings, key=key)


def best_of_each_model(retrainings: Sequence[Retraining]) -> list[Retraining]:
    """The first retraining of every model, in order."""
    found: dict[int, Retraining] = {}
    for retraining in retrainings:
        found.setdefault(retraining.model, retraining)
    return list(found.values())


def usable_retrainings(reader: ReplayReader, retrainings: Sequence[Retraining]) -> list[Retraining]:
    """Those of some retrainings that ended well and whose weights are there."""
    return [retraining for retraining in retrainings if problem_with(reader, retraining) is None]


def problem_with(reader: ReplayReader, retraining: Retraining) -> str | None:
    """Why a retraining cannot be used, as a clause; None where it can.

    Raises:
        OSError: the machine cannot tell.
    """
    name = f"retraining {retraining.number}"
    if retraining.status == TRAINING:
        return f"{name} is still training, or was interrupted: the same `metaqnn train` goes on with it"
    if retraining.status != Status.OK:
        return f"{name} failed ({retraining.status}{': ' if retraining.reason else ''}{retraining.reason})"
    if retraining.weights is None:
        return f"{name} has no file of weights"
    if problem := misplaced(reader.path, retraining.weights):
        return f"the weights of {name} {problem}"
    path = weights_folder(reader.path) / retraining.weights
    try:
        is_there = S_ISREG(path.stat().st_mode)  # `is_file` may say no where nobody can know
    except (FileNotFoundError, NotADirectoryError):
        is_there = False
    if not is_there:
        return f"the weights of {name} are missing from {path}: put the file back, or use `metaqnn train --retrain`"
    return None


def stored_network(reader: ReplayReader, retraining: Retraining) -> StoredNetwork:
    """The file of a trained network, and what is to be built to read it.

    Raises:
        ReplayError: the file is not in the folder of the database.
    """
    return StoredNetwork(
        str(kept_file(reader.path, retraining.weights or "", f"the weights of retraining {retraining.number}")),
        retraining.architecture,
        retraining.data["input_shape"],
        retraining.recipe.get("preprocessing") or retraining.dataset.get("preprocessing", "none"),
        retraining.recipe.get("batch_normalization", False),
        recorded_target(retraining.data).facts(),
    )


def require_model(reader: ReplayReader, model: int) -> None:
    """Refuse the number of a model that does not exist.

    Raises:
        ReplayError: there is no such model.
    """
    numbers = [known.model for known in reader.models()]
    if model not in numbers:
        there_are = f"its models are numbered 1 to {max(numbers)}" if numbers else "it has no models yet"
        raise ReplayError(f"{reader.path}: there is no model {model}; {there_are}")
