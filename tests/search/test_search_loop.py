"""The search loop over a small space: one seed, one database, whatever happens in between."""

import json
import math
import sqlite3
from collections import Counter
from dataclasses import replace

import pytest
from contracts.agents import accuracy_of
from contracts.records import epoch, evaluation
from contracts.searches import After, ShuffledExecutor, SmallSearch, evaluate
from contracts.spaces import tiny
from databases import TABLES, contents
from hypothesis import given, settings
from hypothesis import strategies as st

from metaqnn.core import (
    Attempt,
    Candidate,
    CandidateFinished,
    CandidateStarted,
    EpisodeOrigin,
    Observer,
    Status,
)
from metaqnn.networks.rewards import CostAwareOptions
from metaqnn.replay.memory import SQLiteReplayMemory
from metaqnn.replay.reader import ReplayReader
from metaqnn.search.immediate import ImmediateExecutor
from metaqnn.search.loop import Ending


@pytest.fixture(scope="module")
def undisturbed(make_folder):
    """The content of a search's database that ran from beginning to end; made once for each search."""
    made: dict[str, dict] = {}

    def content(search: SmallSearch) -> dict:
        name = f"{search.models} {search.lookahead}"
        if name not in made:
            path = make_folder() / "a.sqlite"
            assert search.run(path) is Ending.COMPLETED
            made[name] = contents(path)
        return made[name]

    return content


def rows(path, table: str) -> list[dict]:
    return [dict(row) for row in contents(path)[table]]


def architectures(path) -> list[str]:
    """The network of each episode."""
    with ReplayReader(path) as reader:
        return [episode.architecture for episode in reader.episodes()]


# One seed, one database


def test_the_golden_run(tmp_path):
    path = tmp_path / "a.sqlite"
    assert SmallSearch().run(path) is Ending.COMPLETED
    assert architectures(path)[:12] == [
        "[C(8,1,1), C(8,3,1), C(8,1,1), SM(3)]",
        "[C(8,1,1), C(16,3,1), C(16,1,1), SM(3)]",
        "[C(16,1,1), C(16,3,1), GAP(3), SM(3)]",
        "[C(16,1,1), C(16,3,1), C(16,1,1), SM(3)]",
        "[C(16,1,1), C(8,1,1), C(8,1,1), SM(3)]",
        "[SM(3)]",
        "[C(8,1,1), C(8,1,1), C(8,3,1), SM(3)]",
        "[C(8,3,1), GAP(3), SM(3)]",
        "[C(16,1,1), P(2,2), C(8,1,1), SM(3)]",
        "[C(8,3,1), SM(3)]",
        "[C(8,3,1), C(16,3,1), C(8,3,1), SM(3)]",
        "[C(8,3,1), SM(3)]",
    ]
    assert len(rows(path, "replay")) == 35
    values = {(row["state"], row["action"]): row for row in rows(path, "q_values")}
    assert values["0:start:8+", "C(8,3,1)"]["value"] == 0.7163690110508482
    assert values["0:start:8+", "C(8,3,1)"]["updates"] == 18


def test_one_seed_gives_one_database(tmp_path):
    for name in ("a", "b"):
        SmallSearch().run(tmp_path / name)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    SmallSearch(seed=2).run(tmp_path / "c")
    assert architectures(tmp_path / "a") != architectures(tmp_path / "c")


@pytest.mark.parametrize("lookahead", [2, 4, 9])
def test_answers_in_any_order_give_one_database(tmp_path, lookahead):
    SmallSearch(lookahead=lookahead).run(tmp_path / "in order")
    SmallSearch(lookahead=lookahead, make_executor=ShuffledExecutor).run(tmp_path / "shuffled")
    assert contents(tmp_path / "in order") == contents(tmp_path / "shuffled")


def test_lookahead_is_part_of_what_a_search_is(undisturbed):
    assert undisturbed(SmallSearch(lookahead=1))["replay"] != undisturbed(SmallSearch(lookahead=4))["replay"]


def test_how_often_values_are_stored_changes_nothing(tmp_path, undisturbed):
    SmallSearch(checkpoint_seconds=0.0).run(tmp_path / "often")
    assert contents(tmp_path / "often") == undisturbed(SmallSearch())


