"""How figures look and where they go: one style, colours that colour-blind people can tell apart, PNG and SVG."""

import base64
import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Picture:
    """A figure that was written.

    Attributes:
        name: of its files, without the ending.
        title: what it shows, in a few words.
        alternative: what it shows, for those who do not see it.
        source: the SVG as a data URI.
    """

    name: str
    title: str
    alternative: str
    source: str


@contextmanager
def style() -> Iterator[None]:
    """Draw in the style of the reports within the block."""
    import matplotlib as mpl

    with mpl.rc_context(_STYLE):
        yield


def blank(title: str, across: str, up: str, width: float = WIDTH, height: float = HEIGHT) -> tuple["Figure", "Axes"]:
    """A figure with one set of axes and its labels, which are wrapped where they are long."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(fill(title, int(9.3 * width)))
    axes.set_xlabel(across)
    axes.set_ylabel(fill(up, int(11 * height)))
    return figure, axes


@dataclass(frozen=True)
class Axis:
    """A score along an axis of a figure.

    Attributes:
        score: what is measured.
        name: the same in words.
    """

    score: Score
    name: str

    @property
    def title(self) -> str:
        """The name as a title begins."""
        return initial(self.name)

    @property
    def label(self) -> str:
        """The name, and which way it is better where that is not up."""
        return self.name if self.score.direction == "maximize" else f"{self.name} (lower is better)"

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


def is_wide(values: Sequence[float]) -> bool:
    """Whether values are better seen along a logarithmic axis."""
    return min(values) > 0 and max(values) > 10 * min(values)


def legend_once(axes, place=None, **options) -> None:
    """A legend that names everything once."""
    handles, labels = axes.get_legend_handles_labels()
    if labels:
        first = dict(zip(reversed(labels), reversed(handles), strict=True))
        (place or axes).legend(
            [first[label] for label in dict.fromkeys(labels)], list(dict.fromkeys(labels)), **options
        )


def below(figure, axes, ncols: int, **options) -> None:
    """A legend below the axes, that names everything once."""
    legend_once(axes, figure, loc="outside lower center", ncols=ncols, frameon=False, **options)


def in_whole_numbers(axis) -> None:
    """Have no ticks between the whole numbers of a linear axis."""
    axis.get_major_locator().set_params(integer=True)


def in_magnitudes(axis) -> None:
    """Label an axis of large numbers as 10 k, 1 M, and one that is logarithmic between them where there is room."""
    from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

    low, high = axis.get_view_interval()
    if axis.get_scale() == "linear":
        if high >= 10_000:
            axis.set_major_formatter(EngFormatter(sep=" "))
        return
    axis.set_major_locator(LogLocator(subs=(1.0, 3.0) if high < 1e4 * low else (1.0,), numticks=12))
    axis.set_major_formatter(EngFormatter(sep=" "))
    axis.set_minor_formatter(NullFormatter())


class Album:
    """The folder of a report's figures.

    Args:
        folder: exists.
    """

    def __init__(self, folder: Path):
        self.folder = folder

    def add(self, name: str, figure: "Figure", alternative: str) -> Picture:
        """Write a figure as NAME.png and NAME.svg; each appears whole or not at all."""
        figure.draw_without_rendering()
        figure.set_layout_engine(None)  # laid out once, for both files
        svg = self._write(name, "svg", figure, {"Date": None, "Creator": "metaqnn"})
        self._write(name, "png", figure, {"Software": "metaqnn"})
        title = figure.axes[0].get_title(loc="left").replace("\n", " ")
        source = "data:image/svg+xml;base64," + base64.b64encode(svg).decode("ascii")
        return Picture(name, title, alternative, source)

    def _write(self, name: str, ending: str, figure: "Figure", metadata: dict) -> bytes:
        content = io.BytesIO()
        figure.savefig(content, format=ending, dpi=_DOTS_PER_INCH, metadata=metadata)
        write_whole(self.folder / f"{name}.{ending}", content.getvalue())
        return content.getvalue()


_MARKS = (b'<meta name="generator" content="metaqnn">', b"Software\0metaqnn", b"<dc:title>metaqnn</dc:title>")
"""By which a page, a PNG and an SVG are known as a report's, each near its beginning."""


def require_own(path: Path) -> None:
    """Refuse to write over a file that no report wrote.

    Raises:
        MetaqnnError: that is what stands there, or the machine failed and nobody knows.
    """
    if not os.path.lexists(path):
        return
    is_own = False
    try:
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                beginning = file.read(4096)
            is_own = any(mark in beginning for mark in _MARKS)
    except OSError as error:
        raise_machine_fault(error)
    if not is_own:
        raise MetaqnnError(f"{path}: expected an earlier report's file, or none; move it away, or choose another --out")


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is never seen half-written."""
    with written_whole(path) as part:
        part.write_bytes(content)
