"""What a fitted classifier knows and says, on real data: digits, iris, blobs."""

import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_iris, make_blobs
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_score
from sklearn.utils import get_tags

from metaqnn import MetaQNNClassifier, describe, parse
from metaqnn.errors import ConfigError, DataError, EvaluatorError
from metaqnn.estimators.settings import WHERE

# Keras saves a model in a way that NumPy will want otherwise one day.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def blobs():
    """Three well separated blobs of four features, 60 rows."""
    return make_blobs(60, 4, cluster_std=0.5, random_state=3)


def test_digits(fitted, digits):
    _, y, x_test, y_test = digits
    # Who guesses is right for more than 20 % of 400 images with a probability below 1e-8.
    assert fitted.score(x_test, y_test) > 0.8
    probabilities = fitted.predict_proba(x_test)
    assert (probabilities.shape, probabilities.dtype) == ((400, 10), np.float64)
    assert probabilities.sum(axis=1) == pytest.approx(1, abs=1e-12)
    assert np.array_equal(fitted.predict(x_test), fitted.classes_[probabilities.argmax(axis=1)])
    assert fitted.classes_.tolist() == sorted(set(y))
    assert (fitted.n_features_in_, fitted.image_shape_) == (64, (8, 8, 1))
    assert (fitted.pixel_low_, fitted.pixel_high_) == (0, 16)
    assert 0.5 < fitted.best_accuracy_ <= 1
    assert parse(fitted.best_architecture_)


def test_the_leaderboard(fitted):
    board = fitted.leaderboard()
    assert list(board.columns) == [
        *("model", "architecture", "accuracy", "epoch", "layers", "parameters", "flops", "train_seconds")
    ]
    assert len(board) == 1
    best = board.iloc[0]
    assert (best.architecture, best.accuracy) == (fitted.best_architecture_, fitted.best_accuracy_)
    assert best.parameters == describe(best.architecture, (8, 8, 1)).parameters


def test_the_network_is_a_keras_model_from_bytes_to_probabilities(fitted, digits):
    pixels = np.rint(digits[2] * 255 / 16).astype(np.uint8).reshape(-1, 8, 8, 1)
    said = np.asarray(fitted.network_.model()(pixels))
    assert said == pytest.approx(fitted.predict_proba(digits[2]), abs=1e-5)
    assert {layer.__module__.split(".")[0] for layer in fitted.network_.model().layers} == {"keras"}


def test_bytes_and_images_are_the_same_data(quick, digits):
    x, y, x_test, _ = digits
    pixels = np.rint(x * 255 / 16)
    forms = [pixels, pixels.astype(np.uint8).reshape(-1, 8, 8), pixels.reshape(-1, 8, 8, 1)]
    tests = [np.rint(x_test * 255 / 16).reshape(-1, *form.shape[1:]) for form in forms]
    said = [quick(epochs=2).fit(form, y).predict_proba(test) for form, test in zip(forms, tests, strict=True)]
    for other in said[1:]:
        assert other == pytest.approx(said[0], abs=1e-4)  # several threads may sum in another order


def test_colours(quick):
    images = np.zeros((60, 6, 5, 3), np.uint8)
    labels = np.arange(60) % 3
    images[np.arange(60), :, :, labels] = 200
    model = quick(random_state=1).fit(images, np.array(["red", "green", "blue"])[labels])
    assert (model.image_shape_, model.n_features_in_) == ((6, 5, 3), 90)
    assert model.predict(images[:3]).tolist() == ["red", "green", "blue"]
    with pytest.raises(
        DataError, match=r"^X: expected images of 6x5x3, as in fit, got an array of shape \(60, 5, 6, 3\)$"
    ):
        model.predict(images.transpose(0, 2, 1, 3))
    with pytest.raises(DataError, match=r"got an array of shape \(60, 90\)$"):
        model.predict(images.reshape(60, -1))
    with pytest.raises(DataError, match=r"got an array of shape \(6, 5, 3\)$"):
        model.predict(images[0])


@pytest.mark.parametrize("labels", [["setosa", "versicolor", "virginica"], [-3, 10, 700], [0.0, 1.0, 5.0]])
def test_labels_are_given_back_as_they_were(quick, labels):
    x, y = load_iris(return_X_y=True, as_frame=True)
    named = np.array(labels)[y]
    model = quick(input_shape=(1, 4)).fit(x, named)
    assert model.classes_.tolist() == labels
    assert model.feature_names_in_.tolist() == list(x.columns)
    assert model.pixel_low_.tolist() == x.min().tolist()
    # A guesser reaches 60 % of 150 rows with a probability below 1e-10.
    assert model.score(x, named) > 0.6
    with pytest.raises(ValueError, match="feature names should match those that were passed during fit"):
        model.predict(x.rename(columns={"petal width (cm)": "width"}))


def test_a_class_with_one_row(quick, blobs):
    x, y = blobs
    y = np.append(y, 99)
    model = quick().fit(np.vstack([x, x[:1] + 100]), y)
    assert model.classes_.tolist() == [0, 1, 2, 99]
    assert model.predict_proba(x).shape == (60, 4)


