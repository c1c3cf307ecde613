"""The report as one page that needs nothing else, and its figures beside it."""

from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path

from metaqnn.config import as_mapping
from metaqnn.errors import counted
from metaqnn.reports import words
from metaqnn.reports.baseline import RandomSearchBaseline
from metaqnn.reports.conclusions import conclusions_of
from metaqnn.reports.drawing import ENDINGS, Axis, Picture, require_own, style, write_picture, write_whole
from metaqnn.reports.pictures import cost_name, curve_name, figure_jobs
from metaqnn.reports.report_data import ReportData
from metaqnn.reports.trade_offs import on_a_front

PAGE = "report.html"
FIGURES = "figures"


def _sections(data: ReportData, metric: str) -> tuple[tuple[str, str], ...]:
    """(id and template, title) in the order of the page. Of a table nothing was learned, and chance missed nothing."""
    is_table, domain = data.provenance.is_table, data.domain
    return (
        ("search", "The table" if is_table else "The search"),
        *(() if is_table else (("trace", "Score trace"),)),
        ("best", f"Best {domain.noun}s"),
        *((("cost", f"{metric} and cost"),) if data.trade_offs or not data.ranking else ()),
        ("failures", "Failures"),
        ("time", "Time"),
        *(() if is_table else (("baseline", "Random-search baseline"), *domain.sections(data.own))),
        *(() if is_table else (("imported", "Imported rows"),)),
    )


def write_report(data: ReportData, folder: Path, count: Callable[..., None] = lambda *_: None) -> Path:
    """Write the page and its figures; each file appears whole or not at all, the page last.

    Args:
        data: what it says.
        folder: where; made if absent.
        count: called with how many figures are done, of how many, and the name of the next.

    Raises:
        MetaqnnError: a file of another's is in the way.
    """
    figures, pictures, jobs = folder / FIGURES, {}, figure_jobs(data)
    for path in (folder / PAGE, *(figures / f"{job.name}.{ending}" for job in jobs for ending in ENDINGS)):
        require_own(path)
    figures.mkdir(parents=True, exist_ok=True)
    with style():
        for number, job in enumerate(jobs):
            count(number, len(jobs), job.name)
            pictures[job.name] = write_picture(figures, job.name, job.draw(), job.alternative, job.table().as_csv())
    count(len(jobs), len(jobs))
    write_whole(folder / PAGE, render(data, pictures).encode("utf-8"))
    return folder / PAGE


def render(data: ReportData, pictures: Mapping[str, Picture]) -> str:
    """The page as text; figures that are not among the pictures, which are by name, are left out."""
    import yaml
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    domain, score = data.domain, data.score
    folders = [folder for folder in (domain.templates, ".") if folder]
    page = Environment(
        loader=ChoiceLoader([PackageLoader("metaqnn.reports", folder) for folder in folders]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for word in (words.percent, words.count, words.amount, words.magnitude, words.duration, words.moment, words.listed):
        page.filters[word.__name__] = word
    page.filters["initial"] = words.initial
    page.filters["score"] = score.words
    page.filters["difference"] = words.points if score.is_share else words.signed
    metric = Axis(score, domain.metric(score))
    page.globals |= {"plural": counted, "curve_name": curve_name, "cost_name": cost_name}
    return page.get_template("page.html").render(
        it=data,
        conclusions=conclusions_of(data),
        domain=domain,
        noun=domain.noun,
        done=domain.done,
        metric=metric,
        experiment=data.subject.experiment,
        provenance=data.provenance,
        pictures=pictures,
        sections=_sections(data, metric.title),
        fronts=on_a_front(data.trade_offs, data.ranking),
        has_baseline=isinstance(data.baseline, RandomSearchBaseline),
        yaml=yaml.safe_dump(as_mapping(data.subject.experiment), sort_keys=False, default_flow_style=None, width=100),
        style=Markup(files("metaqnn.reports").joinpath("page.css").read_text(encoding="utf-8")),
        **domain.context(data),
    )
