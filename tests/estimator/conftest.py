"""Classifiers whose fits take about a second: one network of few layers, a dozen steps, in this process."""

import os

import pytest

from metaqnn import MetaQNNClassifier

QUICK = {
    "models": 1,
    "strategy": "linear_ucb",  # whose first network of this seed can learn; that of another may be the softmax alone
    "epochs": 4,
    "final": None,
    "workers": 0,
    "verbose": 0,
    "random_state": 0,
    "max_depth": 2,
    "filters": (16,),
    "neurons": (32,),
    "settings": {
        "space.global_average_pooling": False,  # over a row of features it sees no order
        "training.batch_size": 64,
        "training.learning_rate": 0.03,
        "training.dropout": False,
        "training.restart_accuracy": 0.0,
    },
}


os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@pytest.fixture(scope="session", autouse=True)
def device():
    """The device, prepared as other tests need it, which share this process."""
    from metaqnn.networks.training.device import prepare_device

    return prepare_device()


@pytest.fixture(scope="session")
def quick():
    """Makes a quick classifier; parameters given win."""
    return lambda **parameters: MetaQNNClassifier(**QUICK | parameters)


@pytest.fixture(scope="session")
def digits():
    """X as floats from 0 to 16 of shape (N, 64), y; 600 to fit and 400 others to test."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return x[:600], y[:600], x[600:1000], y[600:1000]


@pytest.fixture(scope="session")
def fitted(quick, digits):
    """A quick classifier of digits, not to be changed."""
    return quick(epochs=8).fit(*digits[:2])
