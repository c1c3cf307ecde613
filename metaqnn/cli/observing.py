"""`metaqnn observe`: a recorded search kept elsewhere, too."""

from pathlib import Path

import click

from metaqnn.cli.options import allow_option, complete_observers, database_argument


@click.command()
@database_argument
@click.argument("observers", nargs=-1, required=True, shell_complete=complete_observers)
@allow_option
def observe(database: Path, observers: tuple[str, ...], allowed: tuple[str, ...]) -> None:
    """Keep what a DATABASE holds in a file or a tool, too.

    OBSERVERS are csv, jsonl, tensorboard, mlflow, wandb, or those of a package, each with its options behind commas:
    tensorboard,logdir=runs. What is there already is not kept twice, so the command completes what an observer of a
    search has missed.
    """
    from metaqnn.replay.reader import ReplayReader
    from metaqnn.workflows.observing import follow_to_the_end
    from metaqnn.workflows.section import read_observer_words

    sections = [read_observer_words(words) for words in observers]
    with ReplayReader(database) as reader:
        for section in sections:
            print(f"{section.name}: {follow_to_the_end(reader, section, allowed):,} new episodes.")
