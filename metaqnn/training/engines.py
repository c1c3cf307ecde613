"""Which engine trains: the fastest that the Keras backend has, or `fit`."""

from metaqnn.data import SearchData, Statistics
from metaqnn.training.config import TrainingConfig
from metaqnn.training.recipe import Engine


def make_engine(data: SearchData, statistics: Statistics, mirror: bool, config: TrainingConfig) -> Engine:
    """Make the engine for the backend in use; a backend without one of its own is trained with `fit`.

    Args:
        data: training and validation images.
        statistics: of the training part, for preprocessing.
        mirror: whether training images are mirrored at random.
        config: the recipe's numbers; `engine: fit` asks for `fit` on any backend.
    """
    import keras

    if config.engine == "auto" and keras.backend.backend() == "tensorflow":
        from metaqnn.training.tensorflow_engine import TensorFlowEngine

        return TensorFlowEngine(data, statistics, mirror, config)
    from metaqnn.training.fit_engine import FitEngine

    return FitEngine(data, statistics, mirror, config)
