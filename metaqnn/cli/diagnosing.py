"""`metaqnn doctor`: what this installation can do, on one screen."""

import sys

import click

from metaqnn.cli.output import print_json


@click.command()
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
def doctor(is_json: bool) -> None:
    """Say which versions and devices there are, what is missing for what, and where data, caches and databases are.

    TensorFlow is tried in a process of its own, so this works where it is broken. The exit code is 1 where no search
    over networks can run.
    """
    from metaqnn.workflows.doctor import examine

    found = examine()
    if is_json:
        print_json(found.as_mapping())
    else:
        for line in found.lines():
            click.echo(line)
    if found.problem or found.backend_problem:
        sys.exit(1)
