"""What was understood of a data set of images: counts, shapes, ranges, what was passed over, and what looks wrong."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from metaqnn.config import as_mapping, read_section
from metaqnn.core import Note, TargetKind
from metaqnn.errors import brief
from metaqnn.networks.data.config import DatasetConfig
from metaqnn.networks.data.search_data import SearchData
from metaqnn.networks.data.sources import ImageSplit
from metaqnn.networks.data.target_facts import (
    counts_of,
    keys_of,
    kind_of_targets,
    outputs_words,
    ranges_of,
    target_notes,
    unclear_words,
)
from metaqnn.networks.data.thumbnails import Thumbnail, thumbnails_of
from metaqnn.replay.checks import as_damage

_CHUNK = 512  # images looked at together: a few MiB, whatever the size of the set
_DARK = 32  # of 255: where nothing is brighter, the images are as good as black
_MOST_NOTES = 30
_NAMED = 3  # classes


@dataclass(frozen=True)
class PartDescription:
    """One part of a data set.

    Attributes:
        name: of the part.
        counts: how many images each class or label has; empty where numbers are predicted.
        low, high: the least and the largest value of a pixel.
        number: of images, where the counts do not tell.
        ranges: of each number, the least and the largest.
    """

    name: str
    counts: tuple[int, ...]
    low: int
    high: int
    number: int | None = None
    ranges: tuple[tuple[float, float], ...] = ()

    @property
    def images(self) -> int:
        """How many there are."""
        return sum(self.counts) if self.number is None else self.number


@dataclass(frozen=True)
class DataDescription:
    """What was understood of a data set.

    Attributes:
        class_names: one name a class, label or number.
        input_shape: (height, width, channels) of an image.
        parts: 'train' and, of a search, 'validation'; 'test' only where the test split was opened.
        notes: how it was read, what was passed over, and what looks wrong.
        thumbnails: up to three training images.
        target: what is predicted.
    """

    class_names: tuple[str, ...]
    input_shape: tuple[int, int, int]
    parts: tuple[PartDescription, ...]
    notes: tuple[Note, ...] = ()
    thumbnails: tuple[Thumbnail, ...] = ()
    target: TargetKind = "classes"

    def of_kind(self, kind: str) -> list[str]:
        """The texts of the notes of a kind."""
        return [note.text for note in self.notes if note.kind == kind]

    @property
    def words(self) -> str:
        """It in one line, without the notes."""
        counts = ", ".join(f"{part.images:,} {part.name}" for part in self.parts)
        low, high = min(part.low for part in self.parts), max(part.high for part in self.parts)
        size = "x".join(map(str, self.input_shape))
        targets = outputs_words(self.target, len(self.class_names))
        return f"{counts} images of {size} {targets}, values {low} to {high}"


def read_description(data: Mapping[str, Any], path: Path) -> DataDescription | None:
    """The description that a database keeps; None of one that is older than descriptions, or not of images.

    Args:
        data: its row `data` of the table `config`.
        path: of the database, for messages.

    Raises:
        DamageError: what stands there is none.
    """
    found = data.get("description")
    if not isinstance(found, Mapping) or "thumbnails" not in found:
        return None
    place = "table config, row 'data', column value"
    with as_damage(path, place):
        description = read_section(DataDescription, found, "description", place)
        for thumbnail in description.thumbnails:
            thumbnail.array()
    return description


def describe_search(data: SearchData, config: DatasetConfig) -> dict[str, Any]:
    """The description of what a search trains and validates on, as it is kept in its database."""
    looks = {
        "train": Look(data.x_train, data.y_train),
        "validation": Look(data.x_validation, data.y_validation),
    }
    mapping: dict[str, Any] = as_mapping(_description(looks, data.class_names, data.notes, config))
    return _without_unsaid(mapping)


def _without_unsaid(mapping: dict[str, Any]) -> dict[str, Any]:
    """Without what databases did not keep before there were other targets than classes."""
    parts = [{k: v for k, v in part.items() if k not in ("number", "ranges") or v} for part in mapping["parts"]]
    return {key: value for key, value in mapping.items() if (key, value) != ("target", "classes")} | {"parts": parts}


def describe_part(train: ImageSplit, config: DatasetConfig) -> tuple[DataDescription, "Look"]:
    """The description of a training part that is not split, and what was seen of its images."""
    look = Look(train.images, train.labels)
    return _description({"train": look}, train.class_names, train.notes, config), look


def with_test(description: DataDescription, test: "Look", notes: Sequence[Note]) -> DataDescription:
    """The same with the test part, of which these are the notes."""
    part = test.part("test", len(description.class_names))
    return replace(description, parts=(*description.parts, part), notes=_bounded((*description.notes, *notes)))


class Look:
    """What one pass over images shows.

    Args:
        images: uint8 (N, height, width, channels), read in chunks.
        labels: targets as a split has them.
    """

    def __init__(self, images: Any, labels: np.ndarray):
        self.images, self.labels = images, labels
        self.low, self.high, self.blank = 255, 0, 0
        self.hashes: list[bytes] = []
        for start in range(0, len(images), _CHUNK):
            chunk = np.ascontiguousarray(images[start : start + _CHUNK])
            rows = chunk.reshape(len(chunk), -1)
            self.low, self.high = min(self.low, int(rows.min())), max(self.high, int(rows.max()))
            self.blank += int((rows == rows[:, :1]).all(axis=1).sum()) if rows.shape[1] > chunk.shape[3] else 0
            self.hashes += [blake2b(row.data, digest_size=16).digest() for row in rows]

    def part(self, name: str, classes: int) -> PartDescription:
        """It as it is kept."""
        number = None if self.labels.ndim == 1 else len(self.labels)
        counts, ranges = counts_of(self.labels, classes), ranges_of(self.labels)
        return PartDescription(name, counts, self.low, self.high, number, ranges)


def compare_parts(train: Sequence[Look], test: Look, class_names: Sequence[str]) -> tuple[int, tuple[Note, ...]]:
    """What looks wrong across the training part and the test part.

    Args:
        train: the training part, in one or several pieces.
        test: the test part.
        class_names: of both.

    Returns:
        how many test images are training images, to the bit; and the doubts.
    """
    known = set().union(*(look.hashes for look in train))
    duplicates = sum(image in known for image in test.hashes)
    doubts = []
    if duplicates:
        doubts.append(
            f"{duplicates:,} of {len(test.hashes):,} test images {_known(duplicates)}, too, so that the test "
            f"{'accuracy' if test.labels.ndim == 1 else 'score'} would be too good"
        )
    high = max(look.high for look in train)
    if (test.high < _DARK) != (high < _DARK):
        doubts.append(
            f"the test part is on another scale than the training part: values up to {test.high} beside up to {high}"
        )
    kind = kind_of_targets(test.labels)
    here = counts_of(test.labels, len(class_names))
    there = counts_of(np.concatenate([look.labels for look in train]), len(class_names))
    missing = [name for name, now, then in zip(class_names, here, there, strict=False) if not now and then]
    if missing:
        doubts.append(f"{_classes(missing, kind)} no test image")
    return duplicates, tuple(Note("doubt", text) for text in doubts)


def _description(
    looks: Mapping[str, Look], class_names: tuple[str, ...], notes: Sequence[Note], config: DatasetConfig
) -> DataDescription:
    train = looks["train"]
    doubts = [Note("doubt", text) for text in _doubts(looks, class_names, config)]
    facts = [Note("fact", text) for text in target_notes(train.labels)]
    return DataDescription(
        class_names,
        tuple(train.images.shape[1:]),
        tuple(look.part(name, len(class_names)) for name, look in looks.items()),
        _bounded((*notes, *facts, *doubts)),
        tuple(thumbnails_of(train.images, train.labels, class_names)),
        kind_of_targets(train.labels),
    )


def _doubts(looks: Mapping[str, Look], class_names: Sequence[str], config: DatasetConfig) -> Iterator[str]:
    """What looks wrong within the training part."""
    whole = list(looks.values())
    shape, high = whole[0].images.shape[1:], max(look.high for look in whole)
    if high < _DARK and config.scale is None and config.preprocessing in ("none", "mean"):  # others know no scale
        advice = f"; dataset.scale: {high or 1} makes that white" if config.name.lower().endswith(".npz") else ""
        yield f"no value is above {high} of 255, so that the images are nearly black{advice}"
    if shape[2] > 4 and shape[0] == shape[2] and config.channels is None:
        yield f"images of {'x'.join(map(str, shape))} may have their channels first: see dataset.channels"
    if blank := sum(look.blank for look in whole):
        yield f"{_images(blank)} of a single value throughout"
    counts = Counter(chain.from_iterable(look.hashes for look in whole))
    kind = kind_of_targets(whole[0].labels)
    labels_of: dict[bytes, set[Any]] = {image: set() for image, number in counts.items() if number > 1}
    for image, label in chain.from_iterable(zip(look.hashes, keys_of(look.labels), strict=True) for look in whole):
        if image in labels_of:
            labels_of[image].add(label)
    unclear = [image for image, labels in labels_of.items() if len(labels) > 1]
    if unclear:
        some, other = sorted(labels_of[unclear[0]])[:2]
        number = sum(counts[image] for image in unclear)
        yield f"{_images(number)} {unclear_words(kind, some, other, class_names)}"
    if "validation" in looks:
        known = set(looks["train"].hashes)
        if again := sum(image in known for image in looks["validation"].hashes):
            yield (
                f"{again:,} of {len(looks['validation'].hashes):,} validation images {_known(again)}, too, so that "
                "the score is too good"
            )
    for name, look in looks.items():
        present = counts_of(look.labels, len(class_names))
        missing = [each for each, number in zip(class_names, present, strict=False) if not number]
        if missing and len(look.labels) >= len(class_names):
            yield f"{_classes(missing, kind)} no image in the {name} part"


def _images(number: int) -> str:
    return "1 image is" if number == 1 else f"{number:,} images are"


def _known(number: int) -> str:
    return "is a training image" if number == 1 else "are training images"


def _classes(names: Sequence[str], kind: TargetKind) -> str:
    many, one = ("classes", "class") if kind == "classes" else ("labels", "label")
    named = ", ".join(brief(name, 30) for name in names[:_NAMED])
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"the {many if len(names) > 1 else one} {named}{more} {'have' if len(names) > 1 else 'has'}"


def _bounded(notes: Sequence[Note]) -> tuple[Note, ...]:
    """Not more than a database should keep: the doubts first to stay."""
    notes = [Note(note.kind, brief(note.text, 500)) for note in notes]
    if len(notes) <= _MOST_NOTES:
        return tuple(notes)
    kept = sorted(range(len(notes)), key=lambda at: (notes[at].kind != "doubt", at))[: _MOST_NOTES - 1]
    left = Note("skipped", f"{len(notes) - len(kept)} more notes are left out here")
    return (*(notes[at] for at in sorted(kept)), left)
