"""Plain lines, for logs and pipes: one an episode that was trained, and now and then one in between."""

import time
from typing import TextIO

from metaqnn.core import (
    CandidateFinished,
    Episode,
    EpisodeOrigin,
    EpochFinished,
    Event,
    Notice,
    Observer,
    Score,
    SearchStatus,
    Status,
    WorkerLost,
    WorkerReady,
)
from metaqnn.workflows.display.words import device_line, duration, models_per_hour, seconds_left, shorten

_QUIET_SECONDS = 30.0


class PlainDisplay(Observer):
    """Prints what a person would want in a log, each line complete at once.

    Args:
        stream: where it is printed; None is the standard output.
        epoch_seconds: an epoch has a line where none was printed for so long; None is half a minute.
    """

    def __init__(self, stream: TextIO | None = None, epoch_seconds: float | None = None):
        self._stream, self._epoch_seconds = stream, epoch_seconds
        self._last_line = time.monotonic()
        self._score = Score("score")

    def on_start(self, status: SearchStatus) -> None:
        """Where the search begins or goes on."""
        self._score = status.score
        state = "resumes" if status.episodes else "starts"
        self._line(
            f"The search {state}: {status.models_done} of {status.models_total} models done, "
            f"best {status.score.told(status.best_score)}."
        )

    def on_event(self, event: Event) -> None:
        """The device; a lost worker; a failure; an epoch, where a training is long."""
        if isinstance(event, WorkerReady) and event.worker == 1:
            self._line(device_line(event))
        elif isinstance(event, Notice):
            self._line(f"  {event.text}")
        elif isinstance(event, WorkerLost):
            self._line(f"  {event.reason}; it is replaced")
        elif isinstance(event, CandidateFinished) and event.evaluation.status is Status.EARLY_STOPPED:
            if prediction := event.evaluation.prediction:
                self._line(
                    f"  episode {event.number} stopped after epoch {prediction.step}: "
                    f"{self._score.words(prediction.score)} expected"
                )
        elif isinstance(event, CandidateFinished) and event.evaluation.status is not Status.OK:
            self._line(f"  episode {event.number} failed ({event.evaluation.status}): {event.evaluation.reason}")
        elif isinstance(event, EpochFinished) and self._is_time():
            point = event.point
            self._line(
                f"  episode {event.number}, attempt {event.attempt}, epoch {point.step}: "
                f"{self._score.words(point.score)} after {duration(point.seconds)}"
            )

    def on_episode(self, episode: Episode, status: SearchStatus) -> None:
        """An episode that was trained."""
        if episode.reused:
            return
        epsilon = "" if episode.epsilon is None else f"eps {episode.epsilon:.2f}"
        epsilon = "retry" if episode.origin is EpisodeOrigin.RETRIED else epsilon
        reached = f"{'~' if episode.is_predicted else ''}{status.score.words(episode.score)}"
        self._line(
            f"[{status.models_done:>4}/{status.models_total}] {epsilon}  {reached:>9}  "
            f"best {status.score.words(status.best_score)}  reused {status.reused}  {models_per_hour(status)}/h  "
            f"left {duration(seconds_left(status))}\n           {shorten(episode.architecture, 68)}"
        )

    def _is_time(self) -> bool:
        silent = time.monotonic() - self._last_line
        return silent > (_QUIET_SECONDS if self._epoch_seconds is None else self._epoch_seconds)

    def _line(self, text: str) -> None:
        print(text, file=self._stream, flush=True)
        self._last_line = time.monotonic()
