"""Commands that look and change nothing: `describe` and `datasets`."""

import re
import shlex
import sys
from dataclasses import astuple
from pathlib import Path
from typing import Any

import click

from metaqnn.cli.options import complete_data, overrides_option, verbosity_options
from metaqnn.cli.output import format_option, print_tables
from metaqnn.replay.tables import Table
from metaqnn.verbosity import tell


@click.command()
@click.argument("network")
@click.option("--input", "size", default="32x32x3", show_default=True, help="HEIGHTxWIDTHxCHANNELS of an image.")
@format_option
def describe(network: str, size: str, style: str) -> None:
    """Show layers, shapes, parameters and FLOPs of a NETWORK such as "[C(64,3,1), P(2,2), SM(10)]".

    FLOPs are 2 x the multiply-adds of one image's forward pass.
    """
    from metaqnn.networks.costs import describe as describe_network
    from metaqnn.networks.dropout import dropout_rates

    match = re.fullmatch(r"([1-9][0-9]{0,5})x([1-9][0-9]{0,5})x([1-9][0-9]{0,5})", size)
    if not match:
        raise click.BadParameter(f"expected HEIGHTxWIDTHxCHANNELS such as 32x32x3, got {size!r}", param_hint="--input")
    description = describe_network(network, tuple(map(int, match.groups())))
    rates = dropout_rates(description.architecture)
    layers = layers_table(description)
    dropout = [f"{rates[index]:.3g}" if index in rates else "" for index in range(len(layers.rows))]
    rows = [(*row, after) for row, after in zip(layers.rows, dropout, strict=True)]
    rows.append(("total", "", description.parameters, description.flops, ""))
    print_tables([Table(f"{layers.title} on {size}", (*layers.columns, "dropout_after"), tuple(rows))], style)


@click.command()
@format_option
def plugins(style: str) -> None:
    """List spaces, strategies, evaluators, data sets, rewards and observers.

    Each with the package that it comes from, or what failed to load and why.

    What cannot be loaded disturbs nothing else until an experiment names it.
    """
    from metaqnn.core.plugins import listed

    rows = tuple(
        (row.plugin.kind, row.plugin.name, row.plugin.package, row.plugin.version, row.problem) for row in listed()
    )
    columns = ("kind", "name", "package", "version", "problem")
    if style != "table":
        print_tables([Table("Plug-ins", columns, rows)], style)
        return
    shown = [Table("Plug-ins", columns[:-1], tuple(row[:-1] for row in rows if not row[-1]))]
    if failed := tuple((*row[:3], row[-1]) for row in rows if row[-1]):
        shown.append(Table("What cannot be used", ("kind", "name", "package", "reason"), failed))
    print_tables(shown, style)


@click.command()
@click.argument("name", metavar="[PATH|NAME]", required=False, shell_complete=complete_data)
@overrides_option("dataset.scale=15")
@click.option("--no-test", is_flag=True, help="Leave the test split closed.")
@click.option(
    "--db",
    "database",
    type=click.Path(path_type=Path),
    help="Replay database in which opening the test split is recorded as a look. [none]",
)
@click.option("--copies", "lists_copies", is_flag=True, help="List the copies of data that were given as objects.")
@click.option("--remove-copy", metavar="HASH", help="Delete such a copy; the beginning of its hash is enough.")
@verbosity_options
@format_option
def datasets(name, overrides, no_test, database, lists_copies, remove_copy, style) -> None:
    """Show what is understood of a data set; without PATH or NAME, list the data sets that have names.

    A path to an .npz file (x_train, y_train, x_test, y_test) or to a folder of images per class works too. Shown are
    classes with counts, sizes, values, what was passed over, and what looks wrong within the training part and across
    training and test part. Nothing is trained.
    """
    if name is not None and (lists_copies or remove_copy is not None):
        raise click.UsageError("expected no PATH or NAME beside --copies and --remove-copy")
    if name is not None:
        _describe_data(name, overrides, no_test, database, style)
        return
    if overrides or no_test or database:
        raise click.UsageError("expected the PATH or NAME of a data set beside these options")
    if remove_copy is not None:
        _remove_copy(remove_copy)
    if lists_copies or remove_copy is not None:
        _list_copies(style)
        return
    from metaqnn.networks.data import catalogue

    rows = tuple(
        (name, _size(shape), *counts, "yes" if is_there else "no", place)
        for name, shape, *counts, place, is_there in map(astuple, catalogue())
    )
    columns = ("name", "image", "classes", "train", "test", "there", "read_from")
    print_tables([Table("Data sets", columns, rows)], style)


def _list_copies(style: str) -> None:
    from metaqnn.networks.data.copies import copies, copies_folder

    rows = tuple(
        (each.hash if style != "table" else each.hash[:12], *each.images, each.size, each.copied_at)
        for each in copies()
    )
    print_tables([Table(f"Copies in {copies_folder()}", ("copy", "train", "test", "size", "copied_at"), rows)], style)


def _remove_copy(beginning: str) -> None:
    from metaqnn.networks.data.copies import remove_copy

    tell(
        f"Removed the copy {remove_copy(beginning).hash}; a search of it can go on once metaqnn.search copies it again."
    )


def _describe_data(name: str, overrides, no_test: bool, database: Path | None, style: str) -> None:
    from metaqnn.workflows.describe_data import describe_data

    command = shlex.join(["metaqnn", *sys.argv[1:]])
    found = describe_data(name, overrides, not no_test, database, command, tell)
    size = _size(found.input_shape)
    parts = tuple((part.name, part.images, size, part.low, part.high) for part in found.parts)
    each: list[list[Any]]
    if found.target == "numbers":
        each = [[f"{low:g} to {high:g}" for low, high in part.ranges] for part in found.parts]
        title, unit = "Each number, least to largest", "number"
    else:
        each = [list(part.counts) for part in found.parts]
        unit = "class" if found.target == "classes" else "label"
        title = f"Images of each {unit}"
    counts = zip(found.class_names, *each, strict=True)
    titles = (name, title, "What was noticed") if style == "table" else ("parts", found.target, "notes")
    tables = [
        Table(titles[0], ("part", "images", "size", "lowest", "highest"), parts),
        Table(titles[1], (unit, *(part.name for part in found.parts)), tuple(counts)),
        Table(titles[2], ("kind", "value"), tuple((note.kind, note.text) for note in found.notes)),
    ]
    print_tables(tables if found.notes or style != "table" else tables[:2], style)
    if style == "table" and not found.of_kind("doubt"):
        print("Nothing looks wrong.")


def layers_table(description) -> Table:
    """A network layer by layer."""
    rows = tuple((str(each.layer), _size(each.shape), each.parameters, each.flops) for each in description.layers)
    return Table(str(description.architecture), ("layer", "output", "parameters", "flops"), rows)


def _size(shape) -> str:
    return "x".join(map(str, shape))


def open_written(database: Path):
    """A reader of a database that something was written to."""
    from metaqnn.errors import ReplayError
    from metaqnn.replay.reader import ReplayReader

    reader = ReplayReader(database)
    if not reader.config():
        reader.close()
        raise ReplayError(f"{database}: no search has written to this database yet; start one with `metaqnn search`")
    return reader
