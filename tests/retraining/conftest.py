"""A small recorded search over digits, and Keras in the test process as in a worker."""

import os
import shutil
import sys
from pathlib import Path

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).parents[1] / "replay"))  # for the helper small_searches

GOLDEN = Path(__file__).parents[1] / "golden" / "schema_v3.sqlite"
QUICK = ("final.epochs=2", "final.batch_size=256")


@pytest.fixture(scope="session")
def device():
    """The device, prepared once."""
    from metaqnn.networks.training.device import prepare_device

    return prepare_device()


@pytest.fixture
def searched(tmp_path):
    """The database of a finished small search over digits: 12 models, of which three failed."""
    return Path(shutil.copy(GOLDEN, tmp_path / "small.sqlite"))


@pytest.fixture(scope="session")
def trained_once(tmp_path_factory):
    """A search whose three best networks were trained twice each, not to be changed."""
    from metaqnn.workflows.retrain import train_best
    from metaqnn.workflows.retraining_plan import TrainOptions

    path = Path(shutil.copy(GOLDEN, tmp_path_factory.mktemp("trained") / "small.sqlite"))
    report = train_best(path, TrainOptions(top=3, seeds=2, overrides=QUICK))
    assert report.is_complete
    return path


@pytest.fixture
def trained(trained_once, tmp_path):
    """The same, of one's own."""
    shutil.copytree(trained_once.parent, tmp_path, dirs_exist_ok=True)
    return tmp_path / "small.sqlite"
