import shutil

import pytest
from small_searches import run_small


@pytest.fixture(scope="session")
def finished_once(tmp_path_factory):
    """The file of a finished small search, not to be changed."""
    path = tmp_path_factory.mktemp("finished") / "small.sqlite"
    run_small(path)
    return path


@pytest.fixture
def finished(finished_once, tmp_path):
    """A finished small search of one's own: 12 models, of which three failed."""
    return shutil.copy(finished_once, tmp_path / "small.sqlite")
