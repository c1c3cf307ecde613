"""`metaqnn compare`: strategies on equal terms, on a table of known networks."""

import re
from contextlib import nullcontext
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import click

from metaqnn.cli.options import allow_option, require_place, verbosity_options
from metaqnn.cli.output import format_option, print_tables
from metaqnn.errors import counted
from metaqnn.verbosity import tell

_BUILT_IN = (
    "bananas",
    "gaussian_process",
    "linear_ucb",
    "local_search",
    "paper",
    "q_learning",
    "random",
    "regularized_evolution",
    "reinforce",
)
_OTHERS = {"smac": "smac", "tpe": "optuna"}
"""Strategies that take part where their package is installed."""

_SLOW_SEEDS = 3
"""Of SMAC, of which a run takes most of a minute."""


def _seeds(_context: click.Context, parameter: click.Parameter, text: str) -> tuple[int, dict[str, int]]:
    """`30,smac=5`: 30 of each strategy, but 5 of SMAC."""
    match = re.fullmatch(r"(?P<all>[0-9]{1,6})(?P<others>(,[a-z_]+=[0-9]{1,6})*)", text)
    counts = [part.split("=") for part in match["others"].split(",")[1:]] if match else []
    if not match or int(match["all"]) == 0 or any(int(count) == 0 for _, count in counts):
        raise click.BadParameter(f"expected a number such as 30, or 30,smac=5, got {text!r}", param=parameter)
    return int(match["all"]), {name: int(count) for name, count in counts}


@click.command()
@click.argument("table", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--strategies",
    help="Names with commas between them, each with options behind colons: q_learning:epsilon=0.1 "
    "[all built in, smac and tpe where installed]",
)
@click.option(
    "--seeds",
    callback=_seeds,
    default="30",
    show_default=True,
    help=f"Runs of each strategy (of smac at most {_SLOW_SEEDS}, unless said as in 30,smac=5).",
)
@click.option("--evaluations", type=click.IntRange(1, 100_000), default=300, show_default=True, help="Of each run.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default="build/compare",
    show_default=True,
    help="Folder for the CSV and the figure.",
)
@click.option("--processes", type=click.IntRange(min=1), help="Side by side. [one per core]")
@click.option(
    "--lookahead",
    type=click.IntRange(1, 1000),
    default=1,
    show_default=True,
    help="Episodes in flight: a strategy is told results so much later, as in a search with search.lookahead.",
)
@allow_option
@verbosity_options
@format_option
def compare(table, strategies, seeds, evaluations, out, processes, lookahead, allowed, style) -> None:
    """Compare strategies on a TABLE: a YAML file that describes one, or a replay database.

    An evaluation is a distinct network looked up; proposing it again is free. Every strategy has the seeds 0, 1, ...
    Regret is the distance, in points of the target, of the network with the best reward so far to the best of the
    table. Leaves compare.csv and compare.png in the folder.
    """
    from metaqnn.files import moved_aside
    from metaqnn.reports import comparison
    from metaqnn.workers.environment import usable_cores
    from metaqnn.workflows.check import damage_told
    from metaqnn.workflows.compare import compare as run
    from metaqnn.workflows.compare import strategy_specs
    from metaqnn.workflows.display.counting import counting
    from metaqnn.workflows.table_files import load_benchmark

    if strategies is None:
        names = [*_BUILT_IN, *(name for name, package in _OTHERS.items() if find_spec(package))]
    else:
        names = [name.strip() for name in strategies.split(",") if name.strip()]
    for name in seeds[1]:
        if name not in names:
            raise click.BadParameter(
                f"{name!r} is none of the strategies {', '.join(names)}; name one of them, or add it to --strategies",
                param_hint="--seeds",
            )
    counts = dict.fromkeys(names, seeds[0]) | ({"smac": min(seeds[0], _SLOW_SEEDS)} if "smac" in names else {})
    with damage_told(table, allowed) if table.suffix == ".sqlite" else nullcontext():
        benchmark = load_benchmark(table, tell, allowed)
    chosen = strategy_specs(names, benchmark)
    require_place("--out", out, "compare.csv", "compare.png")
    with counting("runs") as count:
        traces = run(
            table, chosen, counts | seeds[1], evaluations, processes or usable_cores(), lookahead, count, allowed
        )
    for path in (out / "compare.csv", out / "compare.png"):
        if moved := moved_aside(path):
            tell(f"The earlier {path} was moved to {moved.name}.")
    comparison.write_csv(traces, out / "compare.csv", lookahead)
    title = f"{benchmark.name}: {counted(len(benchmark.table.entries), 'network')}, lookahead {lookahead}"
    comparison.draw(traces, title, out / "compare.png")
    if style != "table":
        whole = (
            comparison.regret_table,
            comparison.reward_regret_table,
            comparison.difference_table,
            comparison.reached_table,
            comparison.cost_table,
        )
        print_tables([_with_lookahead(make(traces), lookahead) for make in whole], style)
        return
    shown = (
        comparison.regret_overview,
        comparison.reward_regret_overview,
        comparison.difference_overview,
        comparison.reached_overview,
        comparison.cost_table,
    )
    print_tables([make(traces) for make in shown], style)
    print(f"{out / 'compare.csv'} and {out / 'compare.png'}, at lookahead {lookahead}")


def _with_lookahead(table, lookahead: int):
    """The same table for programs, which read no titles."""
    return replace(table, columns=(*table.columns, "lookahead"), rows=tuple((*row, lookahead) for row in table.rows))
