"""`retry` proposes crashed and timed-out networks anew, once, and the next run of the search trains them."""

import sqlite3
from contextlib import closing

import pytest
from small_searches import contents, difference, interrupt_after, judge, run_small

from metaqnn.core import Candidate, EpisodeOrigin, Status
from metaqnn.replay.memory import SQLiteReplayMemory
from metaqnn.replay.reader import ReplayReader
from metaqnn.search.loop import Ending
from metaqnn.workflows import stored_budget

# Of the finished search, model 4 (episode 4) crashed, model 6 diverged, and model 8 (episode 9) timed out.


def works(candidate):
    return judge(candidate, {})


def accuracy_of(architecture):
    """What `works` says of a network."""
    return works(Candidate(1, architecture, 3)).score


@pytest.fixture
def retried(finished):
    with SQLiteReplayMemory(finished) as memory:
        memory.retry_failed()
    return finished


def evaluations_of(path, model):
    with ReplayReader(path) as reader:
        sql = "SELECT evaluation, status FROM evaluations WHERE model = ? ORDER BY evaluation"
        return reader.query(sql, (model,))[1]


def test_crashed_and_timed_out_networks_are_proposed_anew_and_no_others(finished):
    with SQLiteReplayMemory(finished) as memory:
        proposals = memory.retry_failed()
        assert memory.proposals() == proposals
    facts = [(p.episode, p.iteration, p.epsilon, p.model.model, p.evaluation, p.origin) for p in proposals]
    assert facts == [(41, 12, None, 4, 13, EpisodeOrigin.RETRIED), (42, 12, None, 8, 14, EpisodeOrigin.RETRIED)]
    assert difference(finished) is None


def test_they_are_not_proposed_twice(retried):
    before = contents(retried)
    with SQLiteReplayMemory(retried) as memory:
        assert memory.retry_failed() == []
        assert [proposal.episode for proposal in memory.proposals()] == [41, 42]
    assert contents(retried) == before


def test_the_next_run_trains_exactly_them(retried):
    trained = []

    def function(candidate):
        trained.append((candidate.number, candidate.architecture))
        return works(candidate)

    report = run_small(retried, function=function)
    assert report.ending is Ending.COMPLETED
    with ReplayReader(retried) as reader:
        models = {model.model: model.architecture for model in reader.models()}
        episodes = {e.number: e for e in reader.episodes()}
        assert reader.proposals() == []
        assert reader.values_as_of() == 42
    assert trained == [(41, models[4]), (42, models[8])]
    assert len(models) == 12
    assert [(episodes[n].model, episodes[n].evaluation, episodes[n].reused) for n in (41, 42)] == [
        (4, 13, False),
        (8, 14, False),
    ]
    assert episodes[41].score == accuracy_of(models[4])
    assert evaluations_of(retried, 4) == [(4, "crashed"), (13, "ok")]
    assert difference(retried) is None
    with SQLiteReplayMemory(retried) as memory:
        assert memory.retry_failed() == []  # what works now is not retried


def test_what_fails_again_can_be_retried_again(retried):
    run_small(retried, function=lambda candidate: judge(candidate, {41: Status.CRASHED, 42: Status.DIVERGED}))
    assert evaluations_of(retried, 4) == [(4, "crashed"), (13, "crashed")]
    with SQLiteReplayMemory(retried) as memory:
        assert [p.model.model for p in memory.retry_failed()] == [4]  # model 8 diverged this time: its own fault
    run_small(retried, function=works)
    assert evaluations_of(retried, 4) == [(4, "crashed"), (13, "crashed"), (15, "ok")]
    assert difference(retried) is None


def test_a_later_repeat_reuses_the_newest_evaluation(tmp_path):
    path = tmp_path / "tiny.sqlite"
    tiny = ["space.max_depth=1", "strategy.schedule=[[1.0, 5]]"]  # six networks: repeats are frequent
    run_small(path, *tiny, function=lambda candidate: judge(candidate, {1: Status.TIMED_OUT}))
    with SQLiteReplayMemory(path) as memory:
        (proposal,) = memory.retry_failed()
    assert proposal.model.model == 1
    run_small(path, *tiny, models=6, function=works)
    assert difference(path) is None
    with ReplayReader(path) as reader:
        episodes = [e for e in reader.episodes() if e.model == 1]
    before = [e for e in episodes if e.number < proposal.episode]
    after = [e for e in episodes if e.number > proposal.episode]
    assert after, "the seed was chosen so that model 1 is sampled again"
    assert {(e.evaluation, e.score, e.reward) for e in before} == {(1, None, 0.1)}
    accuracy = accuracy_of(proposal.model.architecture)
    assert {(e.evaluation, e.score, e.reward, e.reused) for e in after} == {
        (proposal.evaluation, accuracy, accuracy, True)
    }


def test_a_retry_waits_behind_what_is_in_flight(tmp_path):
    path = tmp_path / "stopped.sqlite"
    run_small(path, function=interrupt_after(5))  # episodes 5 and 6 are in flight; episode 4 crashed
    with SQLiteReplayMemory(path) as memory:
        assert [(p.episode, p.model.model, p.evaluation) for p in memory.retry_failed()] == [(7, 4, 7)]
        assert [(p.episode, p.origin) for p in memory.proposals()] == [
            (5, EpisodeOrigin.SAMPLED),
            (6, EpisodeOrigin.SAMPLED),
            (7, EpisodeOrigin.RETRIED),
        ]
    assert difference(path) is None
    run_small(path, function=works)
    assert difference(path) is None
    with ReplayReader(path) as reader:
        assert len(reader.models()) == 12
        assert evaluations_of(path, 4) == [(4, "crashed"), (7, "ok")]
        assert stored_budget(reader.config()) == 12


def test_a_network_in_flight_is_not_retried(tmp_path):
    path = tmp_path / "stopped.sqlite"
    run_small(path, function=interrupt_after(5))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE proposals SET model = 4 WHERE episode = 6")
    with SQLiteReplayMemory(path) as memory:
        assert memory.retry_failed() == []


def test_a_search_without_failures_has_nothing_to_retry(tmp_path):
    path = tmp_path / "small.sqlite"
    run_small(path, function=works)
    with SQLiteReplayMemory(path) as memory:
        assert memory.retry_failed() == []
        assert memory.proposals() == []
