"""A search as observers are told it: what it is, and its episodes in order."""

from collections.abc import Callable, Iterator
from hashlib import blake2b

from metaqnn.core import EpisodeOrigin, ObservedEpisode, ObservedSearch
from metaqnn.errors import ReplayError
from metaqnn.replay.reader import ReplayReader
from metaqnn.replay.runs import read_runs


def observed_search(reader: ReplayReader) -> ObservedSearch:
    """What the search of a database is; one that goes on stays the same, and so does a copy.

    Raises:
        ReplayError: none has begun there.
    """
    config, runs = reader.config(), read_runs(reader)
    if not runs:
        raise ReplayError(f"{reader.path}: nothing was written to this database yet; start a search with it first")
    experiment, first = config["experiment"], runs[0]
    identity = blake2b(f"{experiment['name']} {config['seed']} {first.started_at}".encode(), digest_size=6).hexdigest()
    return ObservedSearch(experiment["name"], identity, reader.path, config["seed"], reader.score(), experiment)


class ObservedEpisodes:
    """The episodes of a search, none of what it began with, each told once however often one asks.

    Args:
        reader: the database.
        decisions: from an architecture to the actions that build it.
    """

    def __init__(self, reader: ReplayReader, decisions: Callable[[str], tuple[str, ...]]):
        self._reader, self._decisions = reader, decisions
        self._told = 0
        self._best: float | None = None

    def new(self, after: int = 0) -> Iterator[ObservedEpisode]:
        """What was recorded since the last call.

        Args:
            after: episodes up to this one are passed over.
        """
        score, episodes = self._reader.score(), list(self._reader.episodes(self._told))
        times = self._recorded_at()  # read after them, so that none lacks its own
        for episode in episodes:
            self._told = episode.number
            if episode.origin is EpisodeOrigin.IMPORTED:
                continue
            reached = None if episode.is_predicted else episode.score
            if reached is not None and score.is_better(reached, than=self._best):
                self._best = reached
            if episode.number <= after:
                continue
            model = self._reader.known_model(episode.architecture)
            assert model is not None, "an episode is recorded with its model"
            evaluation = None if episode.reused else self._reader.evaluation(episode.evaluation)
            actions = self._decisions(episode.architecture)
            yield ObservedEpisode(episode, model.costs, actions, evaluation, times[episode.number], self._best)

    def _recorded_at(self) -> dict[int, str]:
        """When each further episode was recorded, and perhaps later ones."""
        sql = "SELECT episode, recorded_at FROM replay WHERE episode > ?"
        return dict(self._reader.query(sql, (self._told,))[1])
