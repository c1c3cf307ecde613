"""`make bench OUT=folder [ARGS="--only digits"]`: measurements in one run, as tables."""

import csv
import tempfile
from importlib.util import find_spec
from pathlib import Path

import click

from benchmarks import overhead, trainings

WORKLOADS = ("digits", "net4", "net5")


@click.command()
@click.option("--out", type=click.Path(path_type=Path), default="build/bench", show_default=True)
@click.option(
    "--only",
    type=click.Choice(["overhead", *WORKLOADS]),
    multiple=True,
    default=["overhead"],
    show_default=True,
    help="What to measure; may be given several times. Trainings take minutes each.",
)
def main(out: Path, only: tuple[str, ...]) -> None:
    """Measure, print, and leave the figures in OUT: overhead.csv, and bench.csv of the trainings."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        if "overhead" in only:
            _overhead(Path(folder), out)
        workloads = [name for name in WORKLOADS if name in only]
        if workloads:
            _trainings(workloads, Path(folder), out)


def _overhead(folder: Path, out: Path) -> None:
    figures = overhead.measure(folder)
    with (out / "overhead.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("name", "value", "unit"))
        writer.writerows((figure.name, f"{figure.value:.6g}", figure.unit) for figure in figures)
    for figure in figures:
        print(f"{figure.name:58} {figure.value:12,.3f} {figure.unit}")
    print(f"{out / 'overhead.csv'}\n", flush=True)


def _trainings(workloads: list[str], folder: Path, out: Path) -> None:
    styles = [style for style in trainings.STYLES if find_spec("torch") or not style.startswith("pytorch")]
    if len(styles) < len(trainings.STYLES):
        print("PyTorch is not installed, so it is left out; to compare with it: pip install torch")
    rate = trainings.matmul_flops_per_second(trainings.usable_cores())
    device = trainings.device_name()
    print(f"{device}; matrix products {rate / 1e9:,.0f} GFLOP/s; candidates a minute (low to high), n, matmul share")
    with (out / "bench.csv").open("w", newline="", encoding="utf-8") as file:
        writer = None
        for name in workloads:
            work = trainings.workload(name, folder)
            for style in styles:
                row = trainings.summary(work, style, trainings.run_style(style, work, folder), rate, device)
                writer = writer or csv.DictWriter(file, row)
                if file.tell() == 0:
                    writer.writeheader()
                writer.writerow(row)
                file.flush()
                print(
                    f"{name:7} {style:15} {row['candidates_per_minute']:8.2f} ({row['low']:.2f} to {row['high']:.2f}) "
                    f"n={row['n']:<3} share {row['matmul_share']:.3f}  accuracy {row['accuracy']:.4f}",
                    flush=True,
                )
    print(out / "bench.csv")


if __name__ == "__main__":
    main()
