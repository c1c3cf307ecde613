"""Where an export and what accompanies it are put: new names only, and all of it or none."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from metaqnn.errors import ExportError
from metaqnn.files import written_whole
from metaqnn.networks.export.architecture_file import write_architecture
from metaqnn.networks.export.formats import ExportFormat


def require_new(target: Path) -> None:
    """Refuse a name that is taken.

    Raises:
        ExportError: it is.
    """
    if os.path.lexists(target):
        raise ExportError(f"{target}: expected a new name, but it exists; choose another, or remove it first")


@contextmanager
def new_place(target: Path) -> Iterator[Path]:
    """A place to write to, which becomes the target when the block ends well.

    Raises:
        ExportError: the target exists by then, or cannot be written.
    """
    try:
        with written_whole(target, is_new=True) as part:
            yield part
    except OSError as error:
        require_new(target)  # somebody may have put something there in the meantime
        problem = error.strerror or str(error)
        raise ExportError(f"{target}: expected a place that can be written, but {problem}; choose another") from error


def companion_places(target: Path, file_format: ExportFormat) -> tuple[Path, Path]:
    """The places of a network's model card and of its description: in a folder, or beside a file.

    Beside a file the card is README.md, as the Hugging Face Hub wants it, unless there is one.

    Raises:
        ExportError: one exists.
    """
    if not file_format.ending:
        return target / "README.md", target / "architecture.json"
    card, description = target.with_name("README.md"), target.with_name(f"{target.name}.json")
    if os.path.lexists(card):
        card = target.with_name(f"{target.name}.README.md")
    for place in (card, description):
        require_new(place)
    return card, description


@contextmanager
def removed_on_failure() -> Iterator[list[Path]]:
    """A list of files to remove when the block fails."""
    placed: list[Path] = []
    try:
        yield placed
    except BaseException:
        for path in placed:
            path.unlink(missing_ok=True)
        raise


def write_companions(
    part: Path, places: tuple[Path, ...], card: str, description: Mapping[str, Any], placed: list[Path]
) -> None:
    """Write a network's card and description.

    Args:
        part: the network in the making, a file or folder.
        places: of the two.
        card, description: their contents.
        placed: files outside of the folder are added to it.
    """
    if part.is_dir():
        (part / places[0].name).write_text(card, encoding="utf-8")
        write_architecture(description, part / places[1].name)
        return
    with new_place(places[0]) as new:
        new.write_text(card, encoding="utf-8")
    placed.append(places[0])
    with new_place(places[1]) as new:
        write_architecture(description, new)
    placed.append(places[1])
