"""Which of the trained networks is meant: chosen by validation, never by the test split."""

from collections.abc import Iterable, Sequence

from metaqnn.errors import ReplayError
from metaqnn.replay.finals import read_finals
from metaqnn.replay.reader import ReplayReader
from metaqnn.trial import Final, Part, Status

_TOP = 5


def trained_finals(
    reader: ReplayReader, dataset: str | None = None, part: Part | None = None, model: int | None = None
) -> list[Final]:
    """The finals that can be used, the best first: by validation accuracy, else by that of the search.

    Finals of one data set and one part only are compared with each other.

    Args:
        reader: the database.
        dataset: name of the data set that they were trained on; None is the search's own, or the newest final's where
            there is none of that.
        part: the images that they were trained on; None is the newest final's.
        model: only the finals of this model; None is every model.

    Raises:
        ReplayError: there is none.
    """
    of_model = "" if model is None else f" of model {model}"
    asked = f"--top {_TOP}" if model is None else f"--model {model}"
    finals = [f for f in read_finals(reader) if f.status == Status.OK and model in (None, f.model)]
    if not finals:
        raise ReplayError(
            f"{reader.path}: expected a trained network{of_model}, but there is none yet; train it with "
            f"`metaqnn train {reader.path} {asked}`"
        )
    chosen = comparable(reader, finals, dataset, part)
    if not chosen:
        wanted = f"{dataset or finals[-1].dataset['name']}{f' ({part})' if part else ''}"
        there_are = ", ".join(sorted({f"{final.dataset['name']} ({final.part})" for final in finals}))
        raise ReplayError(
            f"{reader.path}: expected a network{of_model} trained on {wanted}, but there is none; "
            f"there are networks trained on {there_are}"
        )
    return rank(reader, chosen)


def comparable(
    reader: ReplayReader, finals: Sequence[Final], dataset: str | None = None, part: Part | None = None
) -> list[Final]:
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
        part = chosen[-1].part
    return [final for final in chosen if final.part is part]


def rank(reader: ReplayReader, finals: Iterable[Final]) -> list[Final]:
    """Finals in the order in which they are chosen: validation accuracy, that of the search, and the older first."""
    searched = dict(reader.query("SELECT model, best_accuracy FROM leaderboard")[1])

    def key(final: Final) -> tuple:
        by_validation = -1.0 if final.validation_accuracy is None else final.validation_accuracy
        return -by_validation, -(searched.get(final.model) or -1.0), final.final

    return sorted(finals, key=key)


def best_of_each_model(finals: Sequence[Final]) -> list[Final]:
    """The first final of every model, in order."""
    found: dict[int, Final] = {}
    for final in finals:
        found.setdefault(final.model, final)
    return list(found.values())
