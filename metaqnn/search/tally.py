"""What a search has done so far, for displays."""

from dataclasses import dataclass, field

from metaqnn.core import Episode, EpisodeOrigin, Score, SearchStatus


@dataclass
class Tally:
    """Counts kept as episodes come, so that none has to be counted twice; none of what was imported.

    Attributes:
        score: what is measured.
    """

    score: Score
    _episodes: int = 0
    _evaluated: int = 0
    _evaluated_before: int = 0
    _reused: int = 0
    _failed_models: set[int] = field(default_factory=set)
    _best_score: float | None = None
    _best_architecture: str | None = None

    def begin(self) -> None:
        """A run begins: what was counted is of earlier ones."""
        self._evaluated_before = self._evaluated

    def count(self, episode: Episode) -> None:
        """Count an episode in its turn."""
        if episode.origin is EpisodeOrigin.IMPORTED:
            return
        self._episodes += 1
        self._evaluated += episode.origin is EpisodeOrigin.SAMPLED and not episode.reused
        self._reused += episode.reused
        if episode.score is None:
            self._failed_models.add(episode.model)
            return
        self._failed_models.discard(episode.model)
        if not episode.is_predicted and self.score.is_better(episode.score, than=self._best_score):
            self._best_score, self._best_architecture = episode.score, episode.architecture

    def status(self, models: int, seconds: float, earlier_seconds: float, epsilon: float | None) -> SearchStatus:
        """All of it, with the time that one architecture takes.

        Args:
            models: the budget of distinct architectures.
            seconds: since this run began.
            earlier_seconds: that earlier runs took.
            epsilon: of the next proposal, if the strategy has one.
        """
        new = self._evaluated - self._evaluated_before
        taken, evaluated = (seconds, new) if new else (earlier_seconds, self._evaluated)
        return SearchStatus(
            models_done=self._evaluated,
            models_total=models,
            episodes=self._episodes,
            reused=self._reused,
            failed=len(self._failed_models),
            epsilon=epsilon,
            best_score=self._best_score,
            best_architecture=self._best_architecture,
            elapsed_seconds=earlier_seconds + seconds,
            seconds_per_model=taken / evaluated if evaluated else None,
            score=self.score,
        )
