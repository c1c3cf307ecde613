"""Suites that every space, strategy, evaluator, data set and observer passes: pytest base classes to subclass.

from metaqnn.testing import SpaceContract

class TestMySpace(SpaceContract):
@pytest.fixture
def make_space(self):
return lambda: MySpace(MySpace.Options(), {})
"""

from metaqnn.testing.dataset import DatasetContract
from metaqnn.testing.evaluator import EvaluatorContract
from metaqnn.testing.observer import ObserverContract
from metaqnn.testing.space import SpaceContract
from metaqnn.testing.strategy import StrategyContract

__all__ = ["DatasetContract", "EvaluatorContract", "ObserverContract", "SpaceContract", "StrategyContract"]
