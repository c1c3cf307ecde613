"""Street View House Numbers (Netzer et al., 2011), from its official files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from metaqnn.files import private_folder
from metaqnn.networks.data.downloads import fetch_file

# The cropped digits at http://ufldl.stanford.edu/housenumbers/, with MD5 checksums.
FILES = {
    "train": ("http://ufldl.stanford.edu/housenumbers/train_32x32.mat", "e26dedcc434d2e4c54c9b2d4a06d8373"),
    "test": ("http://ufldl.stanford.edu/housenumbers/test_32x32.mat", "eb5a983be6a315427106f1b164d9cef3"),
}


def fetch_svhn(name: str, path: Path, files: Mapping[str, tuple[str, str]] = FILES) -> None:
    """Download the two files, verify them, and write them as one archive.

    Args:
        name: of the data set, for a fetcher's common form.
        path: of the archive to write, in a folder that exists.
        files: the URL and the MD5 checksum of 'train' and 'test'.

    Raises:
        DownloadError: a checksum differs.
        OSError: the server cannot be reached.
    """
    arrays: dict[str, Any] = {}
    for part, (url, md5) in files.items():
        with private_folder(path) as folder:  # emptied after each: two at a time take much room
            fetch_file(url, md5, folder / f"{part}.mat")
            arrays[f"x_{part}"], arrays[f"y_{part}"] = read_mat(folder / f"{part}.mat")
    np.savez(path, **arrays)


def read_mat(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Images, uint8 of shape (N, 32, 32, 3), and labels, int64 of shape (N,), of an official file.

    The file stores the images as (32, 32, 3, N), and the digit 0 as class 10.
    """
    from scipy.io import loadmat

    content = loadmat(path)
    images = np.ascontiguousarray(content["X"].transpose(3, 0, 1, 2))
    return images, content["y"].reshape(-1).astype(np.int64) % 10
