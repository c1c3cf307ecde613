"""The scikit-learn classifier. This module imports scikit-learn, so nobody imports it before the class is asked for."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from metaqnn.errors import DataError
from metaqnn.estimators import search
from metaqnn.estimators.checks import arrays_as_fitted, as_arrays, check_parameters, training_arrays
from metaqnn.estimators.images import PixelScale, image_shape
from metaqnn.estimators.network import quiet_import
from metaqnn.estimators.settings import WHERE, DataFacts, experiment_content
from metaqnn.estimators.training import train_winner
from metaqnn.estimators.units import outliers
from metaqnn.replay.leaderboard import RankedModel, read_ranking
from metaqnn.replay.reader import ReplayReader
from metaqnn.seeding import entropy
from metaqnn.workflows import read_experiment

if TYPE_CHECKING:
    import pandas as pd

_LEADERBOARD = ("model", "architecture", "accuracy", "epoch", "layers", "parameters", "flops", "train_seconds")


@dataclass(eq=False, repr=False)
class MetaQNNClassifier(ClassifierMixin, BaseEstimator):
    """A convolutional network that is searched for, trained and used.

    `fit` searches on a part of X, y and is told how good a network is by the rest of them. Then it trains the best
    network on all of them, by the retraining recipe. Networks see images of 8 bits: uint8 is kept as it is, and
    everything else is scaled to 0..255 and rounded, so that differences of less than a 255th of the range of X are
    lost. The range is one for all pixels of an image; where X has rows of features whose image is a single row or
    column of pixels, each feature has a range of its own. Values outside the range of the training data are
    clipped. `predict` expects the scale of `fit`: bytes, the same as shares of 1 and the same as words of 16 bits
    (times 257) are told apart and converted; numbers of another scale are refused.

    Args:
        models: distinct networks that are tried, over all fits of one `path`; None is what the strategy is made for.
        epochs: of every training of the search; None is 20 below 5,000 training images, else 10.
        max_time: seconds that a search may take, over all fits of one `path`; None is no limit. What was best by then
            is used.
        random_state: an int gives the same search again; None draws a seed, or takes the one of the search at `path`.
        input_shape: (height, width) or (height, width, channels) of the image that a row of X is. None makes a square
            of features where their number is one, else one row of pixels.
        path: of the replay database, which is kept there, with its data (`.npz`) and trained networks (`.finals`)
            beside it, and resumed by the next fit with the same data and parameters; `metaqnn replay` and `open_replay`
            look into it. None keeps it in a temporary folder as long as the estimator lives.
        validation_fraction: share of X that is held out in the search, class by class; None is a fifth, and at most
            5,000 rows.
        strategy: what proposes networks: q_learning, linear_ucb, regularized_evolution, reinforce, controller,
            local_search, bananas, gaussian_process, random, smac or tpe. None is q_learning, or what the search in
            `path` began with.
        preset: of the strategy; None is its default.
        max_depth: layers before the softmax; None is 4, 6 or 8 for images whose shorter side is below 8, below 16 or
            larger.
        filters: of convolutions; None is (16, 32, 64).
        receptive_fields: of convolutions; None is (1, 3, 5), without 5 below 8 pixels.
        pooling: pairs (size, stride); None is (3, 2) and (2, 2), and (5, 3) from 16 pixels on, (3, 2) not below 8.
        neurons: of fully connected layers; None is (128, 64).
        final: how the best network is trained on all of X, y: the name of a recipe, `one_cycle` or `paper`, or its
            keys, such as {"name": "one_cycle", "epochs": 60}; None is the recipe of the search once more.
        settings: further keys of an experiment, such as {"training.batch_size": 32, "dataset.mirror": True}; they win
            over everything above.
        workers: processes that train side by side; more than two make it another search, as more proposals are in
            flight. None is two, one where there is one core or one GPU. 0 trains in this process: for small data,
            where starting a process takes longer than training; with several threads the last digits may then differ.
        verbose: whether the progress is shown, on the standard error.

    Attributes:
        classes_: the labels, sorted.
        n_features_in_: features of a row of X, or pixels of an image.
        feature_names_in_: names of the columns, where X is a DataFrame.
        image_shape_: (height, width, channels) of an image.
        pixel_low_: what became 0; a number, or an array with one of each feature.
        pixel_high_: what became 255, likewise.
        database_: path of the replay database.
        best_architecture_: the network, in the paper's notation.
        best_accuracy_: what it reached on the images held out during the search, in [0, 1].
        network_: the trained network; `network_.model()` is a Keras model from uint8 images to probabilities.

    Raises:
        ValueError: from `fit`, `predict` and the like, of parameters or data that cannot be used.
        ReplayError: from `fit`, where `path` holds a search with other data or parameters.
    """

    models: int | None = 30
    _: KW_ONLY
    epochs: int | None = None
    max_time: float | None = None
    random_state: Any = None
    input_shape: tuple[int, ...] | None = None
    path: str | Path | None = None
    validation_fraction: float | None = None
    strategy: str | None = None
    preset: str | None = None
    max_depth: int | None = None
    filters: Sequence[int] | None = None
    receptive_fields: Sequence[int] | None = None
    pooling: Sequence[tuple[int, int]] | None = None
    neurons: Sequence[int] | None = None
    final: str | Mapping[str, Any] | None = "one_cycle"
    settings: Mapping[str, Any] | None = None
    workers: int | None = None
    verbose: int = 1

    def fit(self, X, y=None):
        """Search for a network and train it.

        Args:
            X: (N, features), (N, height, width) or (N, height, width, channels); numbers. Or (image, label) pairs: a
                tf.data.Dataset, a PyTorch Dataset or DataLoader, or a Hugging Face Dataset, read once into memory.
            y: (N,) labels: numbers or texts, at least two different ones; None where X has them.

        Returns:
            this estimator.

        Raises:
            ValueError: parameters or data that cannot be used; most are a MetaqnnError, which is one.
            ReplayError: `path` holds another search.
            EvaluatorError: no network could be trained.
            KeyboardInterrupt: it was interrupted; with a `path` the next fit goes on.
        """
        self.__dict__.pop("network_", None)  # what fails below must not leave an old network with new classes
        X, y = training_arrays(self, *as_arrays(X, y))
        check_parameters(self)
        shape = image_shape(X.shape, self.input_shape)
        self.classes_, labels = np.unique(y, return_inverse=True)
        labels = labels.astype(np.int64)
        if len(self.classes_) < 2:
            only = self.classes_.tolist()[0]
            raise DataError(f"y: expected at least two classes to tell apart, got one class, {only!r}")
        self.image_shape_ = shape
        is_each_feature = X.ndim == 2 and min(shape[:2]) == 1
        if told := outliers(X, is_each_feature):
            warnings.warn(told, stacklevel=2)
        scale = PixelScale.fitted(X, is_each_feature)
        self.pixel_low_, self.pixel_high_, self._unit = scale.low, scale.high, scale.unit
        images = scale.apply(X).reshape(-1, *shape)
        self._folder = search.TemporaryFolder() if self.path is None else None
        database = Path(self.path) if self._folder is None else self._folder.path / "search.sqlite"
        self._search(database.absolute(), images, labels)
        return self

    def predict_proba(self, X):
        """The probability of every class.

        Args:
            X: as in `fit`, of the same shape.

        Returns:
            float64 of shape (N, classes), in the order of `classes_`.

        Raises:
            ValueError: other features or images than those of `fit`, another scale, or missing values.
        """
        check_is_fitted(self, "network_")
        X = arrays_as_fitted(self, as_arrays(X)[0])
        scale = PixelScale(np.asarray(self.pixel_low_), np.asarray(self.pixel_high_), getattr(self, "_unit", None))
        pixels = scale.apply(scale.converted(X))
        return self.network_.probabilities(pixels.reshape(-1, *self.image_shape_))

    def predict(self, X):
        """The most probable class of every row.

        Args:
            X: as in `fit`, of the same shape.

        Returns:
            labels of shape (N,).

        Raises:
            ValueError: other features or images than those of `fit`, or missing values.
        """
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]

    def score(self, X, y=None, sample_weight=None):
        """The share of rows whose label is predicted.

        Args:
            X: as in `fit`.
            y: likewise.
            sample_weight: of every row; None counts them alike.

        Raises:
            DataError: a label that `fit` never saw, which no network could predict.
            ValueError: other features or images than those of `fit`, or missing values.
        """
        check_is_fitted(self, "network_")
        X, y = as_arrays(X, y)
        if y is None:
            raise DataError("y: expected labels to compare with, got None; give y, or (image, label) pairs as X")
        unknown = set(np.ravel(np.asarray(y)).tolist()) - set(self.classes_.tolist())
        if unknown:
            known = ", ".join(map(repr, self.classes_.tolist()[:10])) + (", ..." if len(self.classes_) > 10 else "")
            raise DataError(
                f"y: expected labels that the search saw ({known}), got {min(unknown, key=repr)!r}; fit with it, or "
                "leave its rows out"
            )
        return super().score(X, y, sample_weight)

    def leaderboard(self) -> "pd.DataFrame":
        """The networks of the search that were trained to the end, the best first.

        Returns:
            model, architecture, accuracy (on the images held out), epoch (the best), layers, parameters, flops (of an
            image's forward pass), train_seconds.
        """
        import pandas as pd

        check_is_fitted(self, "network_")
        return pd.DataFrame(self._leaderboard, columns=list(_LEADERBOARD))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    def __getstate__(self):
        state = dict(super().__getstate__())
        if "_folder" in state:
            state["_folder"] = None  # a copy does not own the database
        return state

    def _search(self, database: Path, images: np.ndarray, labels: np.ndarray) -> None:
        """Search, train the winner, and keep what `predict` needs."""
        stored = search.stored_config(database)
        share = float(np.bincount(labels).max() / len(labels))
        facts = DataFacts(len(images), self.image_shape_, len(self.classes_), share)
        images_file = search.data_file(database)
        content = experiment_content(self.get_params(deep=False), facts, str(images_file), self._seed(stored))
        experiment = read_experiment(
            content, WHERE, lambda line: warnings.warn(line, FutureWarning, stacklevel=5)
        ).begun(stored, database)
        if stored:
            search.refuse_another(database, stored, experiment, images, labels)
        if not (stored and images_file.is_file()):
            search.write_data(database, images, labels)
        is_in_process, verbose = self.workers == 0, bool(self.verbose)
        with quiet_import():
            search.run(experiment, database, self.workers, self.max_time, verbose)
            winner = search.find_winner(database)
            if not winner.has_learned:
                warnings.warn(
                    f"none of the networks learned more than to name the most frequent class; {winner.architecture} "
                    "is used; more epochs, another training.learning_rate or other data may help",
                    stacklevel=3,
                )
            network = train_winner(database, experiment, winner, self.final is not None, is_in_process, verbose)
        with ReplayReader(database) as reader:
            self._leaderboard = [_row(ranked) for ranked in read_ranking(reader)]
        self.network_ = network
        self.database_ = str(database)
        self.best_architecture_ = winner.architecture
        self.best_accuracy_ = winner.score

    def _seed(self, stored: Mapping[str, Any]) -> int:
        """The seed of the search."""
        if self.random_state is None:
            return stored.get("seed", entropy())
        if isinstance(self.random_state, Integral):
            check_random_state(self.random_state)  # refuses what scikit-learn refuses
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))


def _row(ranked: RankedModel) -> tuple:
    costs = (ranked.costs[name] for name in _LEADERBOARD[4:7])
    return ranked.model, ranked.architecture, ranked.score, ranked.epoch, *costs, ranked.seconds
