"""Numbers as people read them on a page."""

import math
from collections.abc import Mapping
from datetime import datetime


def percent(value: float | None, digits: int = 2) -> str:
    """A share in [0, 1] as a percentage; a dash where there is none."""
    return "-" if value is None else f"{100 * value:.{digits}f} %"


def points(value: float | None) -> str:
    """A difference of shares in percentage points, with its sign."""
    return "-" if value is None else f"{100 * value:+.2f} points"


def initial(text: str) -> str:
    """A text as a title begins, the rest of it as it is."""
    return text[:1].upper() + text[1:]


def signed(value: float | None) -> str:
    """A difference with its sign."""
    return "-" if value is None else f"{value:+.4g}"


def count(value: int | None) -> str:
    """A whole number with its thousands apart."""
    return "-" if value is None else f"{value:,}"


def magnitude(value: float, unit: str = "") -> str:
    """A large number with three digits: `941`, `12.3 k`, `1.07 M`, `2.10 G`; with a unit `2.10 GB`."""
    if value < 1000:
        return f"{value:.0f} {unit}".rstrip()
    power = min(4, int(math.log10(value)) // 3)
    scaled = value / 1000**power
    if round(scaled, 0) >= 1000 and power < 4:
        power, scaled = power + 1, scaled / 1000
    digits = 2 if scaled < 10 else 1 if scaled < 100 else 0
    return f"{scaled:.{digits}f} {' kMGT'[power]}{unit}"


def amount(value: float | None) -> str:
    """A number of any kind: whole ones with their thousands apart, large ones and others with four digits or fewer."""
    if value is None:
        return "-"
    if abs(value) >= 1_000_000:
        return magnitude(value) if value > 0 else f"{value:.4g}"
    return f"{value:,.0f}" if value == int(value) else f"{value:.4g}"


def duration(seconds: float | None) -> str:
    """`42 s`, `5 min 22 s`, `3 h 05 min`, `2 d 4 h`."""
    if seconds is None:
        return "-"
    if 0 < seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02} min"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h"


def moment(text: str | None) -> str:
    """A time of the database, to the second."""
    if not text:
        return "-"
    try:
        return datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M:%S UTC")
    except ValueError:
        return text


def listed(items: Mapping[str, str]) -> str:
    """`numpy 2.4, scipy 1.17`."""
    return ", ".join(f"{name} {value}" for name, value in items.items())
