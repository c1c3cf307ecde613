"""The scikit-learn classifier. This module imports scikit-learn, so nobody imports it before the class is asked for."""

from dataclasses import dataclass

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from metaqnn.errors import DataError
from metaqnn.estimators.checks import as_arrays, label_columns, training_arrays
from metaqnn.estimators.image_estimator import ImageEstimator

_THRESHOLD = 0.5
"""Of a probability above which a label is said to hold."""


@dataclass(eq=False, repr=False)
class MetaQNNClassifier(ClassifierMixin, ImageEstimator):
    """A convolutional network that is searched for, trained and used: a class or several labels for each image.

    Where y has a column of 0 and 1 for each label (scikit-learn's indicator matrix), an image may have any number of
    labels, or none: `predict` gives such a matrix, and `score` is the share of rows that are right in every label.

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
        classes_: the classes, sorted; of labels their columns, from 0.
        n_features_in_: features of a row of X, or pixels of an image.
        feature_names_in_: names of the columns, where X is a DataFrame.
        image_shape_: (height, width, channels) of an image.
        pixel_low_: what became 0; a number, or an array with one of each feature.
        pixel_high_: what became 255, likewise.
        database_: path of the replay database.
        best_architecture_: the network, in the paper's notation.
        best_score_: what it reached on the images held out during the search, in [0, 1]; more is better. It is the
            share of right images: of labels of those whose labels are all right.
        best_accuracy_: the same, by its older name.
        network_: the trained network; `network_.model()` is a Keras model from uint8 images to probabilities.

    Raises:
        ValueError: from `fit`, `predict` and the like, of parameters or data that cannot be used.
        ReplayError: from `fit`, where `path` holds a search with other data or parameters.
    """

    def fit(self, X, y=None):
        """Search for a network and train it.

        Args:
            X: (N, features), (N, height, width) or (N, height, width, channels); numbers. Or (image, label) pairs: a
                tf.data.Dataset, a PyTorch Dataset or DataLoader, or a Hugging Face Dataset, read once into memory.
            y: (N,) labels: numbers or texts, at least two different ones; or (N, labels) of 0 and 1. None where X has
                them.

        Returns:
            this estimator.

        Raises:
            ValueError: parameters or data that cannot be used; most are a MetaqnnError, which is one.
            ReplayError: `path` holds another search.
            EvaluatorError: no network could be trained.
            KeyboardInterrupt: it was interrupted; with a `path` the next fit goes on.
        """
        self.__dict__.pop("network_", None)  # what fails below must not leave an old network with new classes
        X, y = as_arrays(X, y)
        names = [str(name) for name in y.columns] if getattr(y, "ndim", 1) == 2 and hasattr(y, "columns") else None
        X, y = training_arrays(self, X, y)
        self._has_labels = y.ndim == 2
        if self._has_labels:
            self.classes_ = np.arange(y.shape[1])
            self._fit(X, label_columns(y), names)
            return self
        self.classes_, labels = np.unique(y, return_inverse=True)
        labels = labels.astype(np.int64)
        if len(self.classes_) < 2:
            only = self.classes_.tolist()[0]
            raise DataError(f"y: expected at least two classes to tell apart, got one class, {only!r}")
        self._fit(X, labels)
        return self

    @property
    def best_accuracy_(self) -> float:
        """What the network reached in the search, in [0, 1]."""
        return self.best_score_

    def predict_proba(self, X):
        """The probability of every class, or of every label.

        Args:
            X: as in `fit`, of the same shape.

        Returns:
            float64 of shape (N, classes), in the order of `classes_`; each row sums to 1 unless it is of labels.

        Raises:
            ValueError: other features or images than those of `fit`, another scale, or missing values.
        """
        return self._predictions(X)

    def predict(self, X):
        """The most probable class of every row, or the labels that are likelier than not.

        Args:
            X: as in `fit`, of the same shape.

        Returns:
            classes of shape (N,), or int64 of shape (N, labels), 1 where a label holds.

        Raises:
            ValueError: other features or images than those of `fit`, or missing values.
        """
        probabilities = self.predict_proba(X)
        if self._has_labels:
            return (probabilities > _THRESHOLD).astype(np.int64)
        return self.classes_[probabilities.argmax(axis=1)]

    def score(self, X, y=None, sample_weight=None):
        """The share of rows whose class is predicted, or all of whose labels are; more is better.

        Args:
            X: as in `fit`.
            y: likewise.
            sample_weight: of every row; None counts them alike.

        Raises:
            DataError: a class that `fit` never saw, which no network could predict.
            ValueError: other features or images than those of `fit`, or missing values.
        """
        check_is_fitted(self, "network_")
        X, y = as_arrays(X, y)
        if y is None:
            raise DataError("y: expected labels to compare with, got None; give y, or (image, label) pairs as X")
        if self._has_labels:
            if np.shape(y)[1:] != (len(self.classes_),):
                raise DataError(
                    f"y: expected a column for each of {len(self.classes_)} labels, got shape {np.shape(y)}"
                )
            return super().score(X, label_columns(np.asarray(y)), sample_weight)
        unknown = set(np.ravel(np.asarray(y)).tolist()) - set(self.classes_.tolist())
        if unknown:
            known = ", ".join(map(repr, self.classes_.tolist()[:10])) + (", ..." if len(self.classes_) > 10 else "")
            raise DataError(
                f"y: expected labels that the search saw ({known}), got {min(unknown, key=repr)!r}; fit with it, or "
                "leave its rows out"
            )
        return super().score(X, y, sample_weight)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