def test_the_comparison_of_databases_can_fail(tmp_path):
    SmallSearch().run(tmp_path / "a")
    before = contents(tmp_path / "a")
    assert set(before) == TABLES - {"runs", "worker_events", "writer"}
    for statement in (
        "UPDATE evaluations SET train_seconds = 99, device = 'there', recorded_at = 'then'",
        "UPDATE learning_curves SET epoch_seconds = 99",
        "UPDATE runs SET workers = 7",
    ):
        change(tmp_path / "a", statement)
    assert contents(tmp_path / "a") == before
    change(tmp_path / "a", "UPDATE q_values SET value = value + 1e-15 WHERE state = '0:start:8+'")
    assert contents(tmp_path / "a") != before


def change(path, statement: str) -> None:
    connection = sqlite3.connect(path)
    with connection:
        assert connection.execute(statement).rowcount > 0
    connection.close()


# The episodes


def test_epsilon_follows_the_schedule_by_distinct_networks(tmp_path):
    SmallSearch().run(tmp_path / "a")
    distinct = 0
    for row in rows(tmp_path / "a", "replay"):
        # Stages of 4, 5 and 5 distinct networks.
        assert row["epsilon"] == (1.0 if distinct < 4 else 0.5 if distinct < 9 else 0.1)
        distinct += not row["reused"]
        assert row["iteration"] == distinct
    assert distinct == 14


def test_a_repeat_is_not_trained_again_and_earns_its_stored_accuracy(tmp_path):
    trained = Counter()

    def counting(candidate):
        trained[candidate.architecture] += 1
        return evaluate(candidate)

    SmallSearch(evaluate=counting, lookahead=4).run(tmp_path / "a")
    assert set(trained.values()) == {1}
    assert len(trained) == 14
    seen = {}
    for row in rows(tmp_path / "a", "replay"):
        outcome = row["evaluation"], row["accuracy"], row["reward"]
        assert row["reused"] == (row["model"] in seen)
        assert seen.setdefault(row["model"], outcome) == outcome


def test_a_failure_is_recorded_rewarded_as_chance_and_never_trained_again(tmp_path):
    trained = Counter()

    def failing(candidate):
        trained[candidate.architecture] += 1
        if "GAP" in candidate.architecture:
            return evaluation(Status.OUT_OF_MEMORY, "there is no memory")
        point = epoch(1, 0.001, 1.0, 0.5, 1.0, accuracy_of(candidate.architecture), 0.0)
        return evaluation(Status.OK, "", (Attempt((point,)),))

    SmallSearch(models=20, stages=((1.0, 20),), space=tiny(), max_repeats=60, evaluate=failing).run(tmp_path / "a")
    assert set(trained.values()) == {1}
    networks = {row["model"]: row["architecture"] for row in rows(tmp_path / "a", "models")}
    assert len(networks) == 6
    repeated = Counter()
    for row in rows(tmp_path / "a", "replay"):
        network = networks[row["model"]]
        if "GAP" in network:
            assert (row["accuracy"], row["reward"]) == (None, 1 / 3)
            repeated[network] += row["reused"]
        else:
            assert row["reward"] == row["accuracy"] == accuracy_of(network)
    assert min(repeated.values()) > 0
    failed = [row for row in rows(tmp_path / "a", "evaluations") if row["status"] != "ok"]
    assert [(row["status"], row["reason"], row["best_accuracy"]) for row in failed] == [
        ("out_of_memory", "there is no memory", None)
    ] * 2


def test_all_kinds_of_evaluation_are_kept_whole(tmp_path):
    SmallSearch().run(tmp_path / "a")
    with ReplayReader(tmp_path / "a") as reader:
        statuses = set()
        for episode in reader.episodes():
            expected = evaluate(Candidate(episode.number, episode.architecture, 1))
            stored = reader.evaluation(episode.evaluation)
            assert repr(stored) == repr(expected)  # as text, because a loss may be NaN
            statuses.add(stored.status)
    assert statuses == {Status.OK, Status.DIVERGED, Status.NEVER_LEARNED, Status.CRASHED}


def test_a_cost_aware_reward(tmp_path):
    search = SmallSearch(reward=CostAwareOptions(0.25, flops_weight=0.01, parameters_weight=0.02))
    search.run(tmp_path / "a")
    models = {row["model"]: row for row in rows(tmp_path / "a", "models")}
    failures = 0
    for row in rows(tmp_path / "a", "replay"):
        model = models[row["model"]]
        accuracy = 0.25 if row["accuracy"] is None else row["accuracy"]
        failures += row["accuracy"] is None
        cost = 0.01 * math.log(model["flops"]) + 0.02 * math.log(model["parameters"])
        assert row["reward"] == pytest.approx(accuracy - cost, abs=1e-12)
    assert failures > 0
    assert search.verify(tmp_path / "a").difference is None


