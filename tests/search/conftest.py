import os
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

import pytest


@pytest.fixture(scope="session")
def in_memory(tmp_path_factory):
    """A folder in memory, where there is one.

    Every episode waits for the disk. Here that proves nothing (`tests/replay` does) and takes a minute in all on a
    busy machine.
    """
    memory = Path("/dev/shm")
    if not (memory.is_dir() and os.access(memory, os.W_OK)):
        yield tmp_path_factory.mktemp("searches")
        return
    with TemporaryDirectory(dir=memory, prefix="metaqnn-") as folder:
        yield Path(folder)


@pytest.fixture
def tmp_path(in_memory):
    with TemporaryDirectory(dir=in_memory) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def make_folder(in_memory):
    """Makes a folder that outlives a test."""
    return lambda: Path(mkdtemp(dir=in_memory))
