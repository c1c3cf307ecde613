"""`metaqnn compare`: strategies on equal terms, on a table of known networks."""

import os
from pathlib import Path

import click

from metaqnn.cli.output import format_option, print_tables

_FIVE = "q_learning,paper,random,regularized_evolution,reinforce"


@click.command()
@click.argument("table", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--strategies", default=_FIVE, show_default=True, help="Names with commas between them.")
@click.option("--seeds", type=click.IntRange(min=1), default=30, show_default=True, help="Runs of each strategy.")
@click.option("--evaluations", type=click.IntRange(min=1), default=300, show_default=True, help="Networks in a run.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default="build/compare", show_default=True)
@click.option("--processes", type=click.IntRange(min=1), help="Side by side; one a core unless told otherwise.")
@format_option
def compare(
    table: Path, strategies: str, seeds: int, evaluations: int, out: Path, processes: int | None, style: str
) -> None:
    """Compare strategies on a TABLE: a YAML file that describes one, or a replay database.

    An evaluation is a distinct network looked up; proposing it again is free. Every strategy has the seeds 0, 1, ...
    Leaves compare.csv and compare.png in the folder.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from metaqnn.experiment.comparison import compare as run
    from metaqnn.experiment.comparison import contestants
    from metaqnn.experiment.table_files import load_benchmark
    from metaqnn.reports import comparison

    chosen = contestants([name.strip() for name in strategies.split(",") if name.strip()])
    benchmark = load_benchmark(table)
    out.mkdir(parents=True, exist_ok=True)
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("Comparing", total=seeds * len(chosen))
        courses = run(
            table,
            chosen,
            {one.label: seeds for one in chosen},
            evaluations,
            processes or len(os.sched_getaffinity(0)),
            lambda course: bar.advance(task),
        )
    comparison.write_csv(courses, out / "compare.csv")
    comparison.draw(courses, f"{benchmark.name}: {len(benchmark.table.entries):,} networks", out / "compare.png")
    print_tables(
        [comparison.regret_table(courses), comparison.difference_table(courses), comparison.reached_table(courses)],
        style,
    )
    if style == "table":
        print(f"{out / 'compare.csv'} and {out / 'compare.png'}")
