"""metaqnn designs networks with Q-learning (MetaQNN, Baker et al., ICLR 2017), and searches any other space.

What is used most is reachable from here, loaded on first use so that `import metaqnn` is instant:

    >>> from metaqnn import parse, describe
    >>> describe("[C(64,3,1), P(2,2), SM(10)]", (32, 32, 3)).parameters
    165642
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from metaqnn.version import __version__

if TYPE_CHECKING:  # for editors and type checkers; at run time each is imported when it is first used
    from metaqnn.errors import MetaqnnError as MetaqnnError
    from metaqnn.estimators.classifier import MetaQNNClassifier as MetaQNNClassifier
    from metaqnn.estimators.regressor import MetaQNNRegressor as MetaQNNRegressor
    from metaqnn.networks.architecture import parse as parse
    from metaqnn.networks.costs import describe as describe
    from metaqnn.networks.training.network import build as build
    from metaqnn.replay.frames import open_replay as open_replay
    from metaqnn.workflows import load_experiment as load_experiment
    from metaqnn.workflows.facade import search as search

_LAZY = {
    "search": "metaqnn.workflows.facade",
    "parse": "metaqnn.networks.architecture",
    "describe": "metaqnn.networks.costs",
    "load_experiment": "metaqnn.workflows",
    "MetaqnnError": "metaqnn.errors",
    "MetaQNNClassifier": "metaqnn.estimators.classifier",
    "MetaQNNRegressor": "metaqnn.estimators.regressor",
    "build": "metaqnn.networks.training.network",
    "open_replay": "metaqnn.replay.frames",
}

__all__ = ["__version__", *sorted(_LAZY)]


def __getattr__(name: str) -> object:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'metaqnn' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)


class _Package(ModuleType):
    """This package, in which `search` is the function although there is a package of that name, too."""

    @property
    def search(self) -> object:
        return __getattr__("search")

    @search.setter
    def search(self, module: ModuleType) -> None:
        """What importing `metaqnn.search` does at its end; the package is still found where it is imported from."""


sys.modules[__name__].__class__ = _Package