# Endings


def test_a_space_that_runs_out(tmp_path):
    search = SmallSearch(models=50, space=tiny(), max_repeats=10)
    assert search.run(tmp_path / "a") is Ending.EXHAUSTED
    assert 1 <= len(rows(tmp_path / "a", "models")) <= 6
    replayed = rows(tmp_path / "a", "replay")
    assert all(row["reused"] for row in replayed[-10:])
    assert replayed[-1]["epsilon"] == 0.1
    assert search.verify(tmp_path / "a").difference is None
    before = contents(tmp_path / "a")
    assert search.run(tmp_path / "a") is Ending.EXHAUSTED
    assert contents(tmp_path / "a") == before


def test_a_space_that_holds_just_enough(tmp_path):
    assert (
        SmallSearch(models=6, space=tiny(), stages=((1.0, 6),), max_repeats=500).run(tmp_path / "a") is Ending.COMPLETED
    )
    assert len(rows(tmp_path / "a", "models")) == 6


def test_time_runs_out(tmp_path, undisturbed):
    search = SmallSearch(max_seconds=0.0, lookahead=4)
    assert search.run(tmp_path / "a") is Ending.OUT_OF_TIME
    assert rows(tmp_path / "a", "replay") == []
    assert [row["episode"] for row in rows(tmp_path / "a", "proposals")] == [1, 2, 3, 4]
    assert replace(search, max_seconds=3600.0).run(tmp_path / "a") is Ending.COMPLETED
    assert contents(tmp_path / "a") == undisturbed(SmallSearch(lookahead=4))


def test_time_is_counted_over_all_runs(tmp_path):
    SmallSearch(models=3).run(tmp_path / "a")
    change(tmp_path / "a", "UPDATE runs SET elapsed_seconds = 100")
    assert SmallSearch(max_seconds=99.0).run(tmp_path / "a") is Ending.OUT_OF_TIME
    assert SmallSearch(max_seconds=3600.0).run(tmp_path / "a") is Ending.COMPLETED


def test_a_complete_search_stays_as_it_is(tmp_path):
    SmallSearch().run(tmp_path / "a")
    before = contents(tmp_path / "a")
    assert SmallSearch().run(tmp_path / "a") is Ending.COMPLETED
    assert contents(tmp_path / "a") == before


def test_a_stop_at_once_leaves_nothing_but_proposals(tmp_path):
    assert SmallSearch(lookahead=2).run(tmp_path / "a", lambda: True) is Ending.INTERRUPTED
    assert {table: len(found) for table, found in contents(tmp_path / "a").items() if found} == {
        "checkpoints": 1,
        "config": 2,  # the seed, and what is measured
        "hash_chains": 3,  # each begins with them
        "models": 2,
        "proposals": 2,
    }


# Interruptions


@pytest.mark.parametrize("lookahead", [1, 4])
@pytest.mark.parametrize("make_executor", [ImmediateExecutor, ShuffledExecutor])
@given(
    cuts=st.lists(
        st.tuples(st.integers(0, 30), st.sampled_from([3, 9, 14]), st.sampled_from([0.0, 3600.0])),
        min_size=1,
        max_size=4,
    )
)
@settings(deadline=None, derandomize=True, max_examples=15)
def test_interrupting_anywhere_changes_nothing(make_folder, undisturbed, lookahead, make_executor, cuts):
    path = make_folder() / "a.sqlite"
    search = SmallSearch(lookahead=lookahead, make_executor=make_executor)
    for calls, models, checkpoint_seconds in cuts:
        leg = replace(search, models=models, checkpoint_seconds=checkpoint_seconds)
        assert leg.run(path, After(calls)) in (Ending.INTERRUPTED, Ending.COMPLETED)
        verification = leg.verify(path)
        assert verification.difference is None
        assert verification.episodes == len(rows(path, "replay"))
        assert verification.proposals == len(rows(path, "proposals")) <= lookahead
    assert search.run(path) is Ending.COMPLETED
    assert contents(path) == undisturbed(SmallSearch(lookahead=lookahead))
    assert search.verify(path).difference is None


@pytest.mark.parametrize("lookahead", [1, 4])
def test_interrupting_after_every_answer_changes_nothing(tmp_path, undisturbed, lookahead):
    search, runs = SmallSearch(lookahead=lookahead, make_executor=ShuffledExecutor), 1
    while search.run(tmp_path / "a", After(2)) is Ending.INTERRUPTED:
        runs += 1
        assert runs < 60
    assert runs > 5
    assert contents(tmp_path / "a") == undisturbed(SmallSearch(lookahead=lookahead))


