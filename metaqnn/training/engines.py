"""Which engine trains: the fastest that the Keras backend has, or `fit`."""

from metaqnn.data import SearchData, Statistics
from metaqnn.training.config import TrainingConfig
from metaqnn.training.device import Device
from metaqnn.training.recipe import Engine


def make_engine(
    data: SearchData, statistics: Statistics, mirror: bool, config: TrainingConfig, device: Device
) -> Engine:
    """Make the engine for the backend in use; a backend without one of its own is trained with `fit`.

    Args:
        data, statistics, mirror: see `Engine`.
        config: the recipe's numbers; `engine: fit` asks for `fit` on any backend, `precision: float32` for just that.
        device: what it runs on.
    """
    import keras

    is_half = config.precision == "auto" and device.has_bfloat16
    if config.engine == "auto" and keras.backend.backend() == "tensorflow":
        from metaqnn.training.tensorflow_engine import TensorFlowEngine

        return TensorFlowEngine(data, statistics, mirror, config, is_half)
    from metaqnn.training.fit_engine import FitEngine

    return FitEngine(data, statistics, mirror, config, is_half)
