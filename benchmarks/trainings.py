"""How fast candidates are trained: this package's engines and workers, Keras's `fit`, and hand-written PyTorch.

Every style runs in processes of its own, after a training that is thrown away. `python -m benchmarks.trainings STYLE
WORKLOAD` is such a process: it prints one JSON object a candidate.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from metaqnn.data import DatasetConfig, SearchData, fit_statistics, load_search_data
from metaqnn.experiment import load_experiment
from metaqnn.experiment.parts import put_together
from metaqnn.seeding import Stream
from metaqnn.space.cost import describe
from metaqnn.strategies.schedule import Schedule
from metaqnn.training.calibration import TRAINING_FACTOR
from metaqnn.training.config import TrainingConfig
from metaqnn.training.device import processor_name, usable_cores, worker_environment
from metaqnn.trial import Candidate

STYLES = ("fit", "engine", "engine+workers", "pytorch", "pytorch x2")

# PAPER: Table A2, the networks of 9.24 % and 9.48 %.
NET4 = "[C(256,3,1), C(256,3,1), P(5,3), C(256,1,1), C(128,3,1), P(2,2), C(128,3,1), SM(10)]"
NET5 = "[C(64,3,1), C(128,3,1), P(5,3), C(256,3,1), P(3,2), FC(512), FC(128), SM(10)]"


@dataclass(frozen=True)
class Workload:
    """Networks to train, on what, and how long.

    Attributes:
        passes: how often the networks are trained; the spread is over the passes.
    """

    name: str
    dataset: DatasetConfig
    training: TrainingConfig
    architectures: tuple[str, ...]
    passes: int


@dataclass(frozen=True)
class Measurement:
    """One candidate: seconds of the whole, to the end of the first step, of an epoch; memory; validation accuracy."""

    seconds: float
    seconds_to_first_step: float
    seconds_per_epoch: float
    memory_mib: float
    accuracy: float


def workload(name: str, folder: Path) -> Workload:
    """A workload by name; synthetic images are made in `folder`."""
    # No restarts: every style trains exactly the epochs named.
    steady = {"max_restarts": 0, "restart_accuracy": 0.0}
    if name == "digits":
        experiment = load_experiment("digits")
        space = put_together(experiment, (8, 8, 1), 10, Schedule(((1.0, 1),), 1)).space
        networks = []
        for number in range(20):
            stream = Stream(0, "benchmark", number)
            networks.append(space.walk(lambda _, c, stream=stream: stream.integer(len(c))).architecture)
        training = TrainingConfig(epochs=20, learning_rate=0.003, **steady)
        return Workload(name, experiment.dataset, training, tuple(networks), 3)
    path = folder / "images.npz"
    if not path.exists():
        rng = np.random.Generator(np.random.Philox(0))
        labels = np.arange(2048 + 256) % 10
        images = rng.integers(0, 200, (len(labels), 32, 32, 3)) + 5 * labels.reshape(-1, 1, 1, 1)
        np.savez(path, x_train=images.astype(np.uint8), y_train=labels)
    dataset = DatasetConfig(str(path), validation_size=256, preprocessing="standardize")
    network = {"net4": NET4, "net5": NET5}[name]
    return Workload(name, dataset, TrainingConfig(epochs=3, **steady), (network,), 3)


def matmul_flops_per_second(threads: int) -> float:
    """The machine's rate of single-precision matrix products, the best of ten."""
    code = (
        "import numpy as np, time; a = np.ones((2048, 2048), np.float32); a @ a; best = 1e9\n"
        "for _ in range(10):\n    t = time.perf_counter(); a @ a; best = min(best, time.perf_counter() - t)\n"
        "print(2 * 2048**3 / best)"
    )
    environment = os.environ | {"OPENBLAS_NUM_THREADS": str(threads), "OMP_NUM_THREADS": str(threads)}
    return float(subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True).stdout)


def device_name() -> str:
    """The processor that the styles run on."""
    return processor_name(usable_cores())


def run_style(style: str, work: Workload, folder: Path) -> list[tuple[float, list[Measurement]]]:
    """Train a workload in one style: for each pass the seconds of the whole, and its candidates."""
    if style == "engine+workers":
        return _run_workers(work)
    processes = 2 if style.endswith("x2") else 1
    threads = usable_cores() // processes
    command = [sys.executable, "-m", "benchmarks.trainings", style.split()[0], work.name, str(folder), str(threads)]
    commands = [[*command, str(part), str(processes)] for part in range(processes)]

    def run(command: list[str]) -> list[dict]:
        environment = worker_environment(os.environ, threads=threads)
        result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if result.returncode:
            raise RuntimeError(f"{' '.join(command)}: {result.stderr[-2000:]}")
        return [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]

    with ThreadPoolExecutor(processes) as pool:
        parts = list(pool.map(run, commands))
    passes = []
    for number in range(work.passes):
        rows = [row for part in parts for row in part if row["pass"] == number]
        whole = max(sum(row["seconds"] for row in part if row["pass"] == number) for part in parts)
        passes.append((whole, [Measurement(**{k: v for k, v in row.items() if k != "pass"}) for row in rows]))
    return passes


