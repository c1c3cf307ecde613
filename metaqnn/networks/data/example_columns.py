"""Which columns of an example hold its image and its label."""

from collections.abc import Mapping
from typing import Any

from metaqnn.errors import DataError, brief, shown


def columns_by_type(
    columns: Mapping[str, Any], image: str | None, label: str | None, what: str, advice: str
) -> tuple[str, str | None]:
    """Which columns of a Hugging Face Dataset hold the image and the label.

    Args:
        columns: its features by name.
        image, label: the columns that are named; None finds them by type.
        what: it is, for messages.
        advice: what to do where that is not clear.

    Raises:
        DataError: it is not clear, or there is no such column.
    """
    for name in (image, label):
        if name is not None and name not in columns:
            raise DataError(f"{what}: there is no column {shown(name)} among {brief(', '.join(columns))}")
    kinds = {name: type(column).__name__ for name, column in columns.items()}
    images = [image] if image else [name for name, kind in kinds.items() if kind in ("Image", "Array2D", "Array3D")]
    labels = [label] if label else [name for name, kind in kinds.items() if kind == "ClassLabel"]
    if not labels:
        labels = [name for name in _names_among(columns, _LABELS) if name not in images]
    if not images:
        images = _names_among(columns, _IMAGES)
    if len(images) != 1 or len(labels) > 1:
        found = f"{len(images)} of images ({brief(', '.join(images))}) and {len(labels)} of labels"
        raise DataError(
            f"{what}: expected one column of images and one of labels among {brief(', '.join(columns))}, got {found} "
            f"({brief(', '.join(labels))}); {advice}"
        )
    return images[0], labels[0] if labels else None


_IMAGES = ("image", "img", "images", "x", "pixel_values", "pixels", "inputs")
_LABELS = ("label", "labels", "class", "target", "targets", "y", "fine_label")


def _names_among(columns: Mapping[str, Any], usual: tuple[str, ...]) -> list[str]:
    return [name for name in usual if name in columns][:1]


def columns_by_name(element: Mapping[str, Any], what: str) -> tuple[str, str | None]:
    """Which entries of an example hold the image and the label, by their usual names.

    Raises:
        DataError: none holds an image.
    """
    images, labels = _names_among(element, _IMAGES), _names_among(element, _LABELS)
    if not images:
        raise DataError(
            f"{what}: expected examples with an 'image' and a 'label', got {brief(', '.join(map(str, element)))}; "
            "give (image, label) pairs"
        )
    return images[0], labels[0] if labels else None
