"""Which trained network is taken away: one whose training ended well and whose weights are there."""

from collections.abc import Sequence
from pathlib import Path

from metaqnn.errors import ReplayError
from metaqnn.finals.choice import comparable, rank
from metaqnn.replay.finals import read_final, read_finals, weights_folder
from metaqnn.replay.reader import ReplayReader
from metaqnn.trial import TRAINING, Final, Status

_NAMED = 3
"""Finals that cannot be used of which a message tells why; of more it would be a page."""


def choose_final(reader: ReplayReader, model: int | None = None, final: int | None = None) -> Final:
    """A trained network whose weights are there.

    Args:
        reader: the database.
        model: the best final of this model; None: of all.
        final: this very one.

    Raises:
        ReplayError: there is none, or its training has not ended well, or its weights are gone.
    """
    if final is not None:
        chosen = read_final(reader, final)
        if problem := problem_with(reader, chosen):
            raise ReplayError(f"{reader.path}: {problem}")
        return chosen
    if model is not None:
        require_model(reader, model)
    finals = [each for each in read_finals(reader) if model in (None, each.model)]
    if not finals:
        whose = "no network has" if model is None else f"model {model} has not"
        wanted = best_model(reader) if model is None else model
        raise ReplayError(
            f"{reader.path}: {whose} been trained with a final recipe yet; "
            f"`metaqnn train {reader.path} --model {'N' if wanted is None else wanted}` trains one"
        )
    usable = usable_finals(reader, finals)
    if not usable:
        problems = "; ".join(problem_with(reader, each) for each in finals[-_NAMED:])
        raise ReplayError(f"{reader.path}: there is no final training to use: {problems}")
    return best_final(reader, usable)


def usable_finals(reader: ReplayReader, finals: Sequence[Final]) -> list[Final]:
    """Those of some finals that ended well and whose weights are there."""
    return [final for final in finals if problem_with(reader, final) is None]


def best_final(reader: ReplayReader, finals: Sequence[Final]) -> Final:
    """The best of some finals, at least one: the one that `metaqnn evaluate` would choose of them."""
    return rank(reader, comparable(reader, finals))[0]


def problem_with(reader: ReplayReader, final: Final) -> str | None:
    """Why a final cannot be used, as a clause; None where it can."""
    name = f"final {final.final}"
    if final.status == TRAINING:
        return f"{name} is still training, or was interrupted: the same `metaqnn train` goes on with it"
    if final.status != Status.OK:
        return f"{name} failed ({final.status}{': ' if final.reason else ''}{final.reason})"
    if final.weights is None:
        return f"{name} has no file of weights"
    path = weights_file(reader, final)
    if not path.is_file():
        return f"the weights of {name} are missing from {path}: put the file back, or use `metaqnn train --again`"
    return None


def weights_file(reader: ReplayReader, final: Final) -> Path:
    """The file of a trained network."""
    return weights_folder(reader.path) / final.weights


def best_model(reader: ReplayReader) -> int | None:
    """The model that was best in the search; None before any was trained to the end."""
    _, rows = reader.query("SELECT model FROM leaderboard LIMIT 1")
    if not rows:  # a table has no leaderboard
        _, rows = reader.query(
            """SELECT model FROM evaluations WHERE status = 'ok' GROUP BY model
               ORDER BY avg(best_accuracy) DESC, model LIMIT 1"""
        )
    return rows[0][0] if rows else None


def require_model(reader: ReplayReader, model: int) -> None:
    """Refuse the number of a model that does not exist.

    Raises:
        ReplayError: there is no such model.
    """
    numbers = [known.model for known in reader.models()]
    if model not in numbers:
        there_are = f"its models are numbered 1 to {max(numbers)}" if numbers else "it has no models yet"
        raise ReplayError(f"{reader.path}: there is no model {model}; {there_are}")
