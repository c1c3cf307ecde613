"""How figures look and where they go: one style, colours that colour-blind people can tell apart, PNG and SVG."""

import base64
import io
import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

from metaqnn.core import Score
from metaqnn.errors import MetaqnnError
from metaqnn.files import written_whole
from metaqnn.machine import raise_machine_fault
from metaqnn.reports.words import initial

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, PINK, RED, SKY = "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9"
"""Okabe & Ito's palette, "Color Universal Design" (2008)."""

GREY, DARK = "#8A8F98", "#24292F"

SERIES = (
    (BLUE, "o", "-"),
    (RED, "s", "--"),
    (GREEN, "^", "-."),
    (ORANGE, "D", ":"),
    (PINK, "v", "-"),
    (DARK, "P", "--"),
)
"""Colour, marker and dashes of the lines of a figure, so that nothing hangs on the colour alone."""

WIDTH, HEIGHT = 5.4, 3.7
"""Inches of a figure, small enough to be read on a narrow screen."""

_STYLE: Any = {
    "font.family": "DejaVu Sans",  # comes with Matplotlib
    "font.size": 10.5,
    "axes.titlesize": 11.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E3E6EA",
    "legend.fontsize": 9.5,
    "legend.framealpha": 0.85,
    "legend.edgecolor": "#D0D4DA",
    "svg.fonttype": "path",
    "svg.hashsalt": "metaqnn",  # so that equal figures are equal files
    "figure.facecolor": "white",
}
_DOTS_PER_INCH = 160

_LEGEND_HEIGHT = 0.8
"""Inches of a legend below the axes for which a figure has room; it grows by what is above."""


@dataclass(frozen=True)
class Picture:
    """A figure that was written: its name, what it shows, for those who do not see it, and the SVG as a data URI."""

    name: str
    title: str
    alternative: str
    source: str


def style() -> AbstractContextManager[None]:
    """Draw in the style of the reports within the block."""
    import matplotlib as mpl

    return mpl.rc_context(_STYLE)


def blank(title: str, across: str, up: str, width: float = WIDTH, height: float = HEIGHT) -> tuple["Figure", "Axes"]:
    """A figure with one set of axes and its labels, which are wrapped where they are long."""
    figure = _drawing()(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(fill(title, int(9.3 * width)))
    axes.set_xlabel(across)
    axes.set_ylabel(fill(up, int(11 * height)))
    return figure, axes


@cache
def _drawing() -> type["Figure"]:
    """Matplotlib's figure, which notebooks show without a further word."""
    from matplotlib.figure import Figure

    class Drawing(Figure):
        def _repr_png_(self) -> bytes:
            content = io.BytesIO()
            self.savefig(content, format="png", dpi=_DOTS_PER_INCH / 2)
            return content.getvalue()

    return Drawing


@dataclass(frozen=True)
class Axis:
    """A score along an axis of a figure, and its name in words."""

    score: Score
    name: str

    @property
    def title(self) -> str:
        """The name as a title begins."""
        return initial(self.name)

    @property
    def label(self) -> str:
        """The name, and which way it is better where that does not go without saying."""
        return f"{self.name} ({self.score.better})" if self.score.better else self.name

    @property
    def corner(self) -> str:
        """Where cheap and good architectures leave room for a legend."""
        return "lower right" if self.score.direction == "maximize" else "upper right"

    def mark(self, *axes) -> None:
        """Write shares in percent along axes."""
        from matplotlib.ticker import PercentFormatter

        for axis in axes if self.score.is_share else ():
            axis.set_major_formatter(PercentFormatter(1.0, decimals=None))

    def limits(self, values: Sequence[float]) -> tuple[float, float]:
        """The ends of the axis: some room around the values, within the score's range."""
        low, high = min(values), max(values)
        room = 0.03 if self.score.is_share else 0.05 * (high - low or abs(high) or 1.0)
        return max(self.score.low, low - room), min(self.score.high, high + room)


def legend_once(axes, **options) -> None:
    """A legend that names everything once."""
    handles, labels = _named_once(axes)
    if labels:
        axes.legend(handles, labels, **options)


def below(figure, axes, **options) -> None:
    """A legend below the axes that names everything once: in as many columns as fit, and the figure grows with it."""
    handles, labels = _named_once(axes)
    labels = [fill(label, int(9 * figure.get_figwidth())) for label in labels]
    for columns in range(len(labels), 0, -1):
        legend = figure.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False, **options)
        extent = legend.get_window_extent()
        if extent.width <= figure.bbox.width or columns == 1:
            figure.set_figheight(figure.get_figheight() + max(0.0, extent.height / figure.dpi - _LEGEND_HEIGHT))
            break
        legend.remove()


