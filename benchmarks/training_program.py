"""`python -m benchmarks.training_program STYLE WORKLOAD FOLDER DEVICE THREADS PART PARTS`: trains what it is told.

For each line of input, JSON with `networks` and `images` (how many of them; null is all), it trains the networks one
after another and prints what it measured as a line of JSON, or `error` where one cannot be trained.
"""

import importlib
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from benchmarks.measurements import Measurement, measurement
from benchmarks.workloads import part, workload
from metaqnn.core import Candidate, Status
from metaqnn.networks.data import SearchData, Statistics, fit_statistics, load_search_data
from metaqnn.networks.training.backend import default_backend
from metaqnn.networks.training.config import TrainingConfig
from metaqnn.networks.training.device import prepare_device

_LOOPS = {
    "keras_tuner": ("benchmarks.keras_tuner_loop", "KerasTunerLoop"),
    "autokeras": ("benchmarks.autokeras_loop", "AutoKerasLoop"),
}

TrainAll = Callable[[Sequence[str]], list[Measurement]]
"""Trains networks in order."""


def main(style: str, name: str, folder: str, device: str, threads: str, number: str, count: str) -> None:
    """Serve until the input ends."""
    if style == "pytorch tuned" and int(count) > 1:  # each on a core of its own
        os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[int(number)]})
    work = workload(name, Path(folder))
    data = load_search_data(work.dataset, 0)
    statistics = fit_statistics(work.dataset.preprocessing, data.x_train)
    prepared: tuple[int | None, TrainAll] | None = None
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            if prepared is None or prepared[0] != asked["images"]:
                used = part(data, asked["images"]) if asked["images"] else data
                train_all = _train_all(style, work.training, used, statistics, int(threads), device == "gpu")
                prepared = asked["images"], train_all
            measured = prepared[1](asked["networks"])
        except Exception as error:  # whatever a framework says of a network that it cannot train
            print(json.dumps({"error": f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"}), flush=True)
            continue
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"measurements": [asdict(each) for each in measured], "memory_mib": memory}), flush=True)


def _train_all(
    style: str, config: TrainingConfig, data: SearchData, statistics: Statistics, threads: int, is_gpu: bool
) -> TrainAll:
    if style in ("keras_tuner", "autokeras"):
        import keras

        prepare_device(default_backend(), threads)
        keras.utils.set_random_seed(0)  # for the order of the images
        loop = importlib.import_module(_LOOPS[style][0])
        return getattr(loop, _LOOPS[style][1])(config, data, statistics).train_all
    if style.startswith("pytorch"):
        from benchmarks.torch_training import TorchTrainer, TunedTorchTrainer

        make = TunedTorchTrainer if style == "pytorch tuned" else TorchTrainer
        return _one_by_one(make(config, data, statistics, threads, is_gpu).train)
    return _one_by_one(_keras_trainer(style, config, data, statistics, threads))


def _one_by_one(train: Callable[[str], tuple[list[float], float]]) -> TrainAll:
    def train_all(networks: Sequence[str]) -> list[Measurement]:
        measured = []
        for network in networks:
            began = time.perf_counter()
            epochs, accuracy = train(network)
            measured.append(measurement(time.perf_counter() - began, epochs, accuracy))
        return measured

    return train_all


def _keras_trainer(style: str, config: TrainingConfig, data: SearchData, statistics: Statistics, threads: int):
    from metaqnn.networks.targets.classes import accuracy
    from metaqnn.networks.training.engines import make_engine
    from metaqnn.networks.training.recipe import train

    device = prepare_device(default_backend(), threads)
    config = config if style == "engine" else replace(config, engine="fit")
    engine = make_engine(data, statistics, False, config, device)

    def train_one(architecture: str) -> tuple[list[float], float]:
        evaluation = train(Candidate(1, architecture, 0), engine, config, accuracy(data.classes))
        if evaluation.status is not Status.OK:
            raise RuntimeError(f"{evaluation.status}: {evaluation.reason}")
        return [point.seconds for point in evaluation.curve], evaluation.score

    return train_one


if __name__ == "__main__":
    main(*sys.argv[1:])
