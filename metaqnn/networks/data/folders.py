"""Data sets of image files, one folder a class."""

import os
from pathlib import Path

from metaqnn.core import Dataset
from metaqnn.networks.data import decoding_1
from metaqnn.networks.data.config import NEWEST_DECODING, Layout
from metaqnn.networks.data.decoding import common_form, read_images
from metaqnn.networks.data.image_files import told
from metaqnn.networks.data.layouts import FolderLayout
from metaqnn.networks.data.sources import ImageSplit


class ImageFolder(Dataset):
    """FOLDER/train/CLASS/IMAGE and FOLDER/test/CLASS/IMAGE, or FOLDER/CLASS/IMAGE alone.

    Without folders of their own, a stratified fifth of the files, by their sorted names, is the test part:
    the same whatever the search's seed. Images are grey if all training images are, else RGB.

    Args:
        path: of the folder.
        decoding, layout, depth: as in the section `dataset`; layout and depth are of decoding 2.
    """

    def __init__(self, path: Path, decoding: int | None = None, layout: Layout = "auto", depth: int | None = None):
        self.path = path
        self.decoding, self.layout, self.depth = decoding or NEWEST_DECODING, layout, depth

    def train(self) -> ImageSplit:
        """The training images; no test image is opened."""
        with told(self.path):
            if self.decoding == 1:
                return decoding_1.read_train(self.path)
            train = FolderLayout(self.path, self.layout).train()
            return read_images(train, common_form(train.files, self.depth), self.depth)

    def test(self) -> ImageSplit:
        """The test images, in the size and the channels of the training images."""
        with told(self.path):
            if self.decoding == 1:
                return decoding_1.read_test(self.path)
            layout = FolderLayout(self.path, self.layout)
            train, test = layout.train(), layout.test()
            form = common_form(train.files, self.depth)
            common_form((train.files[0], *test.files), self.depth)
            return read_images(test, form, self.depth)

    def location(self) -> str:
        """The path of the folder."""
        return str(self.path)

    def available(self) -> bool:
        """Whether the folder exists."""
        return os.path.isdir(self.path)