@pytest.mark.parametrize("lookahead", [1, 4])
@pytest.mark.parametrize("survived", [0, 1, 5, 13])
def test_an_error_in_between_loses_nothing(tmp_path, undisturbed, lookahead, survived):
    answered = []

    def fail(candidate):
        answered.append(candidate)
        if len(answered) > survived:
            raise OSError("the machine is on fire")
        return evaluate(candidate)

    search = SmallSearch(lookahead=lookahead, make_executor=ShuffledExecutor)
    diary = Diary(tmp_path / "a")
    with pytest.raises(OSError, match="the machine is on fire"):
        replace(search, evaluate=fail).run(tmp_path / "a", observers=[diary])
    assert diary.entries[-1][0] == "end"  # whatever the cause
    assert search.verify(tmp_path / "a").difference is None
    assert search.run(tmp_path / "a") is Ending.COMPLETED
    assert contents(tmp_path / "a") == undisturbed(SmallSearch(lookahead=lookahead))


# Budgets


@pytest.mark.parametrize("lookahead", [1, 4])
@pytest.mark.parametrize(("first", "second"), [(5, 14), (14, 18), (13, 14)])
def test_a_larger_budget_extends(tmp_path, lookahead, first, second):
    search = SmallSearch(lookahead=lookahead)
    assert replace(search, models=first).run(tmp_path / "a") is Ending.COMPLETED
    assert len(rows(tmp_path / "a", "models")) == first
    assert replace(search, models=second).run(tmp_path / "a") is Ending.COMPLETED
    assert search.verify(tmp_path / "a").difference is None
    replace(search, models=second).run(tmp_path / "b")
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert len(rows(tmp_path / "a", "models")) == second
    assert [row["epsilon"] for row in rows(tmp_path / "a", "replay")][-1] == 0.1


@pytest.mark.parametrize("lookahead", [1, 4])
def test_a_smaller_budget_truncates(tmp_path, lookahead):
    search = SmallSearch(lookahead=lookahead)
    assert search.run(tmp_path / "a", After(7)) is Ending.INTERRUPTED
    assert replace(search, models=12).run(tmp_path / "a") is Ending.COMPLETED
    assert search.verify(tmp_path / "a").difference is None
    replace(search, models=12).run(tmp_path / "b")
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_a_budget_below_what_is_done_ends_at_once(tmp_path):
    SmallSearch().run(tmp_path / "a")
    before = contents(tmp_path / "a")
    assert SmallSearch(models=5).run(tmp_path / "a") is Ending.COMPLETED
    assert contents(tmp_path / "a") == before


def test_a_truncated_search_tells_what_was_in_flight(tmp_path):
    search = SmallSearch(lookahead=4)
    assert search.run(tmp_path / "a", After(0)) is Ending.INTERRUPTED
    assert len(rows(tmp_path / "a", "proposals")) == 4
    assert replace(search, models=2).run(tmp_path / "a") is Ending.COMPLETED
    assert len(rows(tmp_path / "a", "replay")) == 4
    assert search.verify(tmp_path / "a").difference is None


# Retries


VICTIM = "[C(16,1,1), C(16,3,1), GAP(3), SM(3)]"
"""The third network, sampled at epsilon 1 and therefore met with every lookahead."""


def victim_fails(status: Status, reason: str):
    def answer(candidate):
        if candidate.architecture == VICTIM:
            return evaluation(status, reason)
        return replace(evaluate(candidate), status=Status.NEVER_LEARNED, score=None, reason="no better than chance")

    return answer


@pytest.mark.parametrize("lookahead", [1, 4])
@pytest.mark.parametrize("cut", [0, 1, 2, 40])
def test_a_retry_is_an_episode_of_its_own(tmp_path, lookahead, cut):
    search = SmallSearch(models=9, lookahead=lookahead, evaluate=victim_fails(Status.CRASHED, "it ended"))
    databases = []
    for name, calls in (("a", cut), ("b", 10_000)):
        path = tmp_path / name
        assert search.run(path) is Ending.COMPLETED
        with SQLiteReplayMemory(path) as memory:
            proposals = memory.retry_failed()
            assert memory.retry_failed() == []
        assert [proposal.model.architecture for proposal in proposals] == [VICTIM]
        again = replace(search, models=12, evaluate=victim_fails(Status.TIMED_OUT, "it is slow"))
        again.run(path, After(calls))
        assert again.run(path) is Ending.COMPLETED
        assert again.verify(path).difference is None
        databases.append(contents(path))
    assert databases[0] == databases[1]
    (retried,) = (row for row in rows(tmp_path / "a", "replay") if row["source"] == str(EpisodeOrigin.RETRIED))
    assert (retried["epsilon"], retried["reused"], retried["iteration"]) == (None, 0, 9)
    assert [r["status"] for r in rows(tmp_path / "a", "evaluations") if r["model"] == retried["model"]] == [
        "crashed",
        "timed_out",
    ]
    assert len(rows(tmp_path / "a", "models")) == 12


