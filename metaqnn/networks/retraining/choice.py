"""Which of the trained networks is meant: one that can be used, chosen by validation, never by the test split."""

from collections.abc import Iterable, Sequence

from metaqnn.core import TRAINING, Retraining, Status, TrainingSplit
from metaqnn.errors import ReplayError
from metaqnn.networks.retraining.stored import StoredNetwork
from metaqnn.replay.finals import kept_file, misplaced, read_final, read_finals, weights_folder
from metaqnn.replay.leaderboard import read_ranking
from metaqnn.replay.reader import ReplayReader

_TOP = 5
"""Networks that a message offers to train."""

_NAMED = 3
"""Finals that cannot be used of which a message tells why; of more it would be a page."""


def choose_final(reader: ReplayReader, model: int | None = None, final: int | None = None) -> Retraining:
    """The one trained network that is meant.

    Args:
        reader: the database.
        model: the best final of this model; None: of all.
        final: this very one.

    Raises:
        ReplayError: there is none, or its training has not ended well, or its weights are gone.
    """
    if final is None:
        return trained_finals(reader, model=model)[0]
    chosen = read_final(reader, final)
    if problem := problem_with(reader, chosen):
        raise ReplayError(f"{reader.path}: {problem}")
    return chosen


def trained_finals(
    reader: ReplayReader, dataset: str | None = None, part: TrainingSplit | None = None, model: int | None = None
) -> list[Retraining]:
    """The finals that can be used, the best first: by validation accuracy, else by that of the search.

    Finals of one data set and one part only are compared with each other.

    Args:
        reader: the database.
        dataset: name of the data set that they were trained on; None is the search's own, or the newest final's where
            there is none of that.
        part: the images that they were trained on; None is the newest final's.
        model: only the finals of this model; None is every model.

    Raises:
        ReplayError: there is none, or no such model.
    """
    if model is not None:
        require_model(reader, model)
    of_model, asked = ("", f"--top {_TOP}") if model is None else (f" of model {model}", f"--model {model}")
    finals = [final for final in read_finals(reader) if model in (None, final.model)]
    if not finals:
        raise ReplayError(
            f"{reader.path}: expected a trained network{of_model}, but there is none yet; train it with "
            f"`metaqnn train {reader.path} {asked}`"
        )
    usable = usable_finals(reader, finals)
    if not usable:
        problems = "; ".join(problem_with(reader, final) for final in finals[-_NAMED:])
        raise ReplayError(f"{reader.path}: expected a trained network{of_model}, but {problems}")
    chosen = comparable(reader, usable, dataset, part)
    if not chosen:
        wanted = f"{dataset or usable[-1].dataset['name']}{f' ({part})' if part else ''}"
        there_are = ", ".join(sorted({f"{final.dataset['name']} ({final.split})" for final in usable}))
        raise ReplayError(
            f"{reader.path}: expected a network{of_model} trained on {wanted}, but there is none; "
            f"there are networks trained on {there_are}"
        )
    return rank(reader, chosen)


def comparable(
    reader: ReplayReader, finals: Sequence[Retraining], dataset: str | None = None, part: TrainingSplit | None = None
) -> list[Retraining]:
    """Those of some finals that were trained on the same data set and the same part; may be none.

    Args:
        reader: the database.
        finals: at least one, in order.
        dataset, part: as in `trained_finals`.
    """
    names = [final.dataset["name"] for final in finals]
    if dataset is None:
        own = reader.config()["experiment"]["dataset"]["name"]
        dataset = own if own in names else names[-1]
    chosen = [final for final in finals if final.dataset["name"] == dataset]
    if chosen and part is None:
        part = chosen[-1].split
    return [final for final in chosen if final.split is part]


def rank(reader: ReplayReader, finals: Iterable[Retraining]) -> list[Retraining]:
    """Finals in the order in which they are chosen: validation accuracy, that of the search, and the older first."""
    searched = {ranked.model: ranked.score for ranked in read_ranking(reader)}

    def key(final: Retraining) -> tuple:
        by_validation = -1.0 if final.score is None else final.score
        return -by_validation, -(searched.get(final.model) or -1.0), final.number

    return sorted(finals, key=key)


def best_of_each_model(finals: Sequence[Retraining]) -> list[Retraining]:
    """The first final of every model, in order."""
    found: dict[int, Retraining] = {}
    for final in finals:
        found.setdefault(final.model, final)
    return list(found.values())


def usable_finals(reader: ReplayReader, finals: Sequence[Retraining]) -> list[Retraining]:
    """Those of some finals that ended well and whose weights are there."""
    return [final for final in finals if problem_with(reader, final) is None]


def problem_with(reader: ReplayReader, final: Retraining) -> str | None:
    """Why a final cannot be used, as a clause; None where it can."""
    name = f"final {final.number}"
    if final.status == TRAINING:
        return f"{name} is still training, or was interrupted: the same `metaqnn train` goes on with it"
    if final.status != Status.OK:
        return f"{name} failed ({final.status}{': ' if final.reason else ''}{final.reason})"
    if final.weights is None:
        return f"{name} has no file of weights"
    if problem := misplaced(reader.path, final.weights):
        return f"the weights of {name} {problem}"
    path = weights_folder(reader.path) / final.weights
    if not path.is_file():
        return f"the weights of {name} are missing from {path}: put the file back, or use `metaqnn train --again`"
    return None


def stored_network(reader: ReplayReader, final: Retraining) -> StoredNetwork:
    """The file of a trained network, and what is to be built to read it.

    Raises:
        ReplayError: the file is not in the folder of the database.
    """
    return StoredNetwork(
        str(kept_file(reader.path, final.weights, f"the weights of final {final.number}")),
        final.architecture,
        final.data["input_shape"],
        final.recipe.get("preprocessing") or final.dataset.get("preprocessing", "none"),
        final.recipe.get("batch_normalization", False),
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
