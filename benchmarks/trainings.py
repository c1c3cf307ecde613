"""How fast candidates are trained: this package's engines and workers, Keras's `fit`, and hand-written PyTorch.

Every style runs in processes of its own, after a training that is thrown away, and the styles take turns, a pass each,
so that a machine that slows down slows all of them. `python -m benchmarks.trainings STYLE WORKLOAD FOLDER
DEVICE THREADS PART PARTS` is such a process: for each line that it reads it trains its share once and prints what it
measured as JSON.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import click
import numpy as np

from metaqnn.core import Candidate
from metaqnn.networks.costs import describe
from metaqnn.networks.data import DatasetConfig, SearchData, fit_statistics, load_search_data
from metaqnn.networks.training.calibration import TRAINING_FACTOR
from metaqnn.networks.training.config import TrainingConfig
from metaqnn.seeding import Stream
from metaqnn.workers.environment import usable_cores, visible_gpus, worker_environment
from metaqnn.workflows import load_experiment
from metaqnn.workflows.components import build_space

CPU_WORKLOADS = ("digits", "net4", "net5")
CPU_STYLES = ("fit", "engine", "engine+workers", "pytorch", "pytorch x2")

GPU_WORKLOADS = ("net1", "net2", "net3", "net4", "net5")
GPU_STYLES = ("engine", "pytorch")

# PAPER: Table A2, the networks of 6.92 %, 8.78 %, 8.88 %, 9.24 % and 9.48 %.
NETWORKS = {
    "net1": "[C(512,5,1), C(256,3,1), C(256,5,1), C(256,3,1), P(5,3), C(512,3,1), C(512,5,1), P(2,2), SM(10)]",
    "net2": "[C(128,1,1), C(512,3,1), C(64,1,1), C(128,3,1), P(2,2), C(256,3,1), P(2,2), C(512,3,1), P(3,2), SM(10)]",
    "net3": "[C(128,3,1), C(128,1,1), C(512,5,1), P(2,2), C(128,3,1), P(2,2), C(64,3,1), C(64,5,1), SM(10)]",
    "net4": "[C(256,3,1), C(256,3,1), P(5,3), C(256,1,1), C(128,3,1), P(2,2), C(128,3,1), SM(10)]",
    "net5": "[C(64,3,1), C(128,3,1), P(5,3), C(256,3,1), P(3,2), FC(512), FC(128), SM(10)]",
}

WARM_UP = "[C(16,3,1), P(2,2), SM(10)]"
"""Trained and thrown away before anything is measured."""


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
    """One candidate: seconds of the whole, to the end of the first step, of an epoch; validation accuracy."""

    seconds: float
    seconds_to_first_step: float
    seconds_per_epoch: float
    accuracy: float


@dataclass(frozen=True)
class Pass:
    """One training of a workload: wall clock of the whole, and each candidate."""

    seconds: float
    measurements: tuple[Measurement, ...]


@dataclass(frozen=True)
class Machine:
    """What is measured on: its name, whether it is a GPU, and its rate of matrix products in FLOP/s."""

    name: str
    is_gpu: bool
    matmul_rate: float


def workload(name: str, folder: Path, is_gpu: bool) -> Workload:
    """A workload by name; synthetic images are made in `folder`. On a GPU there are more of them."""
    # No restarts: every style trains exactly the epochs named.
    steady = {"max_restarts": 0, "restart_accuracy": 0.0}
    if name == "digits":
        experiment = load_experiment("digits")
        space = build_space(experiment, {"input_shape": (8, 8, 1), "classes": 10})
        networks = []
        for number in range(20):
            stream = Stream(0, "benchmark", number)
            networks.append(space.walk(lambda _, c, stream=stream: stream.integer(len(c))).architecture)
        training = TrainingConfig(epochs=20, learning_rate=0.003, **steady)
        return Workload(name, experiment.dataset, training, tuple(networks), 3)
    images, held_out = (45_000, 5_000) if is_gpu else (2_048, 256)
    path = folder / "images.npz"
    if not path.exists():
        rng = np.random.Generator(np.random.Philox(0))
        labels = np.arange(images + held_out) % 10
        pixels = rng.integers(0, 200, (len(labels), 32, 32, 3)) + 5 * labels.reshape(-1, 1, 1, 1)
        np.savez(path, x_train=pixels.astype(np.uint8), y_train=labels)
    dataset = DatasetConfig(str(path), validation_size=held_out, preprocessing="standardize")
    return Workload(name, dataset, TrainingConfig(epochs=3, **steady), (NETWORKS[name],), 1 if is_gpu else 3)


class Style(ABC):
    """A way of training a workload, warmed up and waiting."""

    @abstractmethod
    def run(self) -> Pass:
        """Train the workload once."""

    @abstractmethod
    def close(self) -> float:
        """End its processes; the peak memory of all of them together in MiB."""


def start(style: str, work: Workload, folder: Path, is_gpu: bool) -> Style:
    """Start a style's processes and warm them up."""
    return Workers(work) if style == "engine+workers" else Programs(style, work, folder, is_gpu)