def _named_once(axes) -> tuple[list, list[str]]:
    handles, labels = axes.get_legend_handles_labels()
    first = dict(zip(reversed(labels), reversed(handles), strict=True))
    return [first[label] for label in dict.fromkeys(labels)], list(dict.fromkeys(labels))


def in_whole_numbers(axis) -> None:
    """Have no ticks between the whole numbers of a linear axis."""
    axis.get_major_locator().set_params(integer=True)


def spread_out(axes, values: Sequence[float], times: float) -> None:
    """Label the axis across with 10 k, 1 M; logarithmic where the largest value is so many times the least."""
    from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

    axis = axes.xaxis
    if is_wide(values, times):
        axes.set_xscale("log")
        axes.set_xlabel(f"{axes.get_xlabel()} (logarithmic)")
        low, high = axis.get_view_interval()
        axis.set_major_locator(LogLocator(subs=(1.0, 3.0) if high < 1e4 * low else (1.0,), numticks=12))
        axis.set_major_formatter(EngFormatter(sep=" "))
        axis.set_minor_formatter(NullFormatter())
    elif axis.get_view_interval()[1] >= 10_000:
        axis.set_major_formatter(EngFormatter(sep=" "))


def is_wide(values: Sequence[float], times: float) -> bool:
    """Whether values are better seen along a logarithmic axis."""
    return min(values) > 0 and max(values) > times * min(values)


ENDINGS = ("svg", "png", "csv")
"""Of the files of a figure, in the order of writing: the SVG says that the CSV is a report's."""


def write_picture(folder: Path, name: str, figure: "Figure", alternative: str, numbers: bytes) -> Picture:
    """Write a figure as NAME.svg, NAME.png and its numbers as NAME.csv; each appears whole or not at all.

    Args:
        folder: exists.
        name: of the files.
        figure: drawn, not laid out.
        alternative: what it shows, for those who do not see it.
        numbers: the content of the CSV.
    """
    figure.draw_without_rendering()
    figure.set_layout_engine(None)  # laid out once, for both files
    of_svg = {"Date": None, "Creator": "metaqnn", "Description": _numbers_in(name)}
    contents = {"csv": numbers}
    for ending, metadata in (("svg", of_svg), ("png", {"Software": "metaqnn"})):
        content = io.BytesIO()
        figure.savefig(content, format=ending, dpi=_DOTS_PER_INCH, metadata=metadata)
        contents[ending] = content.getvalue()
    for ending in ENDINGS:
        write_whole(folder / f"{name}.{ending}", contents[ending])
    title = figure.axes[0].get_title(loc="left").replace("\n", " ")
    source = "data:image/svg+xml;base64," + base64.b64encode(contents["svg"]).decode("ascii")
    return Picture(name, title, alternative, source)


def _numbers_in(name: str) -> str:
    return f"The numbers are in {name}.csv."


_MARKS = (b'<meta name="generator" content="metaqnn">', b"Software\0metaqnn", b"<dc:title>metaqnn</dc:title>")
"""By which a page, a PNG and an SVG are known as a report's, each near its beginning."""


def require_own(path: Path) -> None:
    """Refuse to write over a file that no report wrote.

    Raises:
        MetaqnnError: that is what stands there, or the machine failed and nobody knows.
    """
    if path.suffix == ".csv":  # a mark would be in the way of who reads it, so the figure beside it has it
        is_own = _numbers_in(path.stem).encode() in _beginning(path.with_suffix(".svg")) and not path.is_symlink()
    else:
        is_own = any(mark in _beginning(path) for mark in _MARKS)
    if os.path.lexists(path) and not is_own:
        raise MetaqnnError(f"{path}: expected an earlier report's file, or none; move it away, or choose another --out")


def _beginning(path: Path) -> bytes:
    """The first bytes of a file; none of what is no regular one."""
    try:
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                return file.read(4096)
    except OSError as error:
        raise_machine_fault(error)
    return b""


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is never seen half-written."""
    with written_whole(path) as part:
        part.write_bytes(content)
