"""Bins of representation sizes: what an agent sees of how large an image still is.

Source: Baker et al. (ICLR 2017), section 4.1.
"""

from collections.abc import Sequence
from typing import NamedTuple


class SizeBin(NamedTuple):
    """A bin: its name, such as "4-7" or "8+", its lower edge, and its upper edge (None: open)."""

    name: str
    lower: int
    upper: int | None


def size_bin(size: int, lower_edges: Sequence[int]) -> SizeBin:
    """The bin of a representation size, at least 1, by the lower edges of all bins, descending to 1."""
    upper = None
    for edge in lower_edges:
        if size >= edge:
            return SizeBin(f"{edge}+" if upper is None else f"{edge}-{upper}", edge, upper)
        upper = edge - 1
    raise ValueError(f"a representation size is at least 1, got {size}")


def image_size(shape: Sequence[int], is_width_alone: bool = False) -> int:
    """The representation size of an image or a signal of a shape, channels last: its shorter side, or its width."""
    return shape[-2] if is_width_alone else min(shape[:-1])
