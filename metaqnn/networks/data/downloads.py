"""Public data sets: looked for on this machine first, else downloaded once."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from metaqnn.core import Dataset
from metaqnn.errors import DataError, brief
from metaqnn.files import written_whole
from metaqnn.networks.data.archives import Archive
from metaqnn.networks.data.arrays import MEMBER_WORDS
from metaqnn.networks.data.sources import ImageSplit

Fetch = Callable[[str, Path], None]


class DownloadError(Exception):
    """Why a data set could not be fetched, in a few words; `Download` makes the user's sentence of it."""


class Download(Dataset):
    """NAME.npz in the folder METAQNN_DATA, else in the cache, else fetched into the cache.

    Args:
        name: of the data set.
        class_names: its classes, in the order of the labels.
        fetch: given `name` and a path, writes the archive there or raises DownloadError.
    """

    def __init__(self, name: str, class_names: tuple[str, ...], fetch: Fetch):
        self.name = name
        self._class_names = class_names
        self._fetch = fetch

    def train(self) -> ImageSplit:
        """The training part; downloads the data set where it is absent."""
        return self._archive().train()

    def test(self) -> ImageSplit:
        """The test part; downloads the data set where it is absent."""
        return self._archive().test()

    def location(self) -> str:
        """The path of the archive, in the cache unless METAQNN_DATA holds it."""
        return str(self._path())

    def available(self) -> bool:
        """Whether the archive exists, so that nothing is downloaded."""
        return self._path().is_file()

    def _path(self) -> Path:
        folder = data_folder()
        given = folder / f"{self.name}.npz" if folder else None
        return given if given and given.is_file() else cache_folder() / f"{self.name}.npz"

    def _archive(self) -> Archive:
        path = self._path()
        if not path.is_file():
            self._download(path)
        return Archive(path, self._class_names)

    def _download(self, path: Path) -> None:
        """Fetch into a folder beside `path` and move in one step, so that `path` is complete or absent."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # What another process has fetched in the meantime stays.
            with suppress(FileExistsError), written_whole(path, is_new=True) as part:
                self._fetch(self.name, part)
        except (DownloadError, OSError) as error:
            folder = data_folder()
            raise DataError(
                f"{self.name} is not on this machine and cannot be downloaded ({error}); put {path.name} "
                f"with {MEMBER_WORDS} into the folder that METAQNN_DATA names ({folder or 'it is not set'})"
            ) from error


def data_folder() -> Path | None:
    """The folder that is looked at first; None unless METAQNN_DATA is set, now."""
    folder = os.environ.get("METAQNN_DATA")
    return Path(os.path.expanduser(folder)) if folder else None


def cache_folder() -> Path:
    """Where downloads and copies are kept: METAQNN_CACHE, else `metaqnn` in the user's cache folder of this system."""
    from platformdirs import user_cache_path

    folder = os.environ.get("METAQNN_CACHE")
    if folder:
        return Path(os.path.expanduser(folder))
    earlier = Path.home() / ".cache" / "metaqnn"  # before there was one for each system
    found = user_cache_path("metaqnn", appauthor=False)
    # The XDG base directory specification: a relative path counts as unset.
    return found if found.is_absolute() and (found.exists() or not earlier.exists()) else earlier


def fetch_with_keras(name: str, path: Path) -> None:
    """Fetch `keras.datasets.NAME` in a child process, as importing Keras takes seconds and much memory.

    Raises:
        DownloadError: the child failed; its last line says why.
    """
    import subprocess
    import sys

    # A server that does not answer must not stop a search for ever: half a minute a read.
    program = (
        "import socket, sys, importlib, numpy\n"
        "socket.setdefaulttimeout(30)\n"
        "train, test = importlib.import_module('keras.datasets.' + sys.argv[1]).load_data()\n"
        "numpy.savez(sys.argv[2], x_train=train[0], y_train=train[1], x_test=test[0], y_test=test[1])\n"
    )
    child = subprocess.run(
        [sys.executable, "-P", "-c", program, name, str(path)],  # -P: no module of the working directory
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    if child.returncode:
        lines = child.stderr.strip().splitlines() or [f"exit status {child.returncode}"]
        raise DownloadError(lines[-1].removeprefix("Exception: "))


def fetch_file(url: str, md5: str, path: Path) -> None:
    """Download one file and verify its checksum.

    Raises:
        DownloadError: it cannot be had, or is not what the checksum promises.
    """
    import logging

    import pooch

    pooch.get_logger().setLevel(logging.ERROR)
    downloader = pooch.HTTPDownloader(timeout=30)  # a server that does not answer must not stop a search for ever
    try:
        pooch.retrieve(url, f"md5:{md5}", path.name, path.parent, downloader=downloader)
    except (OSError, ValueError) as error:  # of requests all are OSErrors; a checksum that differs is a ValueError
        raise DownloadError(f"{url}: {brief(' '.join(str(error).split()), 300)}") from error
