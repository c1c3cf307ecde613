"""`metaqnn enumerate`: train every network of a small space, several times each."""

import sys
from functools import partial
from pathlib import Path

import click

from metaqnn.cli.options import (
    break_lock_option,
    complete_experiments,
    gpus_option,
    overridden,
    overrides_option,
    require_place,
    seed_option,
    verbosity_options,
    workers_option,
)
from metaqnn.errors import counted
from metaqnn.verbosity import tell


@click.command("enumerate")
@click.argument("experiment", shell_complete=complete_experiments)
@click.option("--db", "database", type=click.Path(path_type=Path), help="Database file. [replay_db/NAME.sqlite]")
@seed_option
@overrides_option()
@click.option("--seeds", type=click.IntRange(1, 1000), default=1, show_default=True, help="Trainings of each network.")
@workers_option
@gpus_option
@break_lock_option
@verbosity_options
@click.option("--fresh", is_flag=True, help="Move an existing database and table aside and start anew.")
@click.option(
    "--table",
    "description",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the finished table, too: FILE.yaml and beside it FILE.csv.gz.",
)
def enumerate_(experiment, database, seed, overrides, seeds, workers, gpus, break_lock, fresh, description) -> None:
    """Train every network of a small space: EXPERIMENT is a YAML file or the name of a shipped experiment.

    The same command goes on after an interruption; a larger --seeds adds to what is there. What comes out is a table
    for `metaqnn compare`.
    """
    from metaqnn.replay.places import require_new
    from metaqnn.workflows import default_database, load_experiment
    from metaqnn.workflows.display.counting import counting
    from metaqnn.workflows.enumerate import run_enumeration
    from metaqnn.workflows.table_files import packed_file, write_table

    announce = partial(tell, stream=sys.stdout)
    experiment = load_experiment(experiment, overridden(overrides, seed), announce)
    database = database or default_database(experiment)
    if description is not None and description.suffix not in (".yaml", ".yml"):
        raise click.BadParameter(f"expected a name that ends in .yaml, got {description}", param_hint="--table")
    table_files = () if description is None else (packed_file(description), description)
    if description is not None:
        require_place("--table", description.parent, *(file.name for file in table_files))
    for file in () if fresh else table_files:
        require_new(file)
    announce(f"{experiment.name}: {experiment.data_words}, seed {experiment.seed}, database {database}")
    with counting("trainings") as count:
        report = run_enumeration(
            experiment,
            database,
            seeds,
            workers,
            gpus,
            fresh,
            lambda now: count(now.done, now.total, now.words),
            announce,
            table_files,
            break_lock,
        )
    if not report.is_complete:
        print(f"Stopped; run the same command again, and it goes on. Everything trained is in {database}.")
        sys.exit(128 + (report.signal or 0))
    if description is not None:
        table = write_table(database, description, experiment.name)
        print(f"The table of {counted(len(table.entries), 'network')}: {description}")
    print(f"Compare strategies on it: metaqnn compare {description or database}")
