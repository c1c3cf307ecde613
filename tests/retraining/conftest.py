"""A small recorded search over digits, and Keras in the test process as in a worker."""

import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from trained_networks import add_retraining, random_network, recipe_of

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).parents[1] / "replay"))  # for the helper small_searches

GOLDEN = Path(__file__).parents[1] / "golden" / "schema_v3.sqlite"


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
    """A search with two networks for each of three models, of random weights and of the score that they have."""
    from metaqnn.networks.data import DatasetConfig, load_search_data

    path = Path(shutil.copy(GOLDEN, tmp_path_factory.mktemp("trained") / "small.sqlite"))
    data = load_search_data(DatasetConfig("digits", validation_size=300), seed=3)  # as the search was begun
    for model, text in enumerate(("[C(4,3,1), SM(10)]", "[P(2,2), FC(6), SM(10)]", "[SM(10)]"), 1):
        for seed, kind in enumerate(("mean", "standardize")):
            network = random_network(text, (8, 8, 1), kind)
            score = float(np.mean(network.predict(data.x_validation, verbose=0).argmax(1) == data.y_validation))
            facts = {"architecture": text, "recipe": recipe_of(kind), "seed": seed, "score": score}
            add_retraining(path, model, network, **facts)
    return path


@pytest.fixture
def trained(trained_once, tmp_path):
    """The same, of one's own."""
    shutil.copytree(trained_once.parent, tmp_path, dirs_exist_ok=True)
    return tmp_path / "small.sqlite"
