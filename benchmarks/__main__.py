"""`make bench OUT=folder [ARGS="--only digits"]`: measurements in one run, as tables."""

import csv
import importlib
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import click

from benchmarks import overhead, trainings


@click.command()
@click.option("--out", type=click.Path(path_type=Path), default="build/bench", show_default=True)
@click.option(
    "--only",
    type=click.Choice(["overhead", *dict.fromkeys((*trainings.CPU_WORKLOADS, *trainings.GPU_WORKLOADS))]),
    multiple=True,
    help="What to measure; may be given several times. Without it everything: 50 minutes on two cores.",
)
def main(out: Path, only: tuple[str, ...]) -> None:
    """Measure, print, and leave the figures in OUT: overhead.csv, bench.csv of the trainings, and their accuracies."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        if not only or "overhead" in only:
            _overhead(Path(folder), out)
        if not only or set(only) - {"overhead"}:
            _trainings(only, Path(folder), out)


def _overhead(folder: Path, out: Path) -> None:
    figures = overhead.measure(folder)
    with (out / "overhead.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("name", "value", "unit"))
        writer.writerows((figure.name, f"{figure.value:.6g}", figure.unit) for figure in figures)
    for figure in figures:
        print(f"{figure.name:58} {figure.value:12,.3f} {figure.unit}")
    print(f"{out / 'overhead.csv'}\n", flush=True)


def _trainings(only: Sequence[str], folder: Path, out: Path) -> None:
    machine = trainings.find_machine()
    print(f"{machine.name}: matrix products {machine.matmul_rate / 1e9:,.0f} GFLOP/s", flush=True)
    names = trainings.GPU_WORKLOADS if machine.is_gpu else trainings.CPU_WORKLOADS
    styles = trainings.GPU_STYLES if machine.is_gpu else trainings.CPU_STYLES
    if not find_spec("torch") or (machine.is_gpu and not importlib.import_module("torch").cuda.is_available()):
        print("PyTorch is not installed for this device, so it is left out; to compare with it: pip install torch")
        styles = tuple(style for style in styles if not style.startswith("pytorch"))
    print("workload  style            candidates a minute (low to high)    n  epoch s  share  accuracy")
    rows, accuracies = [], []
    for name in names:
        if only and name not in only:
            continue
        work = trainings.workload(name, folder, machine.is_gpu)
        for style, passes, memory in _passes(styles, work, folder, machine.is_gpu):
            row = trainings.summary(work, style, passes, memory, machine)
            accuracy = trainings.mean_accuracy(passes)
            rows.append(row)
            accuracies.append({"workload": name, "style": style, "accuracy": round(accuracy, 5)})
            spread = f"({row['low']:.2f} to {row['high']:.2f})"
            print(
                f"{name:8}  {style:15}  {row['candidates_per_minute']:8.2f} {spread:24} {row['n']:4} "
                f"{row['seconds_per_epoch']:8.3f}  {row['matmul_share']:.3f}  {accuracy:.4f}",
                flush=True,
            )
        _write(out / "bench.csv", rows)
        _write(out / "accuracy.csv", accuracies)
    print(out / "bench.csv")


def _passes(styles: Sequence[str], work: trainings.Workload, folder: Path, is_gpu: bool):
    """Each style with its passes and memory; on a CPU the styles take turns, a GPU holds one at a time."""
    if is_gpu:
        for style in styles:
            running = trainings.start(style, work, folder, is_gpu)
            passes = [running.run() for _ in range(work.passes)]
            yield style, passes, running.close()
        return
    running = {style: trainings.start(style, work, folder, is_gpu) for style in styles}
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
