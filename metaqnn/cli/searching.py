"""`metaqnn search` and `metaqnn resume`."""

import re
import shlex
import shutil
import sys
from functools import partial
from pathlib import Path

import click

from metaqnn.cli.options import (
    allow_option,
    break_lock_option,
    complete_experiments,
    complete_strategies,
    gpus_option,
    observe_option,
    overridden,
    overrides_option,
    seed_option,
    verbosity_options,
)
from metaqnn.errors import counted
from metaqnn.verbosity import tell

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _seconds(_context: click.Context, parameter: click.Parameter, text: str | None) -> float | None:
    """`8h`, `90m`, `1.5h`, `45s` or `2d` in seconds."""
    if text is None:
        return None
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([smhd])", text)
    if not match or float(match[1]) == 0:
        raise click.BadParameter(f"expected a time such as 8h, 90m or 45s, got {text!r}", param=parameter)
    return float(match[1]) * _UNITS[match[2]]


def _options(command):
    for option in (
        click.argument("experiment", shell_complete=complete_experiments),
        click.option(
            "--db", "database", type=click.Path(path_type=Path), help="Database file. [replay_db/NAME.sqlite]"
        ),
        click.option(
            "--strategy",
            metavar="NAME",
            shell_complete=complete_strategies,
            help="What proposes networks, with its default options, as --strategy random.",
        ),
        seed_option,
        overrides_option(),
        click.option("--models", type=click.IntRange(max=10**9), help="Distinct networks in total, over all runs."),
        click.option("--max-time", callback=_seconds, metavar="TIME", help="Total time over all runs: 8h, 90m, 45s."),
        click.option(
            "--workers",
            type=click.IntRange(min=1),
            help="Processes that train side by side, at most search.lookahead. [one per GPU, otherwise one per core]",
        ),
        gpus_option,
        click.option(
            "--cluster",
            metavar="ADDRESS",
            help="Train on a Ray cluster: auto, local, ray://host:port or host:port; --workers is then a total. "
            "[search.cluster]",
        ),
        click.option("--same-kind", is_flag=True, help="Refuse machines of another processor or other versions there."),
        observe_option,
        click.option(
            "--log",
            type=click.Path(path_type=Path, dir_okay=False),
            help="Add everything that happens, and what workers write, to this file.",
        ),
        verbosity_options,
        break_lock_option,
        allow_option,
    ):
        command = option(command)
    return command


@click.command()
@_options
@click.option("--fresh", is_flag=True, help="Move an existing database aside and start anew.")
def search(experiment, database, **options) -> None:
    """Start a search, or resume it: EXPERIMENT is a YAML file or the name of a shipped experiment.

    The same command resumes after an interruption or a crash. Ctrl-C stops within two seconds.

    \b
    Examples:
      metaqnn search digits
      metaqnn search digits --strategy random --seed 1 --db random.sqlite
      metaqnn search digits --set training.epochs=5 --set "space.max_depth=4"
    """  # noqa: D301 - click knows the character that stands before lines that stay lines
    _search(experiment, database, **options)


@click.command()
@_options
def resume(experiment, database, **options) -> None:
    """Resume a search; refuses where there is nothing to resume.

    EXPERIMENT may also be a database, whose own experiment then goes on: metaqnn resume replay_db/digits.sqlite
    """
    _search(experiment, database, **options, must_exist=True)


def _search(where, database, overrides, strategy, seed, max_time, allowed, observers, log, **options) -> None:
    from metaqnn.core.plugins import find
    from metaqnn.replay.reader import ReplayReader
    from metaqnn.workflows import SearchOptions, default_database, load_experiment, run_search, stored_experiment
    from metaqnn.workflows.section import read_observer_words

    observe = tuple(read_observer_words(words) for words in observers)
    if strategy is not None:
        find("strategy", strategy, "--strategy")
    overrides = overridden(overrides, seed, strategy)

    announce = partial(tell, stream=sys.stdout)
    if where.endswith(".sqlite") and database is None and not overrides:
        database = Path(where)
        with ReplayReader(database) as reader:
            experiment = stored_experiment(reader, allowed)
    else:
        experiment = load_experiment(where, overrides, announce)
        database = database or default_database(experiment)
    announce(f"{experiment.name}: {experiment.data_words}, seed {experiment.seed}, database {database}")
    report = run_search(
        experiment,
        database,
        SearchOptions(max_seconds=max_time, observe=observe, **options),
        _displays(log),
        announce,
    )
    _print_ending(database, report)
    if report.signal is not None:
        sys.exit(128 + report.signal)


def _displays(log: Path | None):
    from metaqnn.errors import ConfigError, advice
    from metaqnn.workflows.display import displays

    try:
        return displays(log)
    except OSError as error:
        raise ConfigError(
            f"--log {log}: expected a file that can be written, but {error.strerror}; {advice(error)}"
        ) from error


def _program() -> str:
    """How this program was called, for people to call it again from here."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return "python -m metaqnn"
    if shutil.which(called.name) == str(called):
        return called.name
    return str(called.relative_to(Path.cwd())) if called.is_relative_to(Path.cwd()) else str(called)


def _print_ending(database: Path, report) -> None:
    from metaqnn.cli.output import print_tables
    from metaqnn.cli.summaries import summary_table
    from metaqnn.replay.reader import ReplayReader
    from metaqnn.replay.tables import top
    from metaqnn.search.loop import Ending
    from metaqnn.workflows import stored_sections
    from metaqnn.workflows.summary import summarise

    with ReplayReader(database) as reader:
        summary, is_of_networks = summarise(reader), stored_sections(reader).get("evaluator") is None
        facts = dict(summary_table(reader).rows)
        print_tables([top(reader, 5)], "table")
    done, total = summary.models_done, summary.models_total
    if report.ending is Ending.COMPLETED:
        print(f"The search is complete: {counted(done, 'network')} in {facts['time']}, {facts['reused']}.")
    elif report.ending is Ending.EXHAUSTED:
        repeats = f"{counted(summary.max_repeats, 'repeat')} in a row found nothing new"
        why = facts["exhausted"] if summary.exhausted else repeats
        print(f"The search ended after {done} of {counted(total, 'network')}: {why}.")
    else:
        why = "Time is up" if report.ending is Ending.OUT_OF_TIME else "Stopped"
        kept = f"{done} of {counted(total, 'network')} are kept in {database}"
        print(f"{why}: {kept}; what was in training will be trained again.")
        again = shlex.join(argument for argument in sys.argv[1:] if argument not in ("--fresh", "--break-lock"))
        larger = "  (with a larger --max-time: it counts all runs)" if report.ending is Ending.OUT_OF_TIME else ""
        print(f"Go on:       {_program()} {again}{larger}")
    print(f"Look deeper: {_program()} replay summary {shlex.quote(str(database))}")
    if is_of_networks and summary.best is not None and report.ending in (Ending.COMPLETED, Ending.EXHAUSTED):
        print(f"Retrain:     {_program()} train {shlex.quote(str(database))} --top 5")
