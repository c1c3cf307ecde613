"""`make bench OUT=folder`: one run of every measurement, as one table."""

import csv
import tempfile
from pathlib import Path

import click

from benchmarks import overhead


@click.command()
@click.option("--out", type=click.Path(path_type=Path), default="build/bench", show_default=True)
def main(out: Path) -> None:
    """Measure, print, and leave the figures in OUT."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        figures = overhead.measure(Path(folder))
    with (out / "overhead.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("name", "value", "unit"))
        writer.writerows((figure.name, f"{figure.value:.6g}", figure.unit) for figure in figures)
    for figure in figures:
        print(f"{figure.name:58} {figure.value:12,.3f} {figure.unit}")
    print(f"\n{out / 'overhead.csv'}")


if __name__ == "__main__":
    main()