class Programs(Style):
    """One or two processes that are programs of their own."""

    def __init__(self, style: str, work: Workload, folder: Path, is_gpu: bool):
        count = 2 if style.endswith("x2") else 1
        threads = usable_cores() // count
        what = [style.split()[0], work.name, str(folder), "gpu" if is_gpu else "cpu", str(threads)]
        command = [sys.executable, "-m", "benchmarks.trainings", *what]
        self._complaints = tempfile.TemporaryFile("w+")  # noqa: SIM115 - as long as the processes; frameworks chatter
        self._processes = [
            subprocess.Popen(
                [*command, str(part), str(count)],
                env=worker_environment(os.environ, threads=threads),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._complaints,
                text=True,
            )
            for part in range(count)
        ]
        self._memory = [0.0] * count
        for process in self._processes:
            self._answer(process)

    def run(self) -> Pass:
        """Have each train its share."""
        began = time.perf_counter()
        for process in self._processes:
            process.stdin.write("go\n")
            process.stdin.flush()
        measurements = []
        for index, process in enumerate(self._processes):
            answer = self._answer(process)
            self._memory[index] = answer["memory_mib"]
            measurements += [Measurement(**row) for row in answer["measurements"]]
        return Pass(time.perf_counter() - began, tuple(measurements))

    def close(self) -> float:
        """End them by the end of their input."""
        for process in self._processes:
            process.communicate()
        return sum(self._memory)

    def _answer(self, process: subprocess.Popen) -> dict:
        for line in process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        code = process.wait()
        self._complaints.seek(0)
        raise RuntimeError(f"{' '.join(process.args)} ended with code {code}: {self._complaints.read()[-2000:]}")


class Workers(Style):
    """As in a search: one worker a core, one thread each."""

    def __init__(self, work: Workload):
        from metaqnn.core import Setting
        from metaqnn.networks.evaluator import NetworkEvaluator
        from metaqnn.workers.evaluating import make_executor

        self._count = usable_cores()
        evaluator = NetworkEvaluator(work.training, Setting(0, None, work.dataset))
        self._executor = make_executor(evaluator, self._count)
        # One network cannot be shared out, so each worker gets one.
        self._architectures = work.architectures * (self._count if len(work.architectures) == 1 else 1)
        self._memory = 0.0
        self._train([WARM_UP] * self._count)

    def run(self) -> Pass:
        """Have the workers train all networks."""
        return self._train(self._architectures)

    def close(self) -> float:
        """End the workers."""
        self._executor.stop()
        return self._memory

    def _train(self, architectures: Sequence[str]) -> Pass:
        from metaqnn.core import CandidateFinished, CandidateStarted

        began, started, measurements = time.perf_counter(), {}, []
        for index, architecture in enumerate(architectures):
            self._executor.submit(Candidate(index, architecture, 0))
        while len(measurements) < len(architectures):
            for event in self._executor.results(0.05):
                if isinstance(event, CandidateStarted):
                    started[event.number] = time.perf_counter()
                elif isinstance(event, CandidateFinished):
                    seconds = time.perf_counter() - started[event.number]
                    epochs = [point.seconds for point in event.evaluation.curve]
                    measurements.append(_measurement(seconds, epochs, event.evaluation.score))
                    held = sum(_peak_memory(pid) for pid in self._executor.pool.pids)
                    self._memory = max(self._memory, held)
        return Pass(time.perf_counter() - began, tuple(measurements))