def summary(work: Workload, style: str, passes: list, rate: float, device: str) -> dict:
    """One row of bench.csv."""
    data = load_search_data(work.dataset, 0)
    images = work.training.epochs * (TRAINING_FACTOR * len(data.x_train) + len(data.x_validation))
    rates, shares = [], []
    for seconds, measurements in passes:
        rates.append(60 * len(measurements) / seconds)
        repeats = len(measurements) // len(work.architectures)
        flops = repeats * sum(images * describe(a, data.input_shape).flops for a in work.architectures)
        shares.append(flops / seconds / rate)
    every = [measurement for _, measurements in passes for measurement in measurements]

    def middle(name: str) -> float:
        return statistics.median(getattr(measurement, name) for measurement in every)

    return {
        "workload": work.name,
        "style": style,
        "candidates_per_minute": round(statistics.median(rates), 3),
        "low": round(min(rates), 3),
        "high": round(max(rates), 3),
        "n": len(every),
        "seconds_to_first_step": round(middle("seconds_to_first_step"), 3),
        "seconds_per_epoch": round(middle("seconds_per_epoch"), 4),
        "memory_mib": round(max(measurement.memory_mib for measurement in every)),
        "matmul_share": round(statistics.median(shares), 4),
        "device": device,
        "accuracy": round(statistics.fmean(measurement.accuracy for measurement in every), 5),
    }


def _run_workers(work: Workload) -> list[tuple[float, list[Measurement]]]:
    """As in a search: one worker a core, one thread each."""
    from metaqnn.core import CandidateFinished, CandidateStarted
    from metaqnn.evaluators.keras_evaluator import KerasEvaluator

    workers = usable_cores()
    data = load_search_data(work.dataset, 0)
    evaluator = KerasEvaluator(work.dataset, work.training, 0, data.fingerprint, workers)
    # One network cannot be shared out, so each worker gets one.
    architectures = work.architectures * (workers if len(work.architectures) == 1 else 1)
    passes: list[tuple[float, list[Measurement]]] = []
    try:
        for number in range(-1, work.passes):
            began, started, measurements = time.perf_counter(), {}, []
            for index, architecture in enumerate(architectures if number >= 0 else work.architectures[:1] * workers):
                evaluator.submit(Candidate(index, architecture, 0))
                expected = index + 1
            while len(measurements) < expected:
                for event in evaluator.results(0.05):
                    if isinstance(event, CandidateStarted):
                        started[event.number] = time.perf_counter()
                    elif isinstance(event, CandidateFinished):
                        seconds = time.perf_counter() - started[event.number]
                        epochs = [metrics.epoch_seconds for metrics in event.evaluation.attempts[-1].epochs]
                        steady = statistics.median(epochs[1:])
                        memory = sum(_peak_memory(worker.pid) for worker in evaluator._workers)
                        accuracy = event.evaluation.accuracy
                        first = seconds - steady * len(epochs)
                        measurements.append(Measurement(seconds, first, steady, memory, accuracy))
            if number >= 0:
                passes.append((time.perf_counter() - began, measurements))
    finally:
        evaluator.stop()
    return passes


def _peak_memory(pid: int) -> float:
    """Peak resident memory of a process in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


def _serve(style: str, name: str, folder: str, threads: str, part: str, parts: str) -> None:
    """Train a share of a workload in this process and print its measurements."""
    work = workload(name, Path(folder))
    data = load_search_data(work.dataset, 0)
    make = _torch_trainer if style == "pytorch" else _keras_trainer
    train = make(style, work, data, int(threads))
    mine = work.architectures[int(part) :: int(parts)] or work.architectures
    train(mine[0])
    for number in range(work.passes):
        for architecture in mine:
            began = time.perf_counter()
            epochs, accuracy = train(architecture)
            seconds = time.perf_counter() - began
            steady = statistics.median(epochs[1:])
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            row = Measurement(seconds, seconds - steady * len(epochs), steady, memory, accuracy)
            print(json.dumps(asdict(row) | {"pass": number}), flush=True)


def _keras_trainer(style: str, work: Workload, data: SearchData, threads: int):
    from metaqnn.training.device import prepare_device
    from metaqnn.training.fit_engine import FitEngine
    from metaqnn.training.recipe import train
    from metaqnn.training.tensorflow_engine import TensorFlowEngine

    prepare_device(threads)
    statistics_ = fit_statistics(work.dataset.preprocessing, data.x_train)
    engine = {"fit": FitEngine, "engine": TensorFlowEngine}[style](data, statistics_, False, work.training)

    def train_one(architecture: str) -> tuple[list[float], float]:
        evaluation = train(Candidate(1, architecture, 0), engine, work.training, data.classes)
        return [m.epoch_seconds for m in evaluation.attempts[-1].epochs], evaluation.accuracy

    return train_one


def _torch_trainer(style: str, work: Workload, data: SearchData, threads: int):
    """PyTorch as one writes it by hand: data on the device, channels last, nothing but what the recipe asks for."""
    from benchmarks.torch_training import TorchTrainer

    return TorchTrainer(work.training, data, fit_statistics(work.dataset.preprocessing, data.x_train), threads).train


if __name__ == "__main__":
    _serve(*sys.argv[1:])
