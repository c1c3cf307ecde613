"""A search in a few lines: how far it is, what it found, what it saved, what failed."""

from dataclasses import dataclass

from metaqnn.core import Exploration
from metaqnn.replay.failures import NOT_ONLY_IMPORTED
from metaqnn.replay.leaderboard import RankedModel, best_model
from metaqnn.replay.reader import ReplayReader
from metaqnn.replay.runs import elapsed_seconds


@dataclass(frozen=True)
class Summary:
    """The state of a recorded search.

    Attributes:
        episodes: told; none of the imported ones counts here or below, but for `best`.
        models_done, models_total: distinct architectures told, and the budget of the last run.
        in_flight: episodes proposed and not recorded.
        reused: episodes that needed no evaluation.
        saved_seconds: what evaluating them again would have taken.
        failed: models whose last evaluation failed, by status.
        best: the best architecture; None before the first success.
        epsilon: of the next proposal; None when the schedule is over.
        exhausted: epsilons of the stages that ended early because `max_repeats` episodes in a row found nothing new.
        max_repeats: that number.
        runs: starts of the search.
        elapsed_seconds: wall clock of all runs.
        values_as_of: the episode that the stored Q-values are as of.
        imported: episodes that come from elsewhere.
    """

    episodes: int
    models_done: int
    models_total: int
    in_flight: int
    reused: int
    saved_seconds: float
    failed: dict[str, int]
    best: RankedModel | None
    epsilon: float | None
    exhausted: tuple[float, ...]
    max_repeats: int
    runs: int
    elapsed_seconds: float
    values_as_of: int
    imported: int = 0


def read_summary(reader: ReplayReader, exploration: Exploration, max_repeats: int) -> Summary:
    """Read the summary of a search; the caller holds a snapshot and knows the schedule.

    Args:
        reader: the database.
        exploration: how far the schedule has come.
        max_repeats: as in `Summary`.
    """
    _, totals = reader.query(
        """SELECT count(*), ifnull(sum(source = 'sampled' AND NOT reused), 0), ifnull(sum(reused), 0),
                  ifnull(sum(iif(reused, train_seconds, 0.0)), 0)
           FROM replay JOIN evaluations USING (evaluation) WHERE source != 'imported'"""
    )
    _, failed = reader.query(
        f"SELECT status, count(*) FROM failures WHERE {NOT_ONLY_IMPORTED} GROUP BY status ORDER BY status"
    )
    episodes, models, reused, saved = totals[0]
    last = reader.last_run()
    return Summary(
        episodes=episodes,
        models_done=models,
        models_total=last["models"] if last else 0,
        in_flight=len(reader.proposals()),
        reused=reused,
        saved_seconds=saved,
        failed=dict(failed),
        best=best_model(reader),
        epsilon=exploration.epsilon,
        exhausted=exploration.exhausted,
        max_repeats=max_repeats,
        runs=reader.query("SELECT count(*) FROM runs")[1][0][0],
        elapsed_seconds=elapsed_seconds(reader),
        values_as_of=reader.values_as_of(),
        imported=reader.imported_episodes(),
    )
