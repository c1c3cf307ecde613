"""Which engine trains: the fastest that the Keras backend has, or `fit`."""

from metaqnn.networks.data import SearchData, Statistics
from metaqnn.networks.training.config import TrainingConfig
from metaqnn.networks.training.device import Device
from metaqnn.networks.training.recipe import Engine

_FEW_STEPS = 32
"""So many steps of a small network take about as long as tracing it, on a CPU."""


def make_engine(
    data: SearchData,
    statistics: Statistics,
    mirror: bool,
    config: TrainingConfig,
    device: Device,
    may_skip_tracing: bool = False,
) -> Engine:
    """Make the engine for the backend in use.

    Args:
        data, statistics, mirror: see `Engine`.
        config: the recipe's numbers; `engine: fit` asks for `fit` on any backend, `precision: float32` for just that.
        device: what it runs on.
        may_skip_tracing: whether a training of few steps may be left untraced where that is faster; the last digits
            of its results may then differ.
    """
    import keras

    backend = keras.backend.backend()
    use_bfloat16 = config.precision == "auto" and device.has_bfloat16
    common = (data, statistics, mirror, config, use_bfloat16)
    if config.engine == "auto" and backend == "tensorflow":
        from metaqnn.networks.training.tensorflow_engine import TensorFlowEngine

        steps = config.epochs * -(-len(data.x_train) // config.batch_size)
        is_traced = not (may_skip_tracing and steps <= _FEW_STEPS and not device.is_gpu)
        return TensorFlowEngine(*common, is_traced)
    if config.engine == "auto" and backend == "torch":
        from metaqnn.networks.training.torch_engine import TorchEngine

        return TorchEngine(*common)
    if config.engine == "auto" and backend == "jax":
        from metaqnn.networks.training.jax_engine import JaxEngine

        return JaxEngine(*common)
    from metaqnn.networks.training.fit_engine import FitEngine

    return FitEngine(*common)
