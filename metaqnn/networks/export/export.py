"""Taking a network out of a database: written beside the target, reloaded, compared, and moved there when it agrees."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from metaqnn.core import Retraining
from metaqnn.errors import DataError, ExportError, ReplayError
from metaqnn.files import written_whole
from metaqnn.networks.data import DatasetConfig, SearchData, load_search_data, open_source
from metaqnn.networks.export import reloading
from metaqnn.networks.export.architecture_file import describe_network, read_architecture, write_architecture
from metaqnn.networks.export.conversion import Job
from metaqnn.networks.export.formats import ARCHITECTURE, ExportFormat, format_of
from metaqnn.networks.export.reloading import Agreement
from metaqnn.networks.retraining import choice
from metaqnn.replay.leaderboard import best_model
from metaqnn.replay.reader import ReplayReader
from metaqnn.replay.retrainings import read_retraining, read_retrainings


@dataclass(frozen=True)
class Export:
    """What was exported.

    Attributes:
        target: the file or folder.
        format: of the file or folder.
        model: number of the model.
        retraining: the trained network; None where only an architecture was described.
        architecture: canonical text.
        input_shape: (height, width, channels) of the images that it takes.
        size: bytes, of a folder all of its files.
        agreement: of the predictions with the original's; None for an architecture, which predicts nothing.
    """

    target: Path
    format: ExportFormat
    model: int
    retraining: Retraining | None
    architecture: str
    input_shape: tuple[int, ...]
    size: int
    agreement: Agreement | None


def export_network(
    database: Path,
    target: Path,
    model: int | None = None,
    retraining: int | None = None,
    announce: Callable[[str], None] = lambda line: None,
) -> Export:
    """Export a network of a database.

    Args:
        database: the file; a search may be running on it.
        target: where to; its ending says in which format.
        model: the best retraining of this model; for an architecture the model itself.
        retraining: this very retraining. Without both, the best of the database, and for an architecture of a
            database without retrainings its best model.
        announce: called with lines for the user before what takes seconds.

    Raises:
        ExportError: the target exists or cannot be written, its format is unknown or needs what is not installed, or
            the export does not predict what the original does.
        ReplayError: the database has no such network, or it cannot be read.
        DataError: the images to compare on cannot be read.
    """
    file_format = format_of(target)
    tolerance = file_format.tolerance
    _require_new(target)
    if not target.parent.is_dir():
        raise ExportError(f"{target}: expected a folder that exists, but {target.parent} is none; make it first")
    with ReplayReader(database) as reader:
        if not reader.config():
            raise ReplayError(
                f"{database}: no search has written to this database yet; start one with `metaqnn search`"
            )
        if tolerance is None:
            return _export_architecture(reader, target, model, retraining)
        chosen = choice.choose_retraining(reader, model, retraining)
        original, seed = choice.stored_network(reader, chosen), reader.config()["seed"]
    data = _comparison_data(database, chosen, seed, announce)
    with _new_place(target) as part:
        announce(f"Writing retraining {chosen.number} of model {chosen.model}: {file_format.name} ...")
        images, predictions = part.with_name("images.npy"), part.with_name("original.npy")
        np.save(images, reloading.comparison_images(data.x_validation))
        notes = {"architecture": chosen.architecture, "class_names": json.dumps(data.class_names, ensure_ascii=False)}
        reloading.run_conversion(Job(file_format.name, original, str(part), str(images), str(predictions), notes))
        announce("Loading it in a fresh process and comparing what it predicts with the original ...")
        reloaded = reloading.reloaded_predictions(file_format, part, images)
        agreement = reloading.compare(np.load(predictions), reloaded, tolerance)
        _require_agreement(agreement, file_format.name, tolerance, chosen)
        size = _size(part)
    return Export(target, file_format, chosen.model, chosen, chosen.architecture, data.input_shape, size, agreement)


def _export_architecture(reader: ReplayReader, target: Path, model: int | None, retraining: int | None) -> Export:
    described = None
    if retraining is not None:
        described = read_retraining(reader, retraining)
    elif model is None and (usable := choice.usable_retrainings(reader, read_retrainings(reader))):
        described = choice.rank(reader, choice.comparable(reader, usable))[0]
    if described is not None:
        model = described.model
    elif model is None:
        best = best_model(reader)
        model = best.model if best else None
    if model is None:
        raise ReplayError(f"{reader.path}: no network was trained to the end yet; name a model with --model")
    choice.require_model(reader, model)
    content = describe_network(reader, model, described)
    with _new_place(target) as part:
        write_architecture(content, part)
        architecture, size = str(read_architecture(part)), _size(part)
    return Export(target, ARCHITECTURE, model, described, architecture, tuple(content["input_shape"]), size, None)


def _comparison_data(database: Path, retraining: Retraining, seed: int, announce: Callable[[str], None]) -> SearchData:
    """The data that a retraining was trained on; the test part is never read."""
    section = DatasetConfig.recorded(retraining.dataset, f"{database}, retraining {retraining.number}")
    if not open_source(section.name, section.options).available():
        announce(f"The data set {section.name} is not on this machine; trying to download it ...")
    data = load_search_data(section, seed)
    if list(data.input_shape) != list(retraining.data["input_shape"]):
        was, now = ("x".join(map(str, shape)) for shape in (retraining.data["input_shape"], data.input_shape))
        raise DataError(
            f"{section.name}: expected images of {was}, as retraining {retraining.number} was trained on, got {now}; "
            "put the images back that it was trained on"
        )
    return data


def _require_agreement(agreement: Agreement, name: str, tolerance: float, retraining: Retraining) -> None:
    if agreement.difference <= tolerance and not agreement.turned:
        return
    raise ExportError(
        f"the {name} does not predict what retraining {retraining.number} does: expected probabilities "
        f"within {tolerance:g}, but image {agreement.image + 1} of {agreement.images:,} differs by "
        f"{agreement.difference:.2g}, and {agreement.turned} get another class; nothing was exported"
    )


@contextmanager
def _new_place(target: Path) -> Iterator[Path]:
    try:
        with written_whole(target, is_new=True) as part:
            yield part
    except OSError as error:
        _require_new(target)  # somebody may have put something there in the meantime
        problem = error.strerror or str(error)
        raise ExportError(f"{target}: expected a place that can be written, but {problem}; choose another") from error


def _require_new(target: Path) -> None:
    if os.path.lexists(target):
        raise ExportError(f"{target}: expected a new name, but it exists; choose another, or remove it first")


def _size(path: Path) -> int:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)