def test_it_predicts_in_a_process_without_its_files(quick, blobs, tmp_path):
    model = quick(path=tmp_path / "search.sqlite").fit(*blobs)
    model.set_params(path=None)
    (tmp_path / "model.pickle").write_bytes(pickle.dumps(model))
    for file in tmp_path.glob("search.*"):
        file.rename(tmp_path / f"away-{file.name}")
    np.save(tmp_path / "x.npy", blobs[0])
    code = (
        "import pickle, numpy as np; model = pickle.load(open('model.pickle', 'rb'))\n"
        "np.save('said.npy', model.predict_proba(np.load('x.npy'))); assert len(model.leaderboard()) == 1"
    )
    root = str(Path(__file__).parents[2])
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": root, "PATH": ""}, check=True)
    assert np.load(tmp_path / "said.npy") == pytest.approx(model.predict_proba(blobs[0]), abs=1e-6)


def test_a_clone_is_unfitted_and_searches_alike(fitted, digits):
    twin = clone(fitted)
    assert twin.get_params() == fitted.get_params()
    with pytest.raises(NotFittedError):
        twin.predict(digits[2])
    with pytest.raises(NotFittedError):
        twin.leaderboard()
    assert twin.set_params(models=3).models == 3


def test_cross_validation(quick, blobs):
    # Three classes: nine of ten right by chance has a probability below 1e-13 for 60 rows.
    assert cross_val_score(quick(), *blobs, cv=2).mean() > 0.9


def test_one_seed_one_search(quick, blobs):
    def search(state):
        model = quick(random_state=state, models=3, epochs=1).fit(*blobs)
        return model.leaderboard().sort_values("model").architecture.tolist()

    assert search(5) == search(np.int64(5))
    assert search(np.random.RandomState(5)) == search(np.random.RandomState(5)) != search(5)
    assert quick(random_state=None)._seed({}) != quick(random_state=None)._seed({})
    with pytest.raises(ValueError, match="cannot be used to seed"):
        quick(random_state="five").fit(*blobs)
    with pytest.raises(ValueError, match="Seed must be between 0"):
        quick(random_state=-1).fit(*blobs)


def test_the_temporary_database_goes_with_the_estimator(quick, blobs):
    model = quick().fit(*blobs)
    database = Path(model.database_)
    assert database.is_file()
    copy = pickle.loads(pickle.dumps(model))
    del copy
    assert database.is_file(), "a copy does not own it"
    del model
    assert not database.parent.exists()


def test_nothing_is_said_unless_asked(quick, blobs, capfd):
    quick().fit(*blobs)
    assert capfd.readouterr().out == ""
    quick(verbose=1).fit(*blobs)
    out, shown = capfd.readouterr()
    assert out == ""
    assert "The search starts: 0 of 1 models done" in shown
    assert "[   1/1] eps 0.20" in shown


def test_where_nothing_is_learned_it_says_so(quick, blobs):
    settings = {"training.restart_accuracy": 100.0, "training.max_restarts": 0, "training.restart_epoch": 1}
    with pytest.warns(UserWarning, match=r"none of the networks learned more than to name the most frequent class; \["):
        model = quick(settings=settings).fit(*blobs)
    assert model.predict(blobs[0]).shape == (60,)
    assert model.leaderboard().empty
    assert 0 <= model.best_accuracy_ <= 1


def test_a_search_without_a_network_is_an_error(quick, blobs):
    with pytest.raises(EvaluatorError, match=r"has none: max_time was over before the first one ended$"):
        quick(max_time=1e-9).fit(*blobs)
    settings = {"training.learning_rate": 1e30, "training.max_restarts": 0}
    with pytest.raises(EvaluatorError, match=r"has none: the first one failed: the loss was not a number"):
        quick(settings=settings).fit(*blobs)


def test_what_fit_refuses(quick, blobs):
    x, y = blobs

    def refused(kind, message, x=x, y=y, **parameters):
        with pytest.raises(kind, match=f"^{re.escape(message)}"):
            quick(**parameters).fit(x, y)

    refused(DataError, "y: expected at least two classes to tell apart, got one class, 3", y=np.full(60, 3))
    refused(ValueError, "Input X contains NaN", x=np.where(x > x.mean(), np.nan, x))
    refused(ValueError, "Input X contains infinity", x=np.full((60, 2, 2), np.inf))
    refused(ValueError, "Found array with 1 sample(s)", x=x[:1].reshape(1, 2, 2), y=y[:1])
    refused(ValueError, "Unknown label type: continuous", y=x[:, 0])
    refused(ValueError, "Found input variables with inconsistent numbers of samples", y=y[:-1])
    refused(ConfigError, "input_shape: expected a shape of 4 pixels, as many as X has features", input_shape=(3, 2))
    refused(DataError, "X: expected the channels last", x=np.zeros((60, 3, 9, 9)))
    refused(ConfigError, "workers: expected a whole number from 0, or None, got -1", workers=-1)
    refused(ConfigError, "workers: expected a whole number from 0, or None, got 'all'", workers="all")
    refused(ConfigError, "max_time: expected seconds above 0, or None, got '8h'", max_time="8h")
    refused(ConfigError, "max_time: expected seconds above 0, or None, got 0", max_time=0)
    refused(ConfigError, "settings: expected a dict such as {'training.batch_size': 32}, got ['x']", settings=["x"])
    refused(ConfigError, f"{WHERE}: search.models: expected from 1 to 10000000, got 0", models=0)