def summary(work: Workload, style: str, passes: Sequence[Pass], memory: float, machine: Machine) -> dict:
    """One row of bench.csv."""
    data = load_search_data(work.dataset, 0)
    images = work.training.epochs * (TRAINING_FACTOR * len(data.x_train) + len(data.x_validation))
    rates, shares = [], []
    for one in passes:
        rates.append(60 * len(one.measurements) / one.seconds)
        repeats = len(one.measurements) // len(work.architectures)
        flops = repeats * sum(images * describe(a, data.input_shape).flops for a in work.architectures)
        shares.append(flops / one.seconds / machine.matmul_rate)
    if machine.is_gpu:  # one candidate: the share while it trains, without the seconds before its first step
        flops = (TRAINING_FACTOR * len(data.x_train) + len(data.x_validation)) * sum(
            describe(a, data.input_shape).flops for a in work.architectures
        )
        shares = [flops / m.seconds_per_epoch / machine.matmul_rate for one in passes for m in one.measurements]
    every = [measurement for one in passes for measurement in one.measurements]
    return {
        "workload": work.name,
        "style": style,
        "candidates_per_minute": round(statistics.median(rates), 3),
        "low": round(min(rates), 3),
        "high": round(max(rates), 3),
        "n": len(every),
        "seconds_to_first_step": round(statistics.median(m.seconds_to_first_step for m in every), 3),
        "seconds_per_epoch": round(statistics.median(m.seconds_per_epoch for m in every), 4),
        "memory_mib": round(memory),
        "matmul_share": round(statistics.median(shares), 4),
        "device": machine.name,
    }


def mean_accuracy(passes: Sequence[Pass]) -> float:
    """Best validation accuracy, the mean over the candidates."""
    return statistics.fmean(m.accuracy for one in passes for m in one.measurements)


def find_machine() -> Machine:
    """What the styles run on, and its rate of matrix products; asked in a process that then ends."""
    command = [sys.executable, "-m", "benchmarks.machine", str(usable_cores())]
    environment = worker_environment(os.environ, threads=usable_cores())
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise click.ClickException(f"expected a device to train on, but {answer.stderr.strip().splitlines()[-1]}")
    machine = Machine(**json.loads(answer.stdout.splitlines()[-1]))
    if visible_gpus() and not machine.is_gpu:
        raise click.ClickException(
            'a GPU is there, but the Keras backend does not see it: pip install "tensorflow[and-cuda]", '
            "or set CUDA_VISIBLE_DEVICES= to measure the CPU"
        )
    return machine


def _measurement(seconds: float, epochs: list[float], accuracy: float) -> Measurement:
    """To the first step it takes what is outside of all epochs, and what the first takes beyond the fastest other."""
    to_first_step = seconds - sum(epochs) + max(0.0, epochs[0] - min(epochs[1:]))
    return Measurement(seconds, to_first_step, statistics.median(epochs[1:]), accuracy)


def _peak_memory(pid: int) -> float:
    """Peak resident memory of a process in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


def _serve(style: str, name: str, folder: str, device: str, threads: str, part: str, parts: str) -> None:
    """Train a share of a workload in this process, once a line of input, and print its measurements."""
    work = workload(name, Path(folder), device == "gpu")
    data = load_search_data(work.dataset, 0)
    make = _torch_trainer if style == "pytorch" else _keras_trainer
    train = make(style, work, data, int(threads), device == "gpu")
    mine = work.architectures[int(part) :: int(parts)] or work.architectures
    train(WARM_UP)
    print("{}", flush=True)
    for _ in sys.stdin:
        measurements = []
        for architecture in mine:
            began = time.perf_counter()
            epochs, accuracy = train(architecture)
            measurements.append(asdict(_measurement(time.perf_counter() - began, epochs, accuracy)))
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"measurements": measurements, "memory_mib": memory}), flush=True)


def _keras_trainer(style: str, work: Workload, data: SearchData, threads: int, is_gpu: bool) -> Callable:
    from metaqnn.networks.evaluator import accuracy
    from metaqnn.networks.training.device import prepare_device
    from metaqnn.networks.training.engines import make_engine
    from metaqnn.networks.training.recipe import train

    device = prepare_device(threads)
    config = work.training if style == "engine" else replace(work.training, engine="fit")
    preprocessing = fit_statistics(work.dataset.preprocessing, data.x_train)
    engine = make_engine(data, preprocessing, False, config, device)

    def train_one(architecture: str) -> tuple[list[float], float]:
        evaluation = train(Candidate(1, architecture, 0), engine, config, accuracy(data.classes))
        return [point.seconds for point in evaluation.curve], evaluation.score

    return train_one


def _torch_trainer(style: str, work: Workload, data: SearchData, threads: int, is_gpu: bool) -> Callable:
    """PyTorch as one writes it by hand: data on the device, channels last, nothing but what the recipe asks for."""
    from benchmarks.torch_training import TorchTrainer

    preprocessing = fit_statistics(work.dataset.preprocessing, data.x_train)
    return TorchTrainer(work.training, data, preprocessing, threads, is_gpu).train


if __name__ == "__main__":
    _serve(*sys.argv[1:])
