"""The scikit-learn regressor. This module imports scikit-learn, so nobody imports it before the class is asked for."""

from dataclasses import dataclass

import numpy as np
from sklearn.base import RegressorMixin

from metaqnn.estimators.checks import as_arrays, training_numbers
from metaqnn.estimators.image_estimator import ImageEstimator


@dataclass(eq=False, repr=False)
class MetaQNNRegressor(RegressorMixin, ImageEstimator):
    """A convolutional network that is searched for, trained and used to predict one or several numbers of an image.

    Networks are compared by R squared on the images held out, or with `settings={"dataset.score": "negative_rmse"}` by
    the negative root mean squared error; more is better of both. How images are read, and all arguments, are those of
    `MetaQNNClassifier`.

    Attributes:
        n_features_in_: features of a row of X, or pixels of an image.
        feature_names_in_: names of the columns, where X is a DataFrame.
        image_shape_: (height, width, channels) of an image.
        pixel_low_: what became 0; a number, or an array with one of each feature.
        pixel_high_: what became 255, likewise.
        database_: path of the replay database.
        best_architecture_: the network, in the paper's notation.
        best_score_: what it reached on the images held out during the search; more is better.
        network_: the trained network; `network_.model()` is a Keras model from uint8 images to numbers.

    Raises:
        ValueError: from `fit`, `predict` and the like, of parameters or data that cannot be used.
        ReplayError: from `fit`, where `path` holds a search with other data or parameters.
    """

    def fit(self, X, y=None):
        """Search for a network and train it.

        Args:
            X: (N, features), (N, height, width) or (N, height, width, channels); numbers.
            y: (N,) or (N, numbers), each of which varies.

        Returns:
            this estimator.

        Raises:
            ValueError: parameters or data that cannot be used; most are a MetaqnnError, which is one.
            ReplayError: `path` holds another search.
            EvaluatorError: no network could be trained.
            KeyboardInterrupt: it was interrupted; with a `path` the next fit goes on.
        """
        self.__dict__.pop("network_", None)  # what fails below must not leave an old network for new numbers
        X, y = as_arrays(X, y)
        names = [str(name) for name in y.columns] if hasattr(y, "columns") else None
        X, numbers = training_numbers(self, X, y)
        self._is_flat = numbers.ndim == 1
        self._fit(X, numbers.reshape(len(numbers), -1), names)
        return self

    def predict(self, X):
        """The numbers of every row.

        Args:
            X: as in `fit`, of the same shape.

        Returns:
            float64 of shape (N,), or (N, numbers) where y had that shape.

        Raises:
            ValueError: other features or images than those of `fit`, another scale, or missing values.
        """
        found = self._predictions(X)
        return found[:, 0] if self._is_flat else found

    def score(self, X, y, sample_weight=None):
        """R squared, at most 1; more is better. Of several numbers the mean over them.

        Args:
            X: as in `fit`.
            y: likewise.
            sample_weight: of every row; None counts them alike.

        Raises:
            ValueError: other features or images than those of `fit`, or missing values.
        """
        return super().score(X, np.asarray(y, dtype=np.float64), sample_weight)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.target_tags.single_output = True
        return tags
