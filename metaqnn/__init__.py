"""metaqnn designs convolutional networks with Q-learning (MetaQNN, Baker et al., ICLR 2017).

What is used most is reachable from here, loaded on first use so that `import metaqnn` is instant:

    >>> from metaqnn import parse, describe
    >>> describe("[C(64,3,1), P(2,2), SM(10)]", (32, 32, 3)).parameters
    165642
"""

from importlib import import_module

from metaqnn.version import __version__

_LAZY = {
    "parse": "metaqnn.networks.architecture",
    "describe": "metaqnn.networks.costs",
    "load_experiment": "metaqnn.workflows",
    "MetaqnnError": "metaqnn.errors",
    "MetaQNNClassifier": "metaqnn.estimators.classifier",
    "build": "metaqnn.networks.training.network",
    "open_replay": "metaqnn.replay.frames",
}

__all__ = ["__version__", *sorted(_LAZY)]


def __getattr__(name: str):
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'metaqnn' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
