"""`python -m benchmarks.gpu`: what the paper's CIFAR-10 search takes on this GPU, in ten minutes.

Trains the five networks of Table A2 and 30 at random of the paper's space (each choice uniform, as its search begins),
three short epochs each, with this package's engine and with hand-written PyTorch in turn. An epoch is projected from
the steps that were measured, a candidate of 20 epochs from that, and the search of 2,700 from the networks at random.
Neither mirroring nor weight decay nor restarts are in it, and what a search finds later may be larger or smaller.
Images are noise made by seed: how fast a network trains does not depend on them. The backend is that of KERAS_BACKEND.
`--toy` does the same with small networks, on a CPU too.
"""

import csv
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from benchmarks import trainings
from benchmarks.measurements import Machine
from benchmarks.projection import Row, conclusions
from benchmarks.workloads import Workload, workload
from metaqnn.networks.costs import describe
from metaqnn.networks.data import load_search_data
from metaqnn.networks.training.calibration import TRAINING_FACTOR

_EPOCH_SECONDS = 0.5
"""A measured epoch has the steps that take so long where all the time is spent in matrix products; in truth, longer."""

_FEWEST_STEPS = 4


def steps_within(seconds: float, flops: int, batch_size: int, rate: float, most: int) -> int:
    """The steps of an epoch that take so long at a rate of FLOP/s, between a few and all of them.

    Args:
        flops: of one image forward.
        most: the steps of an epoch of all images.
    """
    return min(most, max(_FEWEST_STEPS, int(seconds * rate / (TRAINING_FACTOR * flops * batch_size))))


class Measuring:
    """Trains network after network until the time is up.

    Args:
        work: the networks and the images.
        machine: what they are trained on.
        styles: ways of training, running and warmed up.
        ends: when nothing may be measured any more, on the monotonic clock.
    """

    def __init__(self, work: Workload, machine: Machine, styles: Mapping[str, trainings.Programs], ends: float):
        self.work, self.machine, self.styles, self.ends = work, machine, styles, ends
        self.data = load_search_data(work.dataset, 0)
        self.rows: list[Row] = []
        self.left_out: list[str] = []
        self._longest = 0.0

    def run(self) -> None:
        """Measure and print; what is left out is kept with the reason."""
        for number, (name, architecture) in enumerate(self.work.networks.items()):
            began = time.monotonic()
            if began + self._longest > self.ends:
                left = list(self.work.networks)[number:]
                self.left_out.append(f"{len(left)} of {len(self.work.networks)} networks ({left[0]} to {left[-1]})")
                return
            # In turn, so that neither always has the warmer device.
            order = list(self.styles) if number % 2 == 0 else list(reversed(self.styles))
            measured = {style: self._measure(style, name, architecture) for style in order}
            self._longest = max(self._longest, time.monotonic() - began)
            print(_line(name, measured, list(self.styles)), flush=True)

    def _measure(self, style: str, name: str, architecture: str) -> Row | None:
        size, images = self.work.training.batch_size, len(self.data.x_train)
        flops = describe(architecture, self.data.input_shape).flops
        all_steps = -(-images // size)
        steps = steps_within(_EPOCH_SECONDS, flops, size, self.machine.matmul_rate, all_steps)
        used = min(images, steps * size)
        try:
            measured = self.styles[style].train(architecture, used, max(1.0, self.ends - time.monotonic()))
        except trainings.TrainingFailedError as error:
            self.left_out.append(f"{name} with {style} ({str(error)[:160]})")
            return None
        epoch = measured.seconds_per_epoch * images / used
        row = Row(name, architecture, flops, style, steps, measured.seconds_to_first_step, epoch)
        self.rows.append(row)
        return row


def _line(name: str, measured: Mapping[str, Row | None], styles: Sequence[str]) -> str:
    rows = [measured[style] for style in styles]
    known = [row for row in rows if row]
    line = f"{name:9} {known[0].flops / 1e9:7.3f} {known[0].steps:5}" if known else f"{name:23}"
    for row in rows:
        line += f" {row.seconds_to_first_step:8.2f} {row.seconds_per_epoch:9.3f}" if row else f"{'-':>9}{'-':>10}"
    if len(known) == 2:
        line += f" {known[1].seconds_per_epoch / known[0].seconds_per_epoch:7.2f}"
    return line


@click.command()
@click.option("--out", type=click.Path(path_type=Path), default="build/gpu", show_default=True)
@click.option("--seconds", type=click.FloatRange(min=1), default=600.0, show_default=True, help="All told.")
@click.option("--toy", is_flag=True, help="Eight small networks, to try it, on a CPU too.")
def main(out: Path, seconds: float, toy: bool) -> None:
    """Measure, print, and leave the figures in OUT/gpu.csv.

    `ratio` is PyTorch's seconds of an epoch over those of the engine.
    """
    ends = time.monotonic() + seconds
    machine = trainings.find_machine()
    if not (machine.is_gpu or toy):
        raise click.ClickException(
            f"expected a GPU, but here is {machine.name}: run it where one is, or try it with --toy; "
            "the CPU is measured by python -m benchmarks"
        )
    styles = [style for style in ("engine", "pytorch tuned") if trainings.is_installed(style)]
    print(f"{machine.name}: matrix products {machine.matmul_rate / 1e9:,.0f} GFLOP/s")
    print(", ".join(f"{name} {version}" for name, version in machine.versions.items()))
    with tempfile.TemporaryDirectory() as folder:
        work = workload("toy" if toy else "gpu", Path(folder))
        running = {}
        try:
            for style in styles:
                try:
                    running[style] = trainings.Programs(style, work, Path(folder), machine.is_gpu, 1, images=1_000)
                except trainings.TrainingFailedError as error:  # such as a PyTorch that does not see the GPU
                    print(f"{style} is left out: {error}")
            styles = list(running)
            print(f"{'':23}" + "".join(f" {style:>18}" for style in styles))
            print("network     GFLOP steps" + "  first s   epoch s" * len(styles) + "   ratio" * (len(styles) == 2))
            measuring = Measuring(work, machine, running, ends)
            measuring.run()
        finally:
            for programs in running.values():
                programs.close()
    for line in conclusions(measuring.rows, styles):
        print(line)
    for left_out in measuring.left_out:
        print(f"left out in {seconds:g} s: {left_out}")
    if measuring.rows:
        print(_write(out, measuring.rows, machine))


def _write(out: Path, rows: Sequence[Row], machine: Machine) -> Path:
    out.mkdir(parents=True, exist_ok=True)
    path = out / "gpu.csv"
    names = ("network", "architecture", "flops", "style", "steps", "seconds_to_first_step", "seconds_per_epoch")
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow((*names, "candidate_seconds", "device"))
        writer.writerows((*(getattr(row, name) for name in names), row.candidate_seconds, machine.name) for row in rows)
    return path


if __name__ == "__main__":
    main()
