"""`metaqnn report`: a search as one page."""

import time
from pathlib import Path

import click

from metaqnn.cli.looking import open_written
from metaqnn.cli.options import database_argument, require_place, verbosity_options


@click.command()
@database_argument
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for report.html and its figures. [build/report/NAME]",
)
@click.option(
    "--top", type=click.IntRange(1, 100), default=10, show_default=True, help="How many of the best are shown closely."
)
@verbosity_options
def report(database: Path, out: Path | None, top: int) -> None:
    """Write what a search found as one page that needs no network, with its figures beside it as PNG and SVG.

    DATABASE may belong to a running search, which is not disturbed; the page says how far it was. Reads what is
    recorded, and never a data set.
    """
    from metaqnn.errors import counted
    from metaqnn.reports.page import FIGURES, PAGE, write_report
    from metaqnn.workflows.check import damage_told
    from metaqnn.workflows.display.counting import counting
    from metaqnn.workflows.report import read_report

    began = time.monotonic()
    with damage_told(database), open_written(database) as reader:
        out = out or Path("build") / "report" / database.stem
        require_place("--out", out, PAGE)
        require_place("--out", out / FIGURES)
        data = read_report(reader, top)
    with damage_told(database), counting("figures") as count:
        page = write_report(data, out, count)
    print(
        f"The report of {counted(data.provenance.done, data.domain.noun)}, in {time.monotonic() - began:.1f} s: {page}"
    )
    print(f"Its figures, as PNG and SVG, with their numbers as CSV: {out / FIGURES}")
