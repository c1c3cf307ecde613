"""How fast candidates are trained: this package's engines and workers, Keras's `fit`, tuners, and hand-written PyTorch.

Every style runs in processes of its own, after a training that is thrown away, and the styles take turns, a pass each,
so that a machine that slows down slows all of them.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import click

from benchmarks.measurements import Machine, Measurement, Pass, measurement
from benchmarks.workloads import WARM_UP, Workload
from metaqnn.core import Candidate
from metaqnn.networks.costs import describe
from metaqnn.networks.data import load_search_data
from metaqnn.networks.training.backend import default_backend
from metaqnn.networks.training.calibration import TRAINING_FACTOR
from metaqnn.workers.environment import usable_cores, visible_gpus, worker_environment

TUNERS = ("keras_tuner", "autokeras")

STYLES = ("fit", "engine", "engine+workers", "pytorch", "pytorch x2", "pytorch tuned x2", *TUNERS)

_PACKAGES = {"pytorch": "torch", "keras_tuner": "keras_tuner", "autokeras": "autokeras"}
"""What a style needs beside this package, by its first word."""

_ONE_HEAP = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(1 << 40), "MALLOC_TOP_PAD_": str(1 << 26)}
"""Has glibc keep memory: otherwise each large tensor is new pages, which cost more than some of PyTorch's kernels."""


class TrainingFailedError(RuntimeError):
    """A network could not be trained, or not in time."""


def is_installed(style: str) -> bool:
    """Whether the package that a style needs is there; says so where it is not."""
    package = _PACKAGES.get(style.split()[0])
    if package is None or find_spec(package) is not None:
        return True
    print(f"{style} is left out, as there is no package {package} here; to compare with it: pip install -e '.[bench]'")
    return False


class Style(ABC):
    """A way of training a workload, warmed up and waiting."""

    @abstractmethod
    def run(self) -> Pass:
        """Train the workload once."""

    @abstractmethod
    def close(self) -> float:
        """End its processes; the peak memory of all of them together in MiB."""


def start(style: str, work: Workload, folder: Path) -> Style:
    """Start a style's processes on the CPU and warm them up."""
    return Workers(work) if style == "engine+workers" else Programs(style, work, folder)


class Programs(Style):
    """One or two processes that are programs of their own.

    Args:
        style: one of `STYLES`, or another one's name without x2.
        work: what is trained.
        folder: has its images.
        is_gpu: what they train on.
        threads: of each on a CPU; None shares out the cores.
        images: the warm-up has so many; None is all.
    """

    def __init__(
        self,
        style: str,
        work: Workload,
        folder: Path,
        is_gpu: bool = False,
        threads: int | None = None,
        images: int | None = None,
    ):
        count = 2 if style.endswith(" x2") else 1
        threads = threads or max(1, usable_cores() // count)
        kind = style.removesuffix(" x2")
        command = [sys.executable, "-m", "benchmarks.training_program", kind, work.name, str(folder)]
        command += ["gpu" if is_gpu else "cpu", str(threads)]
        environment = worker_environment(os.environ, threads=threads) | (_ONE_HEAP if "tuned" in kind else {})
        self._work = work
        self._complaints = tempfile.TemporaryFile("w+")  # noqa: SIM115 - as long as the processes; frameworks chatter
        self._processes = [
            subprocess.Popen(
                [*command, str(number), str(count)],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._complaints,
                text=True,
            )
            for number in range(count)
        ]
        self._memory = [0.0] * count
        self._is_late = False
        try:
            self._train([[WARM_UP]] * count, images)
        except TrainingFailedError:
            self.close()
            raise

    def run(self) -> Pass:
        """Have each train its share."""
        networks, count = list(self._work.networks.values()), len(self._processes)
        # One network cannot be shared out, so each gets one.
        return self._train([networks[number::count] or networks for number in range(count)], None)

    def train(self, network: str, images: int, most_seconds: float) -> Measurement:
        """Train one network on some images.

        Raises:
            TrainingFailedError: it cannot be trained, or took longer; in that case the processes are gone.
        """
        timer = threading.Timer(most_seconds, self._kill)
        timer.start()
        try:
            return self._train([[network]], images).measurements[0]
        except TrainingFailedError as error:
            if self._is_late:
                raise TrainingFailedError("not finished in time") from error
            raise
        finally:
            timer.cancel()

    def close(self) -> float:
        """End them by the end of their input."""
        for process in self._processes:
            process.communicate()
        self._complaints.close()
        return sum(self._memory)

    def _train(self, shares: Sequence[Sequence[str]], images: int | None) -> Pass:
        began = time.perf_counter()
        for process, share in zip(self._processes, shares, strict=True):
            try:
                process.stdin.write(json.dumps({"networks": share, "images": images}) + "\n")
                process.stdin.flush()
            except BrokenPipeError:
                pass  # it has ended, which its answer says
        measurements = []
        for index, process in enumerate(self._processes):
            answer = self._answer(process)
            self._memory[index] = answer["memory_mib"]
            measurements += [Measurement(**row) for row in answer["measurements"]]
        return Pass(time.perf_counter() - began, tuple(measurements))

    def _kill(self) -> None:
        self._is_late = True
        for process in self._processes:
            process.kill()

    def _answer(self, process: subprocess.Popen) -> dict:
        for line in process.stdout:
            if line.startswith("{"):
                answer = json.loads(line)
                if "error" in answer:
                    raise TrainingFailedError(answer["error"])
                return answer
        code = process.wait()
        self._complaints.seek(0)
        said = self._complaints.read().strip().splitlines()[-1:] or ["nothing said"]
        raise TrainingFailedError(f"{' '.join(process.args[2:])} ended with code {code}: {said[0]}")


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
        networks = list(work.networks.values())
        self._networks = networks * (self._count if len(networks) == 1 else 1)
        self._memory = 0.0
        self._train([WARM_UP] * self._count)

    def run(self) -> Pass:
        """Have the workers train all networks."""
        return self._train(self._networks)

    def close(self) -> float:
        """End the workers."""
        self._executor.stop()
        return self._memory

    def _train(self, networks: Sequence[str]) -> Pass:
        from metaqnn.core import CandidateFinished, CandidateStarted

        began, started, measurements = time.perf_counter(), {}, []
        for index, network in enumerate(networks):
            self._executor.submit(Candidate(index, network, 0))
        while len(measurements) < len(networks):
            for event in self._executor.results(0.05):
                if isinstance(event, CandidateStarted):
                    started[event.number] = time.perf_counter()
                elif isinstance(event, CandidateFinished):
                    seconds = time.perf_counter() - started[event.number]
                    epochs = [point.seconds for point in event.evaluation.curve]
                    measurements.append(measurement(seconds, epochs, event.evaluation.score))
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
        repeats = len(one.measurements) // len(work.networks)
        flops = repeats * sum(images * describe(a, data.input_shape).flops for a in work.networks.values())
        shares.append(flops / one.seconds / machine.matmul_rate)
    every = [each for one in passes for each in one.measurements]
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
            f"a GPU is there, but Keras does not see it with the backend {default_backend()}; install that for GPUs "
            '(pip install "tensorflow[and-cuda]"), or set CUDA_VISIBLE_DEVICES= to measure the CPU'
        )
    return machine


def _peak_memory(pid: int) -> float:
    """Peak resident memory of a process in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0
