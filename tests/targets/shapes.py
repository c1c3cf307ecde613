"""Small sets that a network of one layer can learn: marks that are there or not, and a spot's place and size."""

from pathlib import Path

import numpy as np

LABEL_NAMES, NUMBER_NAMES = ("bar", "post", "slash"), ("row", "column")


def labelled(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 (N, 8, 8, 1) with any of three marks, and which, int64 (N, 3); many have none."""
    rng = np.random.Generator(np.random.Philox(seed))
    targets = (rng.random((count, 3)) < 0.4).astype(np.int64)
    images = rng.integers(0, 40, (count, 8, 8, 1))
    images[targets[:, 0] == 1, 1] += 200
    images[targets[:, 1] == 1, :, 6] += 200
    for row in np.flatnonzero(targets[:, 2]):
        images[row, np.arange(8), np.arange(8)] += 200
    return np.minimum(images, 255).astype(np.uint8), targets


def numbered(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 (N, 8, 8, 1) of a spot, and where it is, float64 (N, 2)."""
    rng = np.random.Generator(np.random.Philox(seed))
    places, grid = rng.uniform(1, 6, (count, 2)), np.arange(8)
    distances = (grid[None, :, None] - places[:, :1, None]) ** 2 + (grid[None, None, :] - places[:, 1:, None]) ** 2
    return (250 * np.exp(-distances / 4)).astype(np.uint8)[..., np.newaxis], places


def write(path: Path, kind: str) -> Path:
    """An .npz file of 300 training and 100 test images."""
    make, names = {"labels": (labelled, LABEL_NAMES), "numbers": (numbered, NUMBER_NAMES)}[kind]
    (x_train, y_train), (x_test, y_test) = make(300, 1), make(100, 2)
    arrays = {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}
    np.savez(path, target_names=np.array(names), **arrays)
    return path
