"""`metaqnn replay`: look into a database, also while a search writes to it."""

import re
import sys
from pathlib import Path

import click

from metaqnn.cli.expecting import expect, q_values
from metaqnn.cli.grouping import CommandsByTask
from metaqnn.cli.looking import layers_table, open_written
from metaqnn.cli.options import allow_option, break_lock_option, database_argument, verbosity_options
from metaqnn.cli.output import format_option, print_tables
from metaqnn.cli.summaries import import_table, raw_summary, summary_table
from metaqnn.errors import counted
from metaqnn.replay.tables import Table


class _Commands(CommandsByTask):
    """What people want of a database."""

    tasks = {  # noqa: RUF012 - declared in the class above
        "What was found": ("summary", "top", "show", "episodes", "curves", "profile"),
        "What the agent learned": ("q-values", "expect"),
        "Is it right": ("verify", "check", "rescue"),
        "Copies and other programs": ("copy", "import", "export", "retry"),
    }


@click.group(cls=_Commands)
def replay() -> None:
    """Look into a replay DATABASE (a running search is not disturbed)."""


@replay.command()
@database_argument
@format_option
def summary(database: Path, style: str) -> None:
    """How far the search is, what it found, what it saved, what failed."""
    from metaqnn.replay import import_tables, tables

    with open_written(database) as reader:
        if reader.is_table():
            print_tables([tables.enumeration(reader)], style)
            return
        if reader.is_import():
            facts = import_table(reader) if style == "table" else import_tables.imports(reader)
            print_tables([facts, import_tables.imported_stages(reader)], style)
            return
        facts = summary_table(reader) if style == "table" else raw_summary(reader)
        stages, flight, failed = tables.stages(reader), tables.in_flight(reader), tables.failures(reader)
    # For people an empty table is a line too many; a program wants the same tables every time.
    print_tables([facts, stages, *(table for table in (flight, failed) if table.rows or style != "table")], style)


@replay.command()
@database_argument
@click.option("-n", "count", type=click.IntRange(min=1), default=10, show_default=True, help="How many.")
@format_option
def top(database: Path, count: int, style: str) -> None:
    """The best networks with their score and what they cost."""
    from metaqnn.replay import tables

    with open_written(database) as reader:
        print_tables([tables.top(reader, count)], style)


@replay.command()
@database_argument
@click.argument("model", type=int)
@format_option
def show(database: Path, model: int, style: str) -> None:
    """Everything about one MODEL: what it is made of, evaluations, episodes."""
    from metaqnn.networks.costs import describe
    from metaqnn.replay import tables
    from metaqnn.replay.checks import as_damage
    from metaqnn.workflows.components import is_of_networks

    with open_written(database) as reader:
        facts, predicted = tables.model_facts(reader, model), tables.model_predictions(reader, model)
        shown = [facts, *[predicted] * bool(predicted.rows or style != "table"), tables.model_episodes(reader, model)]
        found = next(m for m in reader.models() if m.model == model)
        if is_of_networks(reader):
            with as_damage(reader.path, f"table models, row {found.model}, column architecture"):
                what = layers_table(describe(found.architecture, tuple(reader.config()["data"]["input_shape"])))
        else:
            what = Table(found.architecture, ("cost", "amount"), tuple(found.costs.items()))
    print_tables([what, *shown], style)


@replay.command()
@database_argument
@click.option("-n", "count", type=click.IntRange(min=1), default=20, show_default=True, help="The last so many.")
@format_option
def episodes(database: Path, count: int, style: str) -> None:
    """The newest episodes: what was sampled, and what it was worth."""
    from metaqnn.replay import tables

    with open_written(database) as reader:
        print_tables([tables.episodes(reader, count)], style)


@replay.command()
@database_argument
@click.argument("models", type=int, nargs=-1)
@format_option
def curves(database: Path, models: tuple[int, ...], style: str) -> None:
    """Learning curves of some MODELS, or of all."""
    from metaqnn.replay import tables

    with open_written(database) as reader:
        print_tables([tables.curves(reader, models)], style)


@replay.command()
@database_argument
@format_option
def profile(database: Path, style: str) -> None:
    """Where the workers' time went: seconds a network by what they did."""
    from metaqnn.replay import phases

    with open_written(database) as reader:
        reader.require_search()
        print_tables([phases.profile(reader)], style)


replay.add_command(q_values)
replay.add_command(expect)


@replay.command()
@database_argument
@allow_option
@click.option(
    "--head",
    "heads",
    multiple=True,
    metavar="HASH",
    help="A hash that was published, as `replay summary` shows it: one that a chain must have come to.",
)
@verbosity_options
def verify(database: Path, allowed: tuple[str, ...], heads: tuple[str, ...]) -> None:
    """Rebuild every value that follows from the seed and the recorded results, and compare; then the hash chains.

    Exit code 0 if all are equal, 1 at the first difference, which is named. Of an imported database the rewards and
    Q-values are rebuilt from the rows of its file. What cannot be rebuilt, such as an accuracy that was measured, is
    compared with the hash chain that was written with it. It says what was proved, what is chained, and what is not.
    """
    from metaqnn.cli.verifying import verification_lines
    from metaqnn.workflows import verify_database
    from metaqnn.workflows.display.counting import counting

    for head in heads:
        if not re.fullmatch("[0-9a-fA-F]{64}", head):
            expected = "expected the 64 hexadecimal digits of a hash, as `metaqnn replay summary` shows it"
            raise click.BadParameter(f"{expected}, got {head!r:.80}", param_hint="--head")
    with open_written(database) as reader, counting("episodes", has_lines=False) as count:
        if not reader.is_import():
            reader.require_search()
        total = reader.episode_count() + len(reader.proposals())
        verification = verify_database(reader, lambda number: count(number, total), allowed, heads)
        origin = "rows of the imported file" if reader.is_import() else "seed and the recorded results"
    if verification.difference:
        print(f"{database}: NOT as it should be. {verification.difference}.")
        sys.exit(1)
    flight, values = counted(verification.proposals, "proposal"), counted(verification.q_values, "Q-value")
    print(
        f"{database}: verified. {counted(verification.episodes, 'episode')}, {flight} in flight and {values} follow "
        f"from the {origin}."
    )
    print("\n".join(verification_lines(verification)))


@replay.command()
@database_argument
@click.argument("target", type=click.Path(path_type=Path))
def copy(database: Path, target: Path) -> None:
    """Copy a database to TARGET, consistently, also while a search writes to it."""
    from metaqnn.replay.copying import copy_database

    copy_database(database, target)
    print(f"Copied to {target}.")


@replay.command()
@database_argument
@break_lock_option
@allow_option
def retry(database: Path, break_lock: bool, allowed: tuple[str, ...]) -> None:
    """Propose the networks anew that crashed, hung or timed out; the next run of the search trains them."""
    from metaqnn.replay.memory import SQLiteReplayMemory
    from metaqnn.workflows.components import require_plugins

    with open_written(database) as reader:  # what cannot be used is refused before anything is locked or created
        reader.require_search()
        require_plugins(reader, allowed)
    with SQLiteReplayMemory(database, break_lock=break_lock) as memory:
        proposals = memory.retry_failed()
    if not proposals:
        print("No network crashed, hung or timed out; there is nothing to retry.")
        return
    for proposal in proposals:
        print(f"  model {proposal.model.model}: {proposal.model.architecture}")
    print(f"{len(proposals)} proposed anew. Train them: metaqnn resume {database}")
