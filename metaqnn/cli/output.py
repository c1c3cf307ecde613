"""Tables on the screen, as JSON, or as CSV."""

import csv
import json
import math
import shutil
import sys
from textwrap import wrap

import click

from metaqnn.replay.tables import Table


def _json(context: click.Context, _parameter: click.Parameter, is_json: bool) -> None:
    """`--json` is `--format json`, wherever it stands among the options."""
    if is_json and context.params.get("style") not in (None, "table", "json"):
        raise click.UsageError("expected --json or --format, got both, which say different things", context)
    if is_json:
        context.params["style"] = "json"


def _format(context: click.Context, _parameter: click.Parameter, style: str) -> str:
    """What `--json` said before stays."""
    before = context.params.get("style")
    if before == "json" and style not in ("table", "json"):
        raise click.UsageError("expected --json or --format, got both, which say different things", context)
    return before or style


def format_option(command):
    """The options that say how tables are printed: `--format` and, the same as `--format json`, `--json`."""
    styles = click.Choice(["table", "json", "csv"])
    command = click.option(
        "--json", is_flag=True, expose_value=False, callback=_json, help="Print JSON: the same as --format json."
    )(command)
    return click.option(
        "--format", "style", type=styles, default="table", show_default=True, callback=_format, help="How to print."
    )(command)


_COSTS = ("flops", "parameters", "size")
"""Columns of large numbers, which are shortened for people."""

_LONG = ("architecture", "net", "reason", "device", "read_from", "value", "verdict", "description")
"""Columns of long texts: they stand beside the others where there is room, else on lines of their own."""

_ROOM = 32
"""The least width for a long text to stand beside the others."""

_WORDS = {"validation": "valid.", "evaluation": "eval.", "final": "retraining", "finals": "retrainings"}
"""What people read in place of words in the names of columns, which programs know."""


def print_tables(tables: list[Table], style: str) -> None:
    """Print tables for people, or the raw values for programs.

    JSON is one list of objects for one table, else an object of such lists by title; CSV is one block a table.
    """
    if style == "json":
        content = {
            table.title: [dict(zip(table.columns, map(_plain, row), strict=True)) for row in table.rows]
            for table in tables
        }
        print_json(next(iter(content.values())) if len(content) == 1 else content)
    elif style == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        for number, table in enumerate(tables):
            if number:
                print()
            writer.writerow(table.columns)
            writer.writerows(table.rows)
    else:
        width = shutil.get_terminal_size().columns
        for table in tables:
            for line in wrap(f"{table.title}; {table.score}" if table.score else table.title, width):
                click.secho(line, bold=True)
            print("\n".join(_lines(table, width)), end="\n\n")


def print_json(content: object) -> None:
    """Print a document for programs; numbers are numbers, and what JSON has no number for is null."""
    json.dump(content, sys.stdout, indent=2, allow_nan=False)
    print()


def _plain(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _lines(table: Table, width: int) -> list[str]:
    """A table as lines that fit the width; a number is never cut, whatever the width."""
    if not table.rows:
        return ["  nothing yet"]
    rows = [[_cell(table, name, value) for name, value in zip(table.columns, row, strict=True)] for row in table.rows]
    headers = [" ".join(_WORDS.get(word, word) for word in name.split("_")) for name in table.columns]
    widths = [
        max(len(text) for text in (*header.split(), *column))
        for header, column in zip(headers, zip(*rows, strict=True), strict=True)
    ]
    texts = [any(isinstance(value, str) for value in column) for column in zip(*table.rows, strict=True)]
    is_long = [name in _LONG and is_text for name, is_text in zip(table.columns, texts, strict=True)]
    # The first columns side by side, the long ones below them, unless everything fits or one long text can wrap.
    beside = list(range(len(headers)))
    if sum(widths) + 2 * len(widths) > width:
        last, room = beside[-1], width - 2 * len(widths) - sum(widths[:-1])
        if is_long[last] and sum(is_long) == 1 and room >= _ROOM:
            widths[last] = room
        else:
            beside = [i for i in beside if not is_long[i]]
    below = [i for i in range(len(headers)) if i not in beside]
    gap = " " * (2 if sum(widths[i] for i in beside) + 2 * len(beside) <= width else 1)

    def line(cells: list[str]) -> str:
        aligned = (cells[i].ljust(widths[i]) if texts[i] else cells[i].rjust(widths[i]) for i in beside)
        return gap + gap.join(aligned).rstrip()

    def block(cells: list[str]) -> list[str]:
        """A row whose cells are wrapped to their columns."""
        parts = [wrap(cell, widths[i]) if i in beside else [] for i, cell in enumerate(cells)]
        height = max(map(len, parts))
        return [line([part[k] if k < len(part) else "" for part in parts]) for k in range(height)]

    lines = [*block(headers), gap + "-" * (sum(widths[i] for i in beside) + len(gap) * (len(beside) - 1))]
    for cells in rows:
        lines += block(cells)
        lines += [f"      {part}" for i in below for part in wrap(cells[i], max(20, width - 6))]
    return lines


def _cell(table: Table, column: str, value: object) -> str:
    if value is None:
        return "-"
    if column in table.percent and isinstance(value, float):
        return f"{100 * value:.2f} %"
    if column in _COSTS and isinstance(value, int | float):
        if value < 10_000_000:
            return f"{value:,}"
        return f"{value / 1e6:,.1f} M" if value < 10**12 else f"{value:.3e}"
    if column == "reused":
        return "yes" if value else ""
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)
