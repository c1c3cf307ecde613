from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(autouse=True)
def own_folders(monkeypatch, tmp_path):
    """No test sees the data of the machine that it runs on, or reaches a network."""
    monkeypatch.delenv("METAQNN_DATA", raising=False)
    monkeypatch.setenv("METAQNN_CACHE", str(tmp_path / "cache"))
    for name in ("http_proxy", "https_proxy"):
        for variable in (name, name.upper()):
            monkeypatch.setenv(variable, "http://127.0.0.1:9")  # the discard port: refused at once
    for variable in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def arrays():
    """A small data set: 40 and 10 images of 6x5 pixels in ten classes, no two images alike."""

    def build(dtype=np.uint8):
        members = {}
        for part, number, first in (("train", 40, 0), ("test", 10, 1)):
            images = (np.arange(number * 90) + first) % 251
            members[f"x_{part}"] = images.reshape(number, 6, 5, 3).astype(dtype)
            members[f"y_{part}"] = np.arange(number) % 10
        return members

    return build


@pytest.fixture
def archive(tmp_path, arrays):
    """Write an .npz file, some members replaced, or left out where None; returns its path."""

    def write(name="own.npz", **changes) -> Path:
        members = {key: value for key, value in {**arrays(), **changes}.items() if value is not None}
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, **members)
        return path

    return write


@pytest.fixture
def images(tmp_path):
    """Write image files; returns the folder."""

    def write(names, mode="RGB", size=(5, 6)) -> Path:
        folder = tmp_path / "images"
        for number, name in enumerate(names):
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            colour = number if mode in ("L", "I;16") else (number, 2 * number, 3)
            Image.new(mode, size, colour).save(file)
        return folder

    return write
