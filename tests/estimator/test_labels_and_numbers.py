"""The classifier of labels and the regressor: what they learn, what they give, and what they refuse."""

import pickle

import numpy as np
import pandas as pd
import pytest
from estimator.conftest import QUICK
from scipy.sparse import csr_array
from sklearn import metrics as reference
from sklearn.model_selection import cross_val_score
from targets.shapes import labelled, numbered

from metaqnn import MetaQNNClassifier, MetaQNNRegressor, open_replay
from metaqnn.errors import DataError

# Keras saves a model in a way that NumPy will want otherwise one day.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SETTINGS = QUICK["settings"] | {"training.batch_size": 16, "training.learning_rate": 0.005}
KNOWN = QUICK | {"epochs": 8, "settings": SETTINGS, "filters": (8,)}


@pytest.fixture(scope="module")
def labeller():
    return MetaQNNClassifier(**KNOWN).fit(*labelled(300, 1))


@pytest.fixture(scope="module")
def regressor():
    return MetaQNNRegressor(**KNOWN).fit(*numbered(300, 1))


def test_labels(labeller):
    x, y = labelled(100, 2)
    probabilities, said = labeller.predict_proba(x), labeller.predict(x)
    assert (probabilities.shape, said.shape, said.dtype) == ((100, 3), (100, 3), np.int64)
    assert np.array_equal(said, probabilities > 0.5)
    assert labeller.classes_.tolist() == [0, 1, 2]
    # The commonest set is none of three labels, of probability 0.6 ** 3.
    assert labeller.score(x, y) == reference.accuracy_score(y, said) > 0.4
    assert labeller.best_score_ == labeller.best_accuracy_ > 0.4
    assert list(labeller.leaderboard().columns[:3]) == ["model", "architecture", "exact_match"]
    assert np.asarray(labeller.network_.model()(x)) == pytest.approx(probabilities, abs=1e-5)


def test_numbers(regressor):
    x, y = numbered(100, 2)
    said = regressor.predict(x)
    assert (said.shape, said.dtype) == ((100, 2), np.float64)
    assert regressor.score(x, y) == pytest.approx(reference.r2_score(y, said))
    assert regressor.score(x, y) > 0.5  # the mean has 0
    assert regressor.best_score_ > 0.5
    assert list(regressor.leaderboard().columns[:3]) == ["model", "architecture", "r2"]
    assert np.asarray(regressor.network_.model()(x)) == pytest.approx(said, abs=1e-4)
    again = pickle.loads(pickle.dumps(regressor))
    np.testing.assert_array_equal(again.predict(x), said)


def test_one_number_and_another_score():
    x, y = numbered(300, 1)
    settings = SETTINGS | {"dataset.score": "negative_rmse"}
    model = MetaQNNRegressor(**KNOWN | {"settings": settings}).fit(x, y[:, 0])
    assert model.predict(x).shape == (300,)
    assert -y[:, 0].std() < model.best_score_ < 0
    assert model.leaderboard().columns[2] == "negative_rmse"


def test_retraining_by_a_recipe(tmp_path):
    path = tmp_path / "mine.sqlite"
    final = {"name": "one_cycle", "epochs": 4}
    x, y = numbered(300, 1)
    frame = pd.DataFrame(y, columns=["row", "column"])
    model = MetaQNNRegressor(**KNOWN | {"final": final, "path": path}).fit(x, frame)
    assert model.score(x, y) > 0.3
    replay = open_replay(path)
    assert replay.finals.iloc[0].status == "ok"
    names = np.load(f"{path}.npz")["target_names"]
    assert names.tolist() == ["row", "column"]


def test_cross_validation():
    x, y = numbered(300, 1)
    scores = cross_val_score(MetaQNNRegressor(**KNOWN), x, y, cv=3)
    assert min(scores) > 0.3


def test_what_is_refused(labeller):
    x, y = labelled(60, 3)
    with pytest.raises(DataError, match="y: expected a dense array, got sparse data"):
        MetaQNNClassifier(**KNOWN).fit(x, csr_array(y))
    with pytest.raises(DataError, match="y: expected a column of 0 and 1 for each label, got 2 in row 0, column 0"):
        MetaQNNClassifier(**KNOWN).fit(x, np.where(np.arange(60)[:, np.newaxis] == 0, 2, y))
    with pytest.raises(DataError, match="y: expected a column for each of 3 labels"):
        labeller.score(x, y[:, :2])
    with pytest.raises(ValueError, match="expected numbers that vary"):
        MetaQNNRegressor(**KNOWN).fit(x, np.ones(60))
