"""What a user's machine may have set that would change what frameworks compute, and every kind of training there is."""

import json
import sys
from pathlib import Path

KERAS_JSON = {
    "floatx": "float16",
    "epsilon": 0.1,
    "backend": "torch",
    "image_data_format": "channels_first",
    "nnx_enabled": True,
}

VARIABLES = {
    "KERAS_BACKEND": "torch",
    "KERAS_MAX_EPOCHS": "1",
    "KERAS_MAX_STEPS_PER_EPOCH": "1",
    "KERAS_NNX_ENABLED": "true",
    "KERAS_TORCH_DEVICE": "meta",
    "TF_DETERMINISTIC_OPS": "0",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "TF_NUM_INTRAOP_THREADS": "7",
    "TF_NUM_INTEROP_THREADS": "3",
    "TF_XLA_FLAGS": "--tf_xla_auto_jit=2 --tf_xla_cpu_global_jit",
    "TF2_BEHAVIOR": "0",
    "XLA_FLAGS": "--xla_cpu_enable_fast_math=true --xla_backend_optimization_level=0",
    "JAX_ENABLE_X64": "1",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "ONEDNN_DEFAULT_FPMATH_MODE": "ANY",
    "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4",
    "OPENBLAS_CORETYPE": "Prescott",
    "OPENBLAS_NUM_THREADS": "3",
    "MKL_NUM_THREADS": "3",
    "OMP_NUM_THREADS": "5",
    "OMP_DYNAMIC": "true",
    "LC_ALL": "C",
    "PYTHONCOERCECLOCALE": "0",
    "PYTHONUTF8": "0",
    "PYTHONHASHSEED": "77",
    "TZ": "Asia/Kathmandu",
}

EXPERIMENT = """
name: hostile
seed: 3
dataset: {name: digits, validation_size: 100, train_limit: 200, preprocessing: standardize}
space:
  max_depth: 3
  convolution: {filters: [4, 8], receptive_fields: [1, 3]}
  pooling: [[2, 2]]
  fully_connected: {neurons: [16, 8], max_in_row: 1}
training: {backend: tensorflow, epochs: 2, batch_size: 32, max_restarts: 0, restart_accuracy: 0, weight_decay: 0.001}
search: {lookahead: 2}
"""


def write_keras_json(home: Path) -> Path:
    """The file in a home folder; returns the folder of Keras."""
    folder = home / ".keras"
    folder.mkdir(parents=True)
    (folder / "keras.json").write_text(json.dumps(KERAS_JSON), encoding="utf-8")
    return folder


def search(folder: Path, engine: str) -> None:
    """Two networks."""
    from metaqnn.workflows import SearchOptions, load_experiment, run_search

    file = folder / "hostile.yaml"
    file.write_text(EXPERIMENT, encoding="utf-8")
    experiment = load_experiment(file, [f"training.engine={engine}"])
    run_search(experiment, folder / f"{engine}.sqlite", SearchOptions(models=2, workers=1, estimate=False))


def retrain(folder: Path) -> None:
    """The best of them again, and a look at the test split."""
    from metaqnn.networks.retraining.testing import TestTerms, evaluate
    from metaqnn.replay.retrainings import RetrainingMemory
    from metaqnn.workflows.retrain import train_best
    from metaqnn.workflows.retraining_plan import TrainOptions

    report = train_best(folder / "fit.sqlite", TrainOptions(top=1, overrides=("final.epochs=2",), workers=1))
    with RetrainingMemory(folder / "fit.sqlite") as memory:
        evaluate(memory, report.retrainings, TestTerms("evaluate"))


def fit(folder: Path, final: dict | None, name: str, workers: int) -> None:
    """A classifier, and what it says."""
    import numpy as np
    from sklearn.datasets import load_digits

    from metaqnn import MetaQNNClassifier

    x, y = load_digits(return_X_y=True)
    settings = {"training.backend": "tensorflow", "training.engine": "fit", "training.restart_accuracy": 0.0}
    common = {"models": 1, "epochs": 2, "random_state": 0, "max_depth": 2, "filters": (4,), "verbose": 0}
    model = MetaQNNClassifier(
        **common, final=final, settings=settings, workers=workers, path=folder / f"{name}.sqlite"
    ).fit(x[:300], y[:300])
    np.save(folder / f"{name}.npy", model.predict_proba(x[300:400]))


def main() -> None:
    """Do what is named in the arguments, in the folder that the first is."""
    folder = Path(sys.argv[1])
    every = {
        "auto": lambda: search(folder, "auto"),
        "fit": lambda: search(folder, "fit"),
        "retrain": lambda: retrain(folder),
        "classifier": lambda: fit(folder, {"name": "one_cycle", "epochs": 2}, "classifier", 1),
        "in_process": lambda: fit(folder, None, "in_process", 0),
    }
    for name in sys.argv[2:]:
        every[name]()


if __name__ == "__main__":
    main()
