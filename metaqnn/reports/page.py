"""The report as one page that needs nothing else, and its figures beside it."""

from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path

from metaqnn.reports import words
from metaqnn.reports.control import Control
from metaqnn.reports.diagrams import diagram_of, legend
from metaqnn.reports.drawing import Album, Picture, require_own, style, write_whole
from metaqnn.reports.final_results import error_interval
from metaqnn.reports.findings import Findings
from metaqnn.reports.pictures import curve_name, figure_jobs

PAGE = "report.html"
FIGURES = "figures"

_SECTIONS = (
    ("search", "The search"),
    ("course", "Course of the search"),
    ("networks", "Best networks"),
    ("cost", "Accuracy and cost"),
    ("failures", "Failures"),
    ("time", "Time"),
    ("control", "Control"),
    ("finals", "Final networks"),
    ("imported", "Imported rows"),
)
"""(id and template, title) in the order of the page."""

_OF_A_TABLE = {
    "search": "The table",
    "networks": "Best networks",
    "cost": "Accuracy and cost",
    "failures": "Failures",
    "time": "Time",
}
"""What the page of an enumerated space has: nothing was learned in its course, and chance could have missed nothing."""


def write_report(findings: Findings, folder: Path, count: Callable[..., None] = lambda *_: None) -> Path:
    """Write the page and its figures; each file appears whole or not at all, the page last.

    Args:
        findings: what it says.
        folder: where; made if absent.
        count: called with how many figures are done, of how many, and the name of the next.

    Returns:
        the page.

    Raises:
        MetaqnnError: a file of another's is in the way.
    """
    album, pictures, jobs = Album(folder / FIGURES), {}, figure_jobs(findings)
    for path in (folder / PAGE, *(album.folder / f"{job.name}.{ending}" for job in jobs for ending in ("png", "svg"))):
        require_own(path)
    album.folder.mkdir(parents=True, exist_ok=True)
    with style():
        for number, job in enumerate(jobs):
            count(number, len(jobs), job.name)
            pictures[job.name] = album.add(job.name, job.draw(), job.alternative)
    count(len(jobs), len(jobs))
    write_whole(folder / PAGE, render(findings, pictures).encode("utf-8"))
    return folder / PAGE


def render(findings: Findings, pictures: Mapping[str, Picture]) -> str:
    """The page as text.

    Args:
        findings: what it says.
        pictures: name -> figure; what is not there is left out.
    """
    import yaml
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    loader = PackageLoader("metaqnn.reports", ".")
    page = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    for word in (words.percent, words.points, words.count, words.magnitude, words.duration, words.moment, words.listed):
        page.filters[word.__name__] = word
    page.globals |= {"plural": words.plural, "curve_name": curve_name, "error_interval": error_interval}
    shape = tuple(findings.subject.data["input_shape"])
    return page.get_template("page.html").render(
        it=findings,
        experiment=findings.subject.experiment,
        provenance=findings.provenance,
        pictures=pictures,
        sections=tuple(_OF_A_TABLE.items()) if findings.provenance.is_table else _SECTIONS,
        diagrams={top.rank: diagram_of(top.network.architecture, shape) for top in findings.top},
        legend=legend(),
        has_control=isinstance(findings.control, Control),
        yaml=yaml.safe_dump(_plain(findings.subject.experiment), sort_keys=False, default_flow_style=None, width=100),
        style=Markup(files("metaqnn.reports").joinpath("page.css").read_text(encoding="utf-8")),
    )


def _plain(values: object) -> object:
    """Mappings and sequences of any kind as those that YAML writes."""
    if isinstance(values, Mapping):
        return {key: _plain(value) for key, value in values.items()}
    return [_plain(value) for value in values] if isinstance(values, tuple | list) else values
