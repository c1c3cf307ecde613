"""The live display: a panel at the foot of a terminal that is redrawn a few times a second."""

import time
from collections import Counter

from rich.columns import Columns
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from metaqnn.core import (
    CandidateFinished,
    CandidateStarted,
    Episode,
    EpochFinished,
    Event,
    Notice,
    Observer,
    Proposal,
    Score,
    SearchStatus,
    WorkerLost,
    WorkerReady,
)
from metaqnn.errors import counted
from metaqnn.workflows.display.words import device_line, duration, models_per_hour, seconds_left, shorten

_MAX_WIDTH = 100
_SHOWN_IN_FLIGHT = 4
_SHOWN_NODES = 8


class LiveDisplay(Observer):
    """Models done of total, epsilon, what trains now, best so far, repeats reused, rate and time left."""

    def __init__(self, console: Console | None = None):
        self._console = console or Console()
        self._status: SearchStatus | None = None
        self._score = Score("score")
        self._received_at = time.monotonic()
        self._training: dict[int, str] = {}  # episode -> what it is at
        self._architectures: dict[int, str] = {}
        self._nodes: dict[int, str] = {}  # worker -> its machine and device; of a cluster
        self._busy: dict[int, str] = {}  # episode -> machine
        # Last, as it draws once already.
        self._live = Live(get_renderable=self._render, console=self._console, refresh_per_second=4, transient=True)

    def on_start(self, status: SearchStatus) -> None:
        """Show the panel."""
        self._take(status)
        self._live.start()

    def on_event(self, event: Event) -> None:
        """Follow the trainings."""
        if isinstance(event, WorkerReady) and event.node:
            self._nodes[event.worker] = f"{event.node} ({event.device})" if event.device else event.node
        elif isinstance(event, WorkerLost):
            self._nodes.pop(event.worker, None)
            self._busy.pop(event.number or 0, None)
        elif isinstance(event, CandidateStarted) and event.node:
            self._busy[event.number] = event.node
        elif isinstance(event, CandidateFinished):
            self._busy.pop(event.number, None)
        if isinstance(event, WorkerReady) and event.worker == 1:
            self._live.console.print(device_line(event), highlight=False, markup=False)
        elif isinstance(event, Notice):
            self._live.console.print(Text(event.text, style="yellow"))
        elif isinstance(event, WorkerLost):
            self._live.console.print(Text(f"{event.reason}; it is replaced", style="yellow"))
        elif isinstance(event, CandidateStarted):
            self._training[event.number] = "building"
        elif isinstance(event, EpochFinished):
            point, attempt = event.point, f"attempt {event.attempt}, " if event.attempt > 1 else ""
            self._training[event.number] = f"{attempt}epoch {point.step}: {self._score.words(point.score)}"
        elif isinstance(event, CandidateFinished):
            self._training.pop(event.number, None)

    def on_proposal(self, proposal: Proposal) -> None:
        """Remember what the episode trains."""
        if proposal.evaluation is not None:
            self._architectures[proposal.episode] = proposal.model.architecture

    def on_episode(self, episode: Episode, status: SearchStatus) -> None:
        """Count it."""
        self._architectures.pop(episode.number, None)
        self._take(status)

    def on_end(self, status: SearchStatus) -> None:
        """Take the panel away; what is printed next says how it ended."""
        self._take(status)
        if self._live.is_started:
            self._live.stop()

    def _take(self, status: SearchStatus) -> None:
        self._status, self._score, self._received_at = status, status.score, time.monotonic()

    def _render(self) -> Panel | Text:
        status = self._status
        if status is None:
            return Text("")
        width = min(self._console.width, _MAX_WIDTH)
        since = time.monotonic() - self._received_at
        left = seconds_left(status)
        head = Table.grid(expand=True, padding=(0, 2))
        head.add_column(no_wrap=True)
        head.add_column(ratio=1)
        head.add_column(no_wrap=True, justify="right")
        head.add_row(
            f"[bold]{status.models_done}[/] of {status.models_total} models",
            ProgressBar(total=max(1, status.models_total), completed=status.models_done),
            f"left {duration(None if left is None else max(0.0, left - since))}",
        )
        facts = [
            f"epsilon [bold]{'-' if status.epsilon is None else f'{status.epsilon:.2f}'}[/]",
            f"best [bold green]{status.score.told(status.best_score)}[/]",
            f"reused {status.reused}",
            f"failed {status.failed}",
            f"{models_per_hour(status)} models/h",
            f"{duration(status.elapsed_seconds + since)}",
        ]
        lines = []
        for number in sorted(self._training)[:_SHOWN_IN_FLIGHT]:
            network = shorten(self._architectures.get(number, ""), width - 6)
            lines.append(Text.assemble((network, "cyan"), f"\n  {self._training[number]}"))
        if not lines:
            lines.append(Text("waiting for a worker", style="dim"))
        for node, workers in sorted(Counter(self._nodes.values()).items())[:_SHOWN_NODES]:
            busy = sum(name == node.split(" (")[0] for name in self._busy.values())
            lines.append(
                Text(f"{busy} of {counted(workers, 'worker')} busy on {shorten(node, width - 32)}", style="dim")
            )
        return Panel(
            Group(head, Columns(facts, padding=(0, 3)), *lines), title="metaqnn", title_align="left", width=width
        )
