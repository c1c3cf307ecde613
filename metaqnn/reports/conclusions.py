"""The first screen of a report: what was found, whether it can be trusted, and what to do now."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from metaqnn.errors import counted
from metaqnn.reports.baseline import RandomSearchBaseline
from metaqnn.reports.domain import Check
from metaqnn.reports.report_data import ReportData
from metaqnn.reports.words import initial, percent, points, signed

RARE = 0.05
"""A probability below which chance is no explanation."""

_MANY_FAILED = 0.1
"""A share of failures from which on somebody should look at them."""

_WORTH_A_RETRY = ("crashed", "hung", "out_of_memory", "timed_out")
"""Failures that another machine, or more time, may do away with."""


@dataclass(frozen=True)
class Step:
    """What to do now: why, and the command."""

    why: str
    command: str


@dataclass(frozen=True)
class Conclusions:
    """What the first screen says.

    Attributes:
        found: sentences.
        checks: in the order of their weight.
        steps: the first is the one to take.
    """

    found: tuple[str, ...]
    checks: tuple[Check, ...]
    steps: tuple[Step, ...]


def conclusions_of(data: ReportData) -> Conclusions:
    """Conclude from what a report says; nothing else is read."""
    return Conclusions(tuple(_found(data)), tuple(_checks(data)), tuple(_steps(data)))


def _found(data: ReportData) -> Iterator[str]:
    domain, score = data.domain, data.score
    if not data.ranking:
        yield f"Nothing yet: no {domain.noun} has been {domain.done} to the end."
        return
    best = data.ranking[0]
    interval = None if data.provenance.is_table else domain.interval(score, best.score, data.subject.data)
    spread = f" (95 % interval: {percent(interval[0])} to {percent(interval[1])})" if interval else ""
    yield (
        f"Model {best.model} is the best of {counted(len(data.ranking), domain.noun)}: {domain.metric(score)} "
        f"{score.words(best.score)}{spread}."
    )
    if isinstance(data.baseline, RandomSearchBaseline):
        gained = best.score - data.baseline.random_best
        difference = points(gained) if score.is_share else signed(gained)
        yield (
            f"The best of its {len(data.baseline.random)} random {domain.noun}s has "
            f"{score.words(data.baseline.random_best)}: a difference of {difference}."
        )
    yield from domain.found(data.own)


def _checks(data: ReportData) -> Iterator[Check]:
    provenance, domain = data.provenance, data.domain
    if provenance.is_import:
        yield Check("open", "All of it was imported: nobody here saw how it was measured.")
    elif not provenance.runs:
        yield Check("open", "The search has not begun.")
    elif provenance.is_open:
        yield Check("open", "The search is running, or was killed: this is how far it was.")
    elif provenance.runs[-1].outcome in ("completed", "exhausted"):
        yield Check("good", f"The {'enumeration' if provenance.is_table else 'search'} ran to its end.")
    else:
        yield Check("open", "The search stopped before its end, and can go on.")
    if not provenance.is_table:
        yield _better_than_chance(data)
        yield from domain.checks(data.own)
    failed, good = len(data.failures), len(data.ranking)
    if failed:
        is_doubtful = failed >= _MANY_FAILED * (failed + good)
        yield Check("doubt" if is_doubtful else "good", f"{failed:,} of {counted(failed + good, domain.work)} failed.")
    elif good:
        yield Check("good", f"No {domain.work} failed.")
    if len(provenance.runs) > 1 and provenance.changed_versions:
        yield Check("doubt", f"Runs had other versions of {', '.join(provenance.changed_versions)} than the last.")
    if provenance.runs and not provenance.is_table:
        yield Check("open", "A report does not verify: the command below computes every proposal anew.")


def _better_than_chance(data: ReportData) -> Check:
    baseline, noun = data.baseline, data.domain.noun
    if not isinstance(baseline, RandomSearchBaseline):
        return Check("open", "Whether it beat random search is not known; the section on the baseline says why.")
    if not baseline.chosen:
        return Check("open", f"All its {noun}s are random: there is nothing that it chose.")
    share = f"{baseline.better:,} of {counted(baseline.chosen, f'chosen {noun}')}"
    text = f"{initial(share)} beat every random one"
    if baseline.better and baseline.probability < RARE:
        return Check("good", f"{text}; by chance alone so many have probability {baseline.probability:.2g}.")
    return Check("doubt", f"{text}: it is not shown that the search was better than chance.")


def _steps(data: ReportData) -> Iterator[Step]:
    provenance = data.provenance
    allowed = [f"--allow {shlex.quote(name)}" for name in data.subject.outside]
    database = shlex.quote(str(provenance.database))
    if provenance.is_table:
        yield Step("Compare strategies on what was measured.", f"metaqnn compare {database}")
        return
    is_over = bool(provenance.runs) and provenance.runs[-1].outcome in ("completed", "exhausted")
    if not is_over and not provenance.is_import:
        yield Step("Go on with the search.", " ".join(("metaqnn resume", database, *allowed)))
    elif data.ranking:
        yield from (Step(why, f"metaqnn {command}") for why, command in data.domain.steps_after(database, data.own))
    if is_over and any(failure.status in _WORTH_A_RETRY for failure in data.failures):
        yield Step(
            "Try again what failed for want of memory or time, or crashed.",
            " ".join(("metaqnn replay retry", database, *allowed)),
        )
    yield Step("Verify that every number follows.", " ".join(("metaqnn replay verify", database, *allowed)))
