"""`make bench OUT=folder [ARGS="--only digits"]`: measurements on the CPU in one run, as tables."""

import csv
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click

from benchmarks import overhead, trainings
from benchmarks.workloads import CPU_WORKLOADS, Workload, workload


@click.command()
@click.option("--out", type=click.Path(path_type=Path), default="build/bench", show_default=True)
@click.option(
    "--only",
    type=click.Choice(["overhead", *CPU_WORKLOADS]),
    multiple=True,
    help="What to measure; may be given several times. Without it everything: 65 minutes on two cores.",
)
@click.option(
    "--style",
    "styles",
    type=click.Choice(trainings.STYLES),
    multiple=True,
    help="How to train; may be given several times. Without it every way, those of tuners with digits alone.",
)
def main(out: Path, only: tuple[str, ...], styles: tuple[str, ...]) -> None:
    """Measure, print, and leave the figures in OUT: overhead.csv, bench.csv of the trainings, and their accuracies."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        if not only or "overhead" in only:
            _overhead(Path(folder), out)
        if not only or set(only) - {"overhead"}:
            _trainings(only, styles, Path(folder), out)


def _overhead(folder: Path, out: Path) -> None:
    figures = overhead.measure(folder)
    with (out / "overhead.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("name", "value", "unit"))
        writer.writerows((figure.name, f"{figure.value:.6g}", figure.unit) for figure in figures)
    for figure in figures:
        print(f"{figure.name:58} {figure.value:12,.3f} {figure.unit}")
    print(f"{out / 'overhead.csv'}\n", flush=True)


def _trainings(only: Sequence[str], asked: Sequence[str], folder: Path, out: Path) -> None:
    machine = trainings.find_machine()
    if machine.is_gpu:
        raise click.ClickException(
            f"expected to train on a CPU, but here is {machine.name}: run python -m benchmarks.gpu, or set "
            "CUDA_VISIBLE_DEVICES= to measure the CPU"
        )
    print(f"{machine.name}: matrix products {machine.matmul_rate / 1e9:,.0f} GFLOP/s", flush=True)
    installed = [style for style in asked or trainings.STYLES if trainings.is_installed(style)]
    print("workload  style             candidates a minute (low to high)    n  epoch s  share  accuracy")
    rows, accuracies = [], []
    for name in CPU_WORKLOADS:
        if only and name not in only:
            continue
        work = workload(name, folder)
        # A tuner's own costs show in small networks; with large ones it is `fit`, and all must fit into the memory.
        styles = [style for style in installed if asked or name == "digits" or style not in trainings.TUNERS]
        for style, passes, memory in _passes(styles, work, folder):
            row = trainings.summary(work, style, passes, memory, machine)
            accuracy = trainings.mean_accuracy(passes)
            rows.append(row)
            accuracies.append({"workload": name, "style": style, "accuracy": round(accuracy, 5)})
            spread = f"({row['low']:.2f} to {row['high']:.2f})"
            print(
                f"{name:8}  {style:16}  {row['candidates_per_minute']:8.2f} {spread:24} {row['n']:4} "
                f"{row['seconds_per_epoch']:8.3f}  {row['matmul_share']:.3f}  {accuracy:.4f}",
                flush=True,
            )
        _write(out / "bench.csv", rows)
        _write(out / "accuracy.csv", accuracies)
    print(out / "bench.csv")


def _passes(styles: Sequence[str], work: Workload, folder: Path):
    """Each style with its passes and memory; the styles take turns."""
    running = {style: trainings.start(style, work, folder) for style in styles}
    passes = {style: [] for style in styles}
    for _ in range(work.passes):
        for style in styles:
            passes[style].append(running[style].run())
    for style in styles:
        yield style, passes[style], running[style].close()


def _write(path: Path, rows: list[dict]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