def test_a_failed_fit_leaves_no_old_network(quick, blobs):
    model = quick().fit(*blobs)
    with pytest.raises(DataError, match="at least two classes"):
        model.fit(blobs[0], np.zeros(60))
    with pytest.raises(NotFittedError):
        model.predict(blobs[0])


def test_what_predict_and_score_refuse(fitted, digits):
    _, _, x, y = digits
    with pytest.raises(ValueError, match="X has 63 features, but MetaQNNClassifier is expecting 64 features"):
        fitted.predict(x[:, :-1])
    with pytest.raises(ValueError, match="Input X contains NaN"):
        fitted.predict(np.where(x > 8, np.nan, x))
    with pytest.raises(
        DataError, match=r"^X: expected rows of 64 features, as in fit, got shape \(400, 8, 8\); reshape"
    ):
        fitted.predict(x.reshape(-1, 8, 8))
    message = "y: expected labels that the search saw (0, 1, 2, 3, 4, 5, 6, 7, 8, 9), got 11; fit with it, or leave"
    with pytest.raises(DataError, match=f"^{re.escape(message)}"):
        fitted.score(x, np.where(y == 3, 11, y))
    with pytest.raises(DataError, match=r", got '0'; fit with it"):
        fitted.score(x, y.astype(str))


def test_values_outside_the_range_of_fit_are_clipped(fitted, digits):
    x = digits[2]
    stretched = np.where(x == 16, 1e6, np.where(x == 0, -5.0, x))
    assert np.array_equal(fitted.predict_proba(stretched), fitted.predict_proba(x))


def test_lists_and_data_frames(fitted, digits):
    x = digits[2][:5]
    assert np.array_equal(fitted.predict(x.tolist()), fitted.predict(x))
    assert np.array_equal(fitted.predict(pd.DataFrame(x).to_numpy()), fitted.predict(x))


def test_its_tags():
    tags = get_tags(MetaQNNClassifier())
    assert tags.estimator_type == "classifier"
    assert tags.input_tags.two_d_array
    assert tags.input_tags.three_d_array


def test_importing_the_package_loads_nothing_heavy():
    code = (
        "import metaqnn, sys; assert not {'sklearn', 'pandas', 'keras', 'tensorflow', 'numpy'} & set(sys.modules)\n"
        "metaqnn.MetaQNNClassifier; assert 'sklearn' in sys.modules and 'keras' not in sys.modules"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True)


def test_labels_that_are_missing_or_of_two_kinds_are_refused(quick, blobs):
    x, y = blobs
    texts = np.array([str(label) for label in y], dtype=object)
    for missing in (None, np.nan, pd.NA, pd.NaT):
        spoilt = texts.copy()
        spoilt[[3, 5]] = missing
        for labels in (spoilt, list(spoilt), pd.Series(spoilt), pd.Series(spoilt, dtype="string")):
            with pytest.raises(
                DataError, match=r"^y: .*of row 3 \(from 0\) is missing, and 1 more are; fill it in, or"
            ):
                quick().fit(x, labels)
    with pytest.raises(DataError, match=r"^y: expected texts or numbers, got texts and int; make all labels texts$"):
        quick().fit(x, np.where(np.arange(len(y)) == 3, 7, texts))


def test_sparse_data_are_refused(fitted, quick, blobs, digits):
    message = r"^X: expected a dense array, got sparse data, a csr_array of shape \(\d+, \d+\); use X.toarray\(\)$"
    with pytest.raises(DataError, match=message):
        quick().fit(csr_array(blobs[0]), blobs[1])
    with pytest.raises(DataError, match=message):
        fitted.predict(csr_array(digits[2]))


def test_the_same_pixels_in_another_unit_have_the_same_answers(fitted, digits):
    x = digits[2]
    expected = fitted.predict_proba(x)
    for pixels in (x.astype(np.uint8), x.astype(np.uint16) * 257, (x / 255).astype(np.float32)):
        assert np.array_equal(fitted.predict_proba(pixels), expected)
    with pytest.raises(
        DataError, match=r"^X: expected numbers on the scale of fit, 0 to 16, got 0 to 1; scale them as"
    ):
        fitted.predict(x / 16)


def test_a_value_far_out_is_told_at_fit(quick, digits):
    x = digits[0].copy()
    x[3, 4] = 1e6
    with pytest.warns(
        UserWarning, match=r"^X: one value in a thousand at most is as far out as 1e\+06, all others lie"
    ):
        quick(epochs=1).fit(x, digits[1])
