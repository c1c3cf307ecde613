"""What can be saved of a damaged database, as a new one: as far as it verifies, so that the search can go on."""

import json
import shutil
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from metaqnn.core import Space
from metaqnn.errors import IllegalArchitectureError, MetaqnnError, NotationError
from metaqnn.replay.database import has_beside
from metaqnn.replay.integrity import require_damaged_or_whole
from metaqnn.replay.places import new_place
from metaqnn.replay.reader import ReplayReader
from metaqnn.replay.rescue import (
    Saved,
    drop_values,
    keep_what_holds_together,
    read_what_is_left,
    write_saved,
)
from metaqnn.replay.retrainings import kept_file, weights_folder
from metaqnn.workflows.components import stored_space
from metaqnn.workflows.verify import verify_database


@dataclass(frozen=True)
class TableRescue:
    """What became of a table.

    Attributes:
        table: its name.
        kept: rows.
        lost, mended: a sentence for each row that is not, or not quite, what it was.
    """

    table: str
    kept: int
    lost: Sequence[str]
    mended: Sequence[str]


@dataclass(frozen=True)
class Rescue:
    """What could be saved.

    Attributes:
        tables: in the order of the schema.
        episodes: told, from the first on.
        problem: why they do not verify; None where they do.
        is_search: whether it can go on from there, where they do.
    """

    tables: tuple[TableRescue, ...]
    episodes: int
    problem: str | None
    is_search: bool


def rescue_database(path: Path, target: Path, allowed: Sequence[str] = ()) -> Rescue:
    """Write a new database of what can be saved, with the trained networks that it names; nothing else is touched.

    Args:
        path: of the damaged one.
        target: the new one; it appears whole or not at all.
        allowed: each `module:Name` that may be run although the database says so.

    Raises:
        MetaqnnError: nothing can be saved, or the target exists or cannot be written.
    """
    if not (has_beside(path, "-journal") or has_beside(path, "-wal")):  # to look would take them into the file
        require_damaged_or_whole(path)
    with ExitStack() as places:
        part = places.enter_context(new_place(target))
        saved = read_what_is_left(path, part.with_name(f"damaged-{part.name}"))
        keep_what_holds_together(saved)
        weights = _weights(path, saved)
        problem = _keep_what_verifies(saved, part, allowed)
        _write(saved, part)
        kept = {row[saved["finals"].index("weights")] for row in saved["finals"].rows.values()}
        if copied := [file for file in weights if file.name in kept]:
            folder = places.enter_context(new_place(weights_folder(target), "folder"))
            folder.mkdir()
            for file in copied:
                shutil.copyfile(file, folder / file.name)
    tables = tuple(
        TableRescue(name, len(one.rows), one.lost, one.mended) for name, one in saved.items() if name != "hash_chains"
    )
    is_search = bool(saved["config"].rows) and ("purpose",) not in saved["config"].rows
    return Rescue(tables, len(saved["replay"].rows), problem, is_search)


def _write(saved: Saved, part: Path) -> None:
    part.unlink(missing_ok=True)
    write_saved(saved, part)


def _weights(path: Path, saved: Saved) -> list[Path]:
    """The files of trained networks; a row whose file is gone names none any more."""
    finals, found = saved["finals"], []
    at = finals.index("weights")
    for key, row in finals.rows.items():
        if row[at] is None:
            continue
        with suppress(MetaqnnError):
            file = kept_file(path, row[at], "the weights")
            if file.is_file():
                found.append(file)
                continue
        finals.mended.append(f"row {key[0]}: column weights: there is no file {row[at]!r} in {weights_folder(path)}")
        row[at] = None
    return found


def _keep_what_verifies(saved: Saved, part: Path, allowed: Sequence[str]) -> str | None:
    """Give up episodes after the last that follows from seed and results.

    Returns:
        why a search cannot go on from there; None where it can, or where there is none.
    """
    while True:
        _write(saved, part)
        try:
            with ReplayReader(part) as reader:
                if reader.is_table():
                    return None
                if _mend_models(saved, reader, stored_space(reader, allowed)):
                    continue
                verification = verify_database(reader, allowed=allowed)
        except MetaqnnError as error:
            return getattr(error, "what", str(error))
        if verification.difference is None:
            return None
        told = len(saved["replay"].rows)
        if drop_values(saved):
            continue
        if saved["proposals"].rows and verification.episodes == told:
            saved["proposals"].drop(list(saved["proposals"].rows), "it does not follow from the episodes before")
            keep_what_holds_together(saved)
        elif 0 < verification.episodes < told:
            saved["replay"].lost.append(f"from row {verification.episodes + 1}: {verification.difference}")
            keep_what_holds_together(saved, verification.episodes)
        else:
            return verification.difference


def _mend_models(saved: Saved, reader: ReplayReader, space: Space) -> bool:
    """Write costs anew, which follow from the architecture, and give up what is no architecture of the space.

    Returns:
        whether anything changed.
    """
    models, changed = saved["models"], False
    at = models.index("costs")
    for model in reader.models():
        try:
            costs = dict(space.costs(space.parse(space.trajectory(model.architecture).architecture)))
        except (NotationError, IllegalArchitectureError) as error:
            models.drop([(model.model,)], f"column architecture: {str(error).splitlines()[0]}")
            changed = True
            continue
        if costs != dict(model.costs):
            models.rows[(model.model,)][at] = json.dumps(costs)
            models.mended.append(f"row {model.model}: column costs: made anew of the architecture")
            changed = True
    if changed:
        keep_what_holds_together(saved)
    return changed