# Observers


class Diary(Observer):
    """Writes down everything, and what the database holds at that moment."""

    def __init__(self, path):
        self.path, self.entries = path, []

    def on_start(self, status):
        self.entries.append(("start", status))

    def on_event(self, event):
        self.entries.append(("event", event))

    def on_proposal(self, proposal):
        self.entries.append(("proposal", proposal))

    def on_episode(self, episode, status):
        with ReplayReader(self.path) as reader:
            assert list(reader.episodes())[-1] == episode  # durable before anybody hears of it
        self.entries.append(("episode", episode, status))

    def on_end(self, status):
        self.entries.append(("end", status))


def test_observers_see_it_happen(tmp_path):
    diary = Diary(tmp_path / "a")
    SmallSearch(lookahead=2).run(tmp_path / "a", observers=[diary])
    kinds = [kind for kind, *_ in diary.entries]
    assert kinds[0] == "start"
    assert kinds[-1] == "end"
    assert Counter(kinds) == {"start": 1, "end": 1, "proposal": 35, "episode": 35, "event": 28}
    assert kinds[:6] == ["start", "proposal", "proposal", "event", "event", "episode"]
    events = [entry[1] for entry in diary.entries if entry[0] == "event"]
    assert [type(event) for event in events[:2]] == [CandidateStarted, CandidateFinished]
    assert [entry[1].number for entry in diary.entries if entry[0] == "episode"] == list(range(1, 36))
    assert [entry[1].episode for entry in diary.entries if entry[0] == "proposal"] == list(range(1, 36))


def test_the_status_counts(tmp_path):
    diary = Diary(tmp_path / "a")
    SmallSearch().run(tmp_path / "a", observers=[diary])
    start, end = diary.entries[0][1], diary.entries[-1][1]
    assert (start.models_done, start.models_total, start.episodes, start.epsilon) == (0, 14, 0, 1.0)
    assert (start.best_score, start.best_architecture, start.seconds_per_model) == (None, None, None)
    # The golden run: 35 episodes of 14 networks, seven of which failed.
    assert (end.models_done, end.models_total, end.episodes, end.reused, end.failed) == (14, 14, 35, 21, 7)
    assert (end.best_score, end.best_architecture, end.epsilon) == (0.8037109375, "[C(8,3,1), SM(3)]", 0.1)
    assert 0 < end.seconds_per_model <= end.elapsed_seconds
    for entry in diary.entries:
        if entry[0] == "episode":
            assert entry[2].episodes == entry[1].number
    again = Diary(tmp_path / "a")
    SmallSearch().run(tmp_path / "a", observers=[again])
    status = again.entries[0][1]
    assert (status.models_done, status.episodes, status.reused, status.failed) == (14, 35, 21, 7)
    assert status.best_architecture == "[C(8,3,1), SM(3)]"
    assert status.elapsed_seconds > 0


def test_the_status_of_an_exhausted_search_has_no_epsilon(tmp_path):
    diary = Diary(tmp_path / "a")
    SmallSearch(models=50, space=tiny(), max_repeats=10).run(tmp_path / "a", observers=[diary])
    assert diary.entries[-1][1].epsilon is None


def test_runs_are_counted_and_close_with_their_outcome(tmp_path):
    search = SmallSearch()
    search.run(tmp_path / "a", After(3))
    search.run(tmp_path / "a")
    connection = sqlite3.connect(tmp_path / "a")
    found = connection.execute("SELECT run, outcome, first_episode, models, changes FROM runs").fetchall()
    connection.close()
    done = found[1][2] - 1
    assert found == [(1, "interrupted", 1, 14, "[]"), (2, "completed", done + 1, 14, "[]")]
    assert 0 < done < 35
    assert json.loads(found[0][4]) == []
