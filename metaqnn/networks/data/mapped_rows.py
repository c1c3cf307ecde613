"""Some rows of an array on the disk, which are read where they are used."""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from metaqnn.networks.data.sources import require_room


@dataclass(frozen=True, eq=False)
class MappedRows:
    """Behaves as `array[rows]` without reading them: part of it is read by an index, all of it by `np.asarray`.

    Attributes:
        array: mapped, of shape (N, ...).
        rows: which of its rows, int64 of shape (n,); those from N on are those of `more`.
        more: further ones, in memory, of shape (M, ...).
    """

    array: np.ndarray
    rows: np.ndarray
    more: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Any) -> np.ndarray:
        rows = self.rows[index]
        if self.more is None:
            return np.asarray(self.array[rows])
        picked, beyond = np.empty((len(rows), *self.shape[1:]), self.dtype), rows >= len(self.array)
        picked[~beyond], picked[beyond] = self.array[rows[~beyond]], self.more[rows[beyond] - len(self.array)]
        return picked

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        require_room(self.nbytes, "the training images, all of which this way of training holds in memory")
        return np.asarray(self[:], dtype)

    @property
    def shape(self) -> tuple[int, ...]:
        """That of `array[rows]`."""
        return (len(self.rows), *self.array.shape[1:])

    @property
    def ndim(self) -> int:
        """Its number of axes."""
        return self.array.ndim

    @property
    def dtype(self) -> np.dtype:
        """That of the array."""
        return self.array.dtype

    @property
    def nbytes(self) -> int:
        """What it takes in memory."""
        return prod(self.shape) * self.array.itemsize


def rows_of(array: np.ndarray, rows: np.ndarray) -> Any:
    """`array[rows]`, in memory unless the array is on the disk."""
    return MappedRows(array, rows) if isinstance(array, np.memmap) else array[rows]


def with_more(images: Any, more: np.ndarray) -> Any:
    """The images and more, in memory unless they are on the disk."""
    if not isinstance(images, MappedRows):
        return np.concatenate([images, more])
    beyond = np.arange(len(images.array), len(images.array) + len(more))
    return MappedRows(images.array, np.concatenate([images.rows, beyond]), more)
