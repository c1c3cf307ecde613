"""What the scikit-learn estimators share: parameters, the search, and the trained network. It imports scikit-learn."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from metaqnn.estimators import search
from metaqnn.estimators.checks import arrays_as_fitted, as_arrays, check_parameters
from metaqnn.estimators.images import PixelScale, image_shape
from metaqnn.estimators.network import quiet_import
from metaqnn.estimators.settings import DataFacts, experiment_content
from metaqnn.estimators.training import train_winner
from metaqnn.estimators.units import outliers
from metaqnn.networks.data.target_facts import kind_of_targets
from metaqnn.replay.leaderboard import RankedModel, read_ranking
from metaqnn.replay.reader import ReplayReader
from metaqnn.seeding import entropy
from metaqnn.workflows import read_experiment

if TYPE_CHECKING:
    import pandas as pd

_COSTS = ("layers", "parameters", "flops")

_CONSTANT = {
    "classes": "to name the most frequent class",
    "labels": "to say the same of every image",
    "numbers": "to predict the mean",
}
"""What networks that learned nothing do."""


@dataclass(eq=False, repr=False)
class ImageEstimator(BaseEstimator):
    """A convolutional network that is searched for, trained and used; of what, its subclasses say.

    The arguments and most attributes are described where they are used most: `MetaQNNClassifier`.
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

    def _fit(self, X: np.ndarray, targets: np.ndarray, names: Sequence[str] | None = None) -> None:
        """Search for a network and train it.

        Args:
            X: checked, of shape (N, features), (N, height, width) or (N, height, width, channels).
            targets: classes, labels or numbers, as a split has them.
            names: of labels or numbers; None numbers them.
        """
        check_parameters(self)
        shape = image_shape(X.shape, self.input_shape)
        self.image_shape_ = shape
        is_each_feature = X.ndim == 2 and min(shape[:2]) == 1
        if told := outliers(X, is_each_feature):
            warnings.warn(told, stacklevel=3)
        scale = PixelScale.fitted(X, is_each_feature)
        self.pixel_low_, self.pixel_high_, self._unit = scale.low, scale.high, scale.unit
        images = scale.apply(X).reshape(-1, *shape)
        self._folder = search.TemporaryFolder() if self.path is None else None
        database = Path(str(self.path)) if self._folder is None else self._folder.path / "search.sqlite"
        self._search(database.absolute(), images, targets, names)

    def _predictions(self, X) -> np.ndarray:
        """What the network gives: float64 of shape (N, outputs)."""
        check_is_fitted(self, "network_")
        X = arrays_as_fitted(self, as_arrays(X)[0])
        scale = PixelScale(np.asarray(self.pixel_low_), np.asarray(self.pixel_high_), getattr(self, "_unit", None))
        pixels = scale.apply(scale.converted(X))
        return self.network_.predictions(pixels.reshape(-1, *self.image_shape_))

    def leaderboard(self) -> "pd.DataFrame":
        """The networks of the search that were trained to the end, the best first.

        Returns:
            model, architecture, the score by its name, such as accuracy (on the images held out), epoch (the best),
            layers, parameters, flops (of an image's forward pass), train_seconds.
        """
        import pandas as pd

        check_is_fitted(self, "network_")
        return pd.DataFrame(
            self._leaderboard, columns=["model", "architecture", self._score, "epoch", *_COSTS, "train_seconds"]
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    def __getstate__(self):
        state = dict(super().__getstate__())
        if "_folder" in state:
            state["_folder"] = None  # a copy does not own the database
        return state

    def _search(
        self, database: Path, images: np.ndarray, targets: np.ndarray, names: Sequence[str] | None = None
    ) -> None:
        """Search, train the winner, and keep what `predict` needs."""
        stored, where = search.stored_config(database), type(self).__name__
        facts = DataFacts.of(images, targets)
        images_file = search.data_file(database)
        content = experiment_content(self.get_params(deep=False), facts, str(images_file), self._seed(stored))
        experiment = read_experiment(
            content, where, lambda line: warnings.warn(line, FutureWarning, stacklevel=6)
        ).begun(stored, database)
        if stored:
            search.refuse_another(database, stored, experiment, images, targets)
        if not (stored and images_file.is_file()):
            search.write_data(database, images, targets, names)
        is_in_process, verbose = self.workers == 0, bool(self.verbose)
        with quiet_import():
            search.run(experiment, database, self.workers, self.max_time, verbose)
            winner = search.find_winner(database)
            if not winner.has_learned:
                warnings.warn(
                    f"none of the networks learned more than {_CONSTANT[kind_of_targets(targets)]}; "
                    f"{winner.architecture} is used; more epochs, another training.learning_rate or other data may "
                    "help",
                    stacklevel=4,
                )
            network = train_winner(database, experiment, winner, self.final is not None, is_in_process, verbose)
        with ReplayReader(database) as reader:
            self._leaderboard = [_row(ranked) for ranked in read_ranking(reader)]
            self._score = reader.score().name
        self.network_ = network
        self.database_ = str(database)
        self.best_architecture_ = winner.architecture
        self.best_score_ = winner.score

    def _seed(self, stored: Mapping[str, Any]) -> int:
        """The seed of the search."""
        if self.random_state is None:
            return stored.get("seed", entropy())
        if isinstance(self.random_state, Integral):
            check_random_state(self.random_state)  # refuses what scikit-learn refuses
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))


def _row(ranked: RankedModel) -> tuple:
    costs = (ranked.costs[name] for name in _COSTS)
    return ranked.model, ranked.architecture, ranked.score, ranked.epoch, *costs, ranked.seconds
