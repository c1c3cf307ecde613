"""Which engine trains: the fastest that the Keras backend has, or `fit`."""

from collections.abc import Mapping

from metaqnn.networks.data import SearchData, Statistics
from metaqnn.networks.training.backend import Backend
from metaqnn.networks.training.config import TrainingConfig
from metaqnn.networks.training.device import Device
from metaqnn.networks.training.recipe import Engine

_VERSIONS: Mapping[Backend, int] = {"tensorflow": 2, "torch": 1, "jax": 1}
"""Of what a backend trains; raised when it gives a network other results. 2: dropout masks decided by bytes, short
trainings without passes over their graph."""

_FIT = "fit"

_FEW_STEPS = 32
"""So many steps of a small network take about as long as tracing it, on a CPU."""


def engine_name(config: TrainingConfig, backend: Backend) -> str:
    """What trains by a recipe, as a run records it: `fit`, or the backend and the version of its fast engine."""
    version = _VERSIONS[backend]
    if config.engine == "fit":
        return _FIT if version == 1 else f"{_FIT} {version}"
    return f"{backend} {version}"


def unrecorded_engine(backend: str, name_now: str) -> str:
    """What trained in a run from before engines were recorded: then TensorFlow alone had a fast one.

    Args:
        backend: of that run.
        name_now: what trains by the same recipe now, from `engine_name`.
    """
    return _FIT if name_now.startswith(_FIT) or backend != "tensorflow" else "tensorflow 1"


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
        from metaqnn.networks.training.tensorflow_engine import SHORT_TRAINING, TensorFlowEngine

        steps = config.epochs * -(-len(data.x_train) // config.batch_size)
        is_traced = not (may_skip_tracing and steps <= _FEW_STEPS and not device.is_gpu)
        return TensorFlowEngine(*common, is_traced, 0 if device.is_gpu else SHORT_TRAINING)
    if config.engine == "auto" and backend == "torch":
        from metaqnn.networks.training.torch_engine import TorchEngine

        return TorchEngine(*common)
    if config.engine == "auto" and backend == "jax":
        from metaqnn.networks.training.jax_engine import JaxEngine

        return JaxEngine(*common)
    from metaqnn.networks.training.fit_engine import FitEngine

    return FitEngine(*common)
