"""`metaqnn report`: a search as one page."""

import time
from pathlib import Path

import click

from metaqnn.cli.options import require_place


@click.command()
@click.argument("database", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for report.html and its figures. [build/report/NAME]",
)
@click.option(
    "--top", type=click.IntRange(1, 100), default=10, show_default=True, help="Networks that are shown closely."
)
def report(database: Path, out: Path | None, top: int) -> None:
    """Write what a search found as one page that needs no network, with its figures beside it as PNG and SVG.

    DATABASE may belong to a running search, which is not disturbed; the page says how far it was. Reads what is
    recorded, and never a data set.
    """
    from metaqnn.config import as_mapping
    from metaqnn.errors import ReplayError
    from metaqnn.replay.reader import ReplayReader
    from metaqnn.reports.findings import read_findings
    from metaqnn.reports.page import FIGURES, PAGE, write_report
    from metaqnn.reports.provenance import Subject
    from metaqnn.reports.words import plural
    from metaqnn.workflows import stored_experiment, stored_schedule
    from metaqnn.workflows.display.counting import counting

    began = time.monotonic()
    with ReplayReader(database) as reader:
        config = reader.config()
        if not config:
            raise ReplayError(
                f"{database}: no search has written to this database yet; start one with `metaqnn search`"
            )
        schedule = stored_schedule(config)
        out = out or Path("build") / "report" / database.stem
        require_place("--out", out, PAGE)
        require_place("--out", out / FIGURES)
        findings = read_findings(reader, Subject(as_mapping(stored_experiment(reader)), schedule, config["data"]), top)
    with counting("figures") as count:
        page = write_report(findings, out, count)
    networks = plural(findings.provenance.networks_done, "network")
    print(f"The report of {networks}, in {time.monotonic() - began:.1f} s: {page}")
    print(f"Its figures, as PNG and SVG: {out / FIGURES}")
