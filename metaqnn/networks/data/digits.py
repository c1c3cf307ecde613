"""The handwritten digits inside scikit-learn: the default, which needs no network."""

from importlib.util import find_spec

import numpy as np

from metaqnn.core import Dataset
from metaqnn.networks.data.sources import ImageSplit
from metaqnn.networks.data.split import stratified
from metaqnn.seeding import Stream

NUM_TEST = 450


class Digits(Dataset):
    """1,797 images of 8x8 pixels in ten classes (Alpaydin and Kaynak, 1998).

    scikit-learn has no test part of them, so 450 images are set apart: stratified, whatever the
    search's seed.
    """

    KNOWN = ("digits", (8, 8, 1), tuple("0123456789"), 1_347, 450)

    def train(self) -> ImageSplit:
        """The 1,347 images that are not set apart."""
        return self._part(1)

    def test(self) -> ImageSplit:
        """The 450 images that are set apart."""
        return self._part(0)

    def location(self) -> str:
        """The package they ship in."""
        return "inside scikit-learn"

    def available(self) -> bool:
        """Whether scikit-learn is installed; it is not imported."""
        return find_spec("sklearn") is not None

    def _part(self, part: int) -> ImageSplit:
        from sklearn.datasets import load_digits

        digits = load_digits()
        labels = digits.target.astype(np.int64)
        rows = stratified(labels, NUM_TEST, Stream(0, "digits test part"))[part]
        # Stored are counts of dark pixels in blocks of 4x4: 0 to 16.
        images = np.rint(digits.images[rows] * (255 / 16)).astype(np.uint8)
        return ImageSplit(images[..., np.newaxis], labels[rows], tuple("0123456789"))
