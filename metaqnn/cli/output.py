"""Tables on the screen, as JSON, or as CSV."""

import csv
import json
import sys

import click

from metaqnn.replay.tables import Table

format_option = click.option(
    "--format",
    "style",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
    help="How to print.",
)

_PERCENT = ("accuracy", "mean_accuracy", "best_accuracy", "train_accuracy", "validation_accuracy")


def print_tables(tables: list[Table], style: str) -> None:
    """Print tables for people, or the raw values for programs.

    JSON is one list of objects for one table, else an object of such lists by title; CSV is one block a table.
    """
    if style == "json":
        content = {table.title: [dict(zip(table.columns, row, strict=True)) for row in table.rows] for table in tables}
        json.dump(next(iter(content.values())) if len(content) == 1 else content, sys.stdout, indent=2)
        print()
        return
    if style == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        for number, table in enumerate(tables):
            if number:
                print()
            writer.writerow(table.columns)
            writer.writerows(table.rows)
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table as RichTable

    console = Console(highlight=False)
    for table in tables:
        shown = RichTable(title=table.title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
        for name in table.columns:
            is_text = any(isinstance(row[table.columns.index(name)], str) for row in table.rows)
            shown.add_column(
                name.replace("_", " "), justify="left" if is_text else "right", overflow="fold", no_wrap=not is_text
            )
        for row in table.rows:
            shown.add_row(*(_cell(name, value) for name, value in zip(table.columns, row, strict=True)))
        console.print(shown)
        if not table.rows:
            console.print("  nothing yet\n")


def _cell(column: str, value: object) -> str:
    if value is None:
        return "-"
    if column in _PERCENT and isinstance(value, float):
        return f"{100 * value:.2f} %"
    if column in ("flops", "parameters"):
        return f"{value:,}" if value < 10_000_000 else f"{value / 1e6:,.1f} M"
    if column == "reused":
        return "yes" if value else ""
    if isinstance(value, float):
        return f"{value:.5g}"
    return str(value)
