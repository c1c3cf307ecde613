"""Taking a network out of a database: written beside the target, reloaded, compared, and moved there when it agrees.

A trained network is accompanied by a model card and by the description of its architecture: in a folder they stand
inside, beside a file they have names of their own.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from metaqnn.core import Retraining
from metaqnn.errors import DataError, ExportError, ReplayError
from metaqnn.networks.data import DatasetConfig, SearchData, load_search_data, open_source
from metaqnn.networks.export import reloading
from metaqnn.networks.export.architecture_file import describe_network, read_architecture, write_architecture
from metaqnn.networks.export.card import ValidationScore, model_card, read_facts
from metaqnn.networks.export.conversion import Job
from metaqnn.networks.export.formats import ARCHITECTURE, KERAS, LITERT, ExportFormat, format_of
from metaqnn.networks.export.placing import (
    companion_places,
    new_place,
    removed_on_failure,
    require_new,
    write_companions,
)
from metaqnn.networks.export.reloading import Agreement
from metaqnn.networks.retraining import choice
from metaqnn.networks.targets import Target, recorded_target
from metaqnn.replay.leaderboard import best_model
from metaqnn.replay.reader import ReplayReader
from metaqnn.replay.retrainings import read_retraining, read_retrainings

_TOLD = {
    "classes": ("probabilities", "another class"),
    "labels": ("probabilities", "other labels"),
    "numbers": ("numbers (in standard deviations)", "others"),
}
"""What predictions are called, and what images get that are told otherwise."""

_MOST_COMPARED = 1000
"""Validation images on which predictions are compared."""

_MOST_MEASURED = 10_000
"""Validation images on which an accuracy is measured."""

MOST_CALIBRATED = 500
"""Validation images by which the ranges of int8 are chosen; TensorFlow advises "around 100-500"."""


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
        takes: the images that it takes, in words; empty for an architecture.
        accuracy: the score on validation images before and after, where it is measured.
        companions: the model card and the description, where they stand beside a file or in the folder.
    """

    target: Path
    format: ExportFormat
    model: int
    retraining: Retraining | None
    architecture: str
    input_shape: tuple[int, ...]
    size: int
    agreement: Agreement | None
    takes: str = ""
    accuracy: ValidationScore | None = None
    companions: tuple[Path, ...] = ()

    @property
    def predicts(self) -> Target:
        """What a retraining predicts.

        Raises:
            ValueError: a model that was not retrained was described.
        """
        if self.retraining is None:
            raise ValueError(f"expected a retraining of model {self.model}, got none")
        return recorded_target(self.retraining.data)


