"""`metaqnn compare`: strategies on equal terms, on tables of known networks."""

import re
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from metaqnn.cli.options import allow_option, require_place, verbosity_options
from metaqnn.cli.output import format_option, print_tables
from metaqnn.errors import ConfigError, counted
from metaqnn.replay.tables import Table
from metaqnn.verbosity import tell

_BUILT_IN = (
    "bananas",
    "controller",
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

_PANELS = 4
"""Of the figure of ranks: the last numbers of evaluations."""

_SLOW_SEEDS = 3
"""Of SMAC, of which a run takes most of a minute."""


def _seeds(_context: click.Context, parameter: click.Parameter, text: str) -> tuple[int, dict[str, int]]:
    """`30,smac=5`: 30 of each strategy, but 5 of SMAC."""
    match = re.fullmatch(r"(?P<all>[0-9]{1,6})(?P<others>(,[a-z_]+=[0-9]{1,6})*)", text)
    counts = [part.split("=") for part in match["others"].split(",")[1:]] if match else []
    if not match or int(match["all"]) == 0 or any(int(count) == 0 for _, count in counts):
        raise click.BadParameter(f"expected a number such as 30, or 30,smac=5, got {text!r}", param=parameter)
    return int(match["all"]), {name: int(count) for name, count in counts}


def _points(_context: click.Context, parameter: click.Parameter, text: str | None) -> tuple[int, ...]:
    """`50,100`: numbers of evaluations, from the least."""
    words = [] if text is None else text.split(",")
    if not all(re.fullmatch(r"[0-9]{1,6}", word) and int(word) for word in words):
        raise click.BadParameter(f"expected numbers such as 50,100,200, got {text!r}", param=parameter)
    return tuple(sorted({int(word) for word in words}))


@click.command()
@click.argument("tables", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
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
    "--at", "points", callback=_points, help="Evaluations to look at, as 50,100,200. [10, 20, 50, 100, ... and the end]"
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default="build/compare",
    show_default=True,
    help="Folder for the finished runs, the CSV and the figures.",
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
def compare(tables, strategies, seeds, evaluations, points, out, processes, lookahead, allowed, style) -> None:
    """Compare strategies on TABLES: YAML files that describe one, or replay databases.

    An evaluation is a distinct network looked up; proposing it again is free. Every strategy has the seeds 0, 1, ...
    Regret is the distance, in points of the target, of the network with the best reward so far to the best of the
    table; reward regret that of the reward itself. Leaves compare.csv, compare.png and, of several tables, ranks.png in
    the folder, and each run in compare.sqlite as soon as it is finished: the same command goes on after an
    interruption, and no run is done twice.
    """
    from metaqnn.files import moved_aside
    from metaqnn.replay.comparisons import ComparisonRuns
    from metaqnn.reports import comparison_figures
    from metaqnn.reports.comparison import write_csv
    from metaqnn.reports.ranks import left_out, ranks
    from metaqnn.workers.environment import usable_cores
    from metaqnn.workflows.compare import compare as run
    from metaqnn.workflows.compare import strategy_specs
    from metaqnn.workflows.display.counting import counting

    if points and points[-1] > evaluations:
        raise click.BadParameter(
            f"expected numbers up to --evaluations {evaluations}, got {points[-1]}", param_hint="--at"
        )
    names = _names(strategies)
    for name in seeds[1]:
        if name not in names:
            raise click.BadParameter(
                f"{name!r} is none of the strategies {', '.join(names)}; name one of them, or add it to --strategies",
                param_hint="--seeds",
            )
    counts = dict.fromkeys(names, seeds[0]) | ({"smac": min(seeds[0], _SLOW_SEEDS)} if "smac" in names else {})
    benchmarks = _benchmarks(tables, allowed)
    for benchmark in benchmarks:
        chosen = strategy_specs(names, benchmark)
    files = [out / name for name in ("compare.csv", "compare.png", *(["ranks.png"] if len(tables) > 1 else []))]
    require_place("--out", out, "compare.sqlite", *(path.name for path in files))
    with ComparisonRuns(out / "compare.sqlite") as before, counting("runs") as count:
        groups = run(
            benchmarks,
            chosen,
            counts | seeds[1],
            evaluations,
            processes or usable_cores(),
            lookahead,
            count,
            allowed,
            before,
            tell,
        )
    for path in files:
        if moved := moved_aside(path):
            tell(f"The earlier {path} was moved to {moved.name}.")
    comparisons = {one.name: traces for one, traces in zip(benchmarks, groups, strict=True)}
    write_csv(comparisons, out / "compare.csv", lookahead, points)
    titles = [f"{one.name}: {counted(len(one.table.entries), 'network')}" for one in benchmarks]
    comparison_figures.draw_regret(dict(zip(titles, groups, strict=True)), lookahead, out / "compare.png")
    ranked = [found for at in _at(groups, points) if (found := ranks(groups, at))] if len(tables) > 1 else []
    if ranked:
        comparison_figures.draw_ranks(ranked[-_PANELS:], list(comparisons), out / "ranks.png")
        if missing := left_out(groups):
            tell(f"Ranks leave out what has fewer runs than the others: {', '.join(missing)}.")
    elif len(tables) > 1:
        files.pop()
    if style != "table":
        print_tables(_for_programs(comparisons, points, lookahead, ranked), style)
        return
    print_tables(_for_people(comparisons, points, ranked), style)
    print(f"{', '.join(path.name for path in files)} and compare.sqlite in {out}, at lookahead {lookahead}")


def _names(strategies: str | None) -> list[str]:
    if strategies is None:
        return [*_BUILT_IN, *(name for name, package in _OTHERS.items() if find_spec(package))]
    return [name.strip() for name in strategies.split(",") if name.strip()]


def _benchmarks(tables: Sequence[Path], allowed: Sequence[str]) -> list[Any]:
    """The tables, each under a name of its own."""
    from metaqnn.workflows.check import damage_told
    from metaqnn.workflows.table_files import load_benchmark

    found: list[Any] = []
    for path in tables:
        with damage_told(path, allowed) if path.suffix == ".sqlite" else nullcontext():
            benchmark = load_benchmark(path, tell, allowed)
        if any(other.name == benchmark.name for other in found):
            if any(other.path == path for other in found):
                raise ConfigError(f"TABLES: expected each table once, got {path} twice")
            benchmark = replace(benchmark, name=str(path))
        found.append(benchmark)
    return found


def _at(groups, points: Sequence[int]) -> tuple[int, ...]:
    from metaqnn.reports.regret import checkpoints

    return checkpoints(groups[0], points)


def _mean(comparisons: Mapping[str, Sequence]) -> dict[str, Sequence]:
    """The mean over several tables, as if it were one more, where all have the same unit."""
    from metaqnn.reports.regret import averaged

    groups = list(comparisons.values())
    if len(groups) < 2 or len({traces[0].unit for traces in groups}) > 1 or not (mean := averaged(groups)):
        return {}
    return {f"mean over {len(groups)} tables": mean}


def _for_programs(comparisons, points, lookahead: int, ranked) -> list[Table]:
    """Whole tables, with a column that names what each row is of."""
    from metaqnn.reports import comparison
    from metaqnn.reports.ranks import rank_table
    from metaqnn.reports.regret import MEASURES

    with_mean = comparisons | _mean(comparisons)
    found: dict[str, list[tuple[str, Table]]] = {}
    for measure in MEASURES:
        differences = comparison.difference_tables(list(comparisons.values()), points, measure)
        differences += comparison.difference_tables(list(_mean(comparisons).values()), points, measure)
        for (name, traces), difference in zip(with_mean.items(), differences, strict=True):
            found.setdefault(f"regret {measure}", []).append((name, comparison.regret_table(traces, points, measure)))
            found.setdefault(f"difference {measure}", []).append((name, difference))
    for name, traces in comparisons.items():
        found.setdefault("reached", []).append((name, comparison.reached_table(traces)))
        found.setdefault("cost", []).append((name, comparison.cost_table(traces)))
    tables = []
    for parts in found.values():
        first = parts[0][1]
        rows = [(name, *row, lookahead) for name, part in parts for row in part.rows]
        tables.append(replace(first, columns=("table", *first.columns, "lookahead"), rows=tuple(rows)))
    return tables + ([rank_table(ranked)] if ranked else [])


def _for_people(comparisons, points, ranked) -> list[Table]:
    """What fits on a screen: of several tables the regret of each, and the rest of their mean."""
    from metaqnn.reports import comparison
    from metaqnn.reports.ranks import rank_overview
    from metaqnn.reports.regret import MEASURES

    mean = _mean(comparisons)
    tables = []
    if len(comparisons) > 1:
        for name, traces in comparisons.items():
            for measure in MEASURES:
                table = comparison.regret_overview(traces, points, measure)
                tables.append(replace(table, title=f"{name}: {table.title}"))
        for measure in MEASURES:
            differences = comparison.difference_tables(list(comparisons.values()), points, measure)
            tables.append(comparison.verdict_counts(differences, measure))
    for name, traces in (mean or comparisons).items():
        prefix = f"{name}: ".capitalize() if mean else f"{name}: " if len(comparisons) > 1 else ""
        shown = [comparison.regret_overview(traces, points, measure) for measure in MEASURES]
        for measure in MEASURES:
            (difference,) = comparison.difference_tables([traces], points, measure)
            shown.append(comparison.difference_overview(difference))
        shown += [comparison.reached_overview(traces), comparison.cost_table(traces)]
        tables += [replace(table, title=prefix + table.title) for table in shown]
    return tables + ([rank_overview(ranked)] if ranked else [])
