"""scikit-learn's own checks of its estimators: all of them, none exempt."""

import pytest
from estimator.conftest import QUICK
from sklearn.utils.estimator_checks import parametrize_with_checks

from metaqnn import MetaQNNClassifier, MetaQNNRegressor

# Keras saves a model in a way that NumPy will want otherwise one day.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@parametrize_with_checks([MetaQNNClassifier(**QUICK), MetaQNNRegressor(**QUICK)])
def test_scikit_learns_checks(estimator, check):
    check(estimator)