def export_network(
    database: Path,
    target: Path,
    model: int | None = None,
    retraining: int | None = None,
    announce: Callable[[str], None] = lambda line: None,
    is_int8: bool = False,
) -> Export:
    """Export a network of a database.

    Args:
        database: the file; a search may be running on it.
        target: where to; its ending says in which format.
        model: the best retraining of this model; for an architecture the model itself.
        retraining: this very retraining. Without both, the best of the database, and for an architecture of a
            database without retrainings its best model.
        announce: called with lines for the user before what takes seconds.
        is_int8: in whole numbers of 8 bits, which only LiteRT files can be.

    Raises:
        ExportError: the target exists or cannot be written, its format is unknown or needs what is not installed, or
            the export does not predict what the original does.
        ReplayError: the database has no such network, or it cannot be read.
        DataError: the images to compare on cannot be read.
    """
    file_format = format_of(target, is_int8)
    tolerance = file_format.tolerance
    require_new(target)
    companions = () if tolerance is None else companion_places(target, file_format)
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
        facts = read_facts(reader, chosen)
    predicts = recorded_target(chosen.data)
    file_format = file_format.giving(predicts.output)
    data = _comparison_data(database, chosen, seed, announce)
    is_same = data.data_hash == chosen.data.get("data_hash")
    if is_int8 and not is_same:
        raise DataError(
            f"{chosen.dataset['name']}: expected the images that retraining {chosen.number} was trained on, to choose "
            "the ranges of int8 on those for validation, but they changed; put them back, or leave --int8 out"
        )
    if is_same:
        facts.description["class_names"] = list(data.class_names)
    takes_unit_range = file_format.name == KERAS.name and is_same and not _has_dark_images(data)
    calibration = data.x_validation[reloading.spread(len(data.x_validation), MOST_CALIBRATED)] if is_int8 else None
    is_measured = is_same and file_format.ending == LITERT.ending
    used = reloading.spread(len(data.x_validation), _MOST_MEASURED if is_measured else _MOST_COMPARED)
    with removed_on_failure() as placed, new_place(target) as part:
        announce(f"Writing retraining {chosen.number} of model {chosen.model}: {file_format.name} ...")
        images, predictions = part.with_name("images.npy"), part.with_name("original.npy")
        np.save(images, reloading.comparison_images(data.x_validation[used]))
        job = Job(file_format.name, original, str(part), str(images), str(predictions))
        job = replace(job, class_names=facts.description["class_names"], takes_unit_range=takes_unit_range)
        if calibration is not None:
            job = replace(job, calibration=str(part.with_name("calibration.npy")))
            np.save(job.calibration, calibration)
        reloading.run_conversion(file_format, job)
        announce("Loading it in a fresh process and comparing what it predicts with the original ...")
        before, after = np.load(predictions), reloading.reloaded_predictions(file_format, part, images)
        agreement = reloading.compare(before, after, tolerance, predicts)
        _require_agreement(agreement, file_format.name, tolerance, chosen)
        measured = None
        if is_measured:
            wanted = data.y_validation[used]
            was, now = (predicts.measure(each[: len(used)], wanted).score for each in (before, after))
            number = 0 if calibration is None else len(calibration)
            measured = ValidationScore(was, now, len(used), number, predicts.score)
            _require_score(measured, file_format)
        size = _size(part)
        takes = _taken(file_format, data.input_shape, takes_unit_range)
        card = model_card(facts, file_format, target.name, takes, measured)
        write_companions(part, companions, card, facts.description, placed)
    return Export(
        *(target, file_format, chosen.model, chosen, chosen.architecture, data.input_shape, size, agreement),
        *(takes, measured, companions),
    )


def _taken(file_format: ExportFormat, shape: tuple[int, ...], takes_unit_range: bool) -> str:
    takes = f"uint8 images of shape (number, {', '.join(map(str, shape))})"
    if file_format.name == KERAS.name:
        scales = "from 0 to 255 or from 0 to 1" if takes_unit_range else "from 0 to 255"
        takes += f", or floats {scales} (its answer to others is NaN)"
    return takes


def _has_dark_images(data: SearchData) -> bool:
    """Whether an image has no value above 1, but is not black: so could one be that is on the scale from 0 to 1."""
    return any(1 in images.max(axis=(1, 2, 3)) for images in (data.x_train, data.x_validation))


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
    with new_place(target) as part:
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
    kind = recorded_target(retraining.data).kind
    raise ExportError(
        f"the {name} does not predict what retraining {retraining.number} does: expected {_TOLD[kind][0]} "
        f"within {tolerance:g}, but image {agreement.image + 1} of {agreement.images:,} differs by "
        f"{agreement.difference:.2g}, and {agreement.turned} get {_TOLD[kind][1]}; "
        "nothing was exported: export another network, or to another format"
    )


def _require_score(measured: ValidationScore, file_format: ExportFormat) -> None:
    score = measured.score
    lost = score.gain(measured.before) - score.gain(measured.after)
    # Of a score that is no share, as much of what a failure falls short by.
    scale = 1.0 if score.is_share else max(abs(score.gain(measured.before) - score.gain(score.failure)), 1e-12)
    if file_format.most_lost is None or lost <= file_format.most_lost * scale:
        return
    if score.name == "accuracy":
        found = (
            f"is right on {score.words(measured.after)} of {measured.images:,} validation images where the original is "
            f"on {score.words(measured.before)}"
        )
    else:
        found = (
            f"reaches a {score.label} of {score.words(measured.after)} on {measured.images:,} validation images where "
            f"the original reaches {score.words(measured.before)}"
        )
    raise ExportError(
        f"the {file_format.name} {found}: expected to lose at most {100 * file_format.most_lost:g} points; nothing was "
        "exported: leave --int8 out, or export another network"
    )


def _size(path: Path) -> int:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)
