"""What the estimators refuse: parameters and data that it cannot use. This module imports scikit-learn."""

import warnings
from numbers import Integral, Real

import numpy as np
import pandas as pd
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array, check_X_y, validate_data

from metaqnn.errors import ConfigError, DataError
from metaqnn.networks.data.examples import is_source, whole

_NUMBERS = [np.float64, np.float32, np.uint8]
"""What X is kept as; anything else becomes the first."""


def as_arrays(X, y=None):
    """Images and labels of an object that hands out (image, label) pairs, read once; anything else as it is.

    Args:
        X: a tf.data.Dataset, a PyTorch Dataset or DataLoader, a Hugging Face Dataset, or what scikit-learn takes.
        y: labels; None takes those of X.

    Raises:
        DataError: it holds no images.
    """
    if not is_source(X):
        return X, y
    images, labels, notes = whole(X, "X")
    for note in notes:
        warnings.warn(note.text, stacklevel=3)
    return images, labels if y is None else y


def training_arrays(estimator: BaseEstimator, X, y) -> tuple[np.ndarray, np.ndarray]:
    """X and y as arrays; the estimator keeps what X looks like.

    Raises:
        ValueError: they cannot be used.
    """
    _refuse_sparse(X)
    _refuse_sparse(y, "y")
    _refuse_unusable_labels(y)
    is_wide = y is not None and _dimensions(y) == 2 and np.shape(y)[1] > 1
    if _dimensions(X) > 2:
        settings = {"dtype": _NUMBERS, "ensure_min_samples": 2, "multi_output": is_wide}
        X, y = check_X_y(X, y, allow_nd=True, estimator=estimator, **settings)
        _keep_image_facts(estimator, X)
    else:
        X, y = validate_data(estimator, X, y, dtype=_NUMBERS, multi_output=is_wide, ensure_min_samples=2)
    check_classification_targets(y)
    estimator._is_of_images = X.ndim > 2
    return X, y


def label_columns(y: np.ndarray) -> np.ndarray:
    """Labels of shape (N, labels) as int64.

    Raises:
        DataError: they are others than 0 and 1.
    """
    bad = np.argwhere((y != 0) & (y != 1))
    if len(bad):
        row, column = bad[0].tolist()
        raise DataError(
            f"y: expected a column of 0 and 1 for each label, got {y[row, column].item()!r} in row {row}, column "
            f"{column}; of classes give one column"
        )
    return y.astype(np.int64)


def training_numbers(estimator: BaseEstimator, X, y) -> tuple[np.ndarray, np.ndarray]:
    """X and the numbers to be predicted as arrays; the estimator keeps what X looks like.

    Returns:
        X, and float64 of shape (N,) or (N, numbers).

    Raises:
        ValueError: they cannot be used.
    """
    _refuse_sparse(X)
    _refuse_sparse(y, "y")
    is_wide = y is not None and _dimensions(y) == 2 and np.shape(y)[1] > 1
    settings = {"dtype": _NUMBERS, "ensure_min_samples": 2, "y_numeric": True, "multi_output": is_wide}
    if _dimensions(X) > 2:
        X, y = check_X_y(X, y, allow_nd=True, estimator=estimator, **settings)
        _keep_image_facts(estimator, X)
    else:
        X, y = validate_data(estimator, X, y, **settings)
    estimator._is_of_images = X.ndim > 2
    return X, y.astype(np.float64)


def arrays_as_fitted(estimator: BaseEstimator, X) -> np.ndarray:
    """X as an array of the shape that the estimator was fitted with.

    Raises:
        ValueError: it has another, or values that cannot be used.
    """
    _refuse_sparse(X)
    if not estimator._is_of_images:
        if _dimensions(X) > 2:
            raise DataError(
                f"X: expected rows of {estimator.n_features_in_} features, as in fit, got shape {np.shape(X)}; "
                "reshape it to two dimensions"
            )
        return validate_data(estimator, X, dtype=_NUMBERS, reset=False)
    X = check_array(X, dtype=_NUMBERS, allow_nd=True, ensure_2d=False, estimator=estimator)
    height, width, channels = estimator.image_shape_
    if (*X.shape[1:], 1)[:3] != estimator.image_shape_ or X.ndim not in (3, 4):
        raise DataError(
            f"X: expected images of {height}x{width}x{channels}, as in fit, got an array of shape {X.shape}"
        )
    return X


def check_parameters(estimator: BaseEstimator) -> None:
    """Refuse what no section of the experiment looks at; the others are refused there.

    Raises:
        ConfigError: a parameter cannot be used.
    """
    workers: int | None = estimator.workers
    max_time: float | None = estimator.max_time
    settings = estimator.settings
    if not (workers is None or (isinstance(workers, Integral) and workers >= 0)):
        raise ConfigError(f"workers: expected a whole number from 0, or None, got {workers!r}")
    if not (max_time is None or (isinstance(max_time, Real) and max_time > 0)):
        raise ConfigError(f"max_time: expected seconds above 0, or None, got {max_time!r}")
    if not (settings is None or isinstance(settings, dict)):
        raise ConfigError(f"settings: expected a dict such as {{'training.batch_size': 32}}, got {settings!r}")


def _keep_image_facts(estimator: BaseEstimator, X: np.ndarray) -> None:
    estimator.n_features_in_ = int(np.prod(X.shape[1:]))
    if hasattr(estimator, "feature_names_in_"):
        del estimator.feature_names_in_


def _refuse_sparse(X, name: str = "X") -> None:
    if issparse(X):
        raise DataError(
            f"{name}: expected a dense array, got sparse data, a {type(X).__name__} of shape {X.shape}; use "
            f"{name}.toarray()"
        )


def _refuse_unusable_labels(y) -> None:
    """Refuse labels that are missing or cannot be sorted; what else is wrong with them scikit-learn says."""
    if y is None or getattr(getattr(y, "dtype", None), "kind", "O") in "biuf":
        return
    labels = np.ravel(np.asarray(y, dtype=object))  # before texts and None become an array of texts
    (missing,) = np.nonzero(pd.isna(labels))
    kinds = {"texts" if isinstance(label, str) else type(label).__name__ for label in np.delete(labels, missing)}
    if len(missing) and kinds != {"float"}:
        more = f", and {len(missing) - 1} more are" if len(missing) > 1 else ""
        raise DataError(
            f"y: expected a label for every row, but that of row {missing[0]} (from 0) is missing{more}; fill it in, "
            "or leave such rows out"
        )
    if "texts" in kinds and len(kinds) > 1:
        others = ", ".join(sorted(kinds - {"texts"}))
        raise DataError(f"y: expected texts or numbers, got texts and {others}; make all labels texts")


def _dimensions(X) -> int:
    """How many axes X has: an array, a DataFrame, nested lists, or whatever becomes an array."""
    return X.ndim if hasattr(X, "ndim") else np.asarray(X).ndim
