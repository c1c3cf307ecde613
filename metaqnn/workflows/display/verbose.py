"""A line for everything that happens in a search: proposals, workers, attempts, epochs."""

from typing import TextIO

from metaqnn.core import CandidateFinished, CandidateStarted, Event, Proposal, Status, WorkerReady
from metaqnn.errors import counted
from metaqnn.workflows.display.plain import PlainDisplay
from metaqnn.workflows.display.words import duration


class VerboseDisplay(PlainDisplay):
    """What `PlainDisplay` prints, and everything between.

    Args:
        stream: where it is printed; None is the standard output.
    """

    def __init__(self, stream: TextIO | None = None):
        super().__init__(stream, epoch_seconds=0.0)

    def on_proposal(self, proposal: Proposal) -> None:
        """What is proposed, with what the strategy recorded of it."""
        recorded = ", ".join(f"{name} {value:.4g}" for name, value in proposal.recorded.items())
        known = "" if proposal.evaluation is not None else ", known: not evaluated again"
        about = f" ({recorded}{known})" if recorded or known else ""
        self._line(f"  episode {proposal.episode} proposes model {proposal.model.model}{about}")
        self._line(f"           {proposal.model.architecture}")

    def on_event(self, event: Event) -> None:
        """Every event."""
        if isinstance(event, WorkerReady):
            held = f", holds {event.resident_bytes / 2**20:.0f} MiB" if event.resident_bytes else ""
            where = f" on {event.node}" if event.node else ""
            self._line(f"  worker {event.worker} is ready: process {event.pid}{where}, {event.device}{held}")
        elif isinstance(event, CandidateStarted):
            self._line(f"  episode {event.number}: evaluation begins")
        elif isinstance(event, CandidateFinished) and event.evaluation.status is Status.OK:
            ended = event.evaluation
            self._line(
                f"  episode {event.number}: {self._score.words(ended.score)} after "
                f"{counted(len(ended.attempts), 'attempt')}, {duration(ended.seconds)}"
            )
        if not isinstance(event, WorkerReady) or event.worker == 1:
            super().on_event(event)
