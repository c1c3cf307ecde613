"""What was recorded before the package was redesigned comes out again: see `golden_recording.py`."""

import json
import shutil

import golden_recording as recording
import pytest
from golden_recording import CASES, DATABASES, GOLDEN, database

SEARCHES = [name for name, golden in DATABASES.items() if golden.is_search]
VERIFIABLE = [name for name, golden in DATABASES.items() if not golden.is_table]

# SMAC grows a forest for every proposal: each of its recordings takes most of a minute.
REPLAYED = [
    pytest.param(case, id=case.name, marks=[pytest.mark.long] if case.strategy == "smac" else []) for case in CASES
]
SMAC = next(case for case in CASES if (case.space, case.strategy) == ("chain", "smac"))


@pytest.fixture
def trained_here():
    """Skips where trainings need not repeat to the bit."""
    why = recording.elsewhere(json.loads(recording.MACHINE.read_text(encoding="utf-8")))
    if why:
        pytest.skip(why)


def assert_same_rows(file, golden):
    """Trainings first: a training that came out differently is the cause of what differs in the episodes after it."""
    for rows in (recording.trainings, recording.episodes):
        again, before = list(rows(file)), list(rows(golden))
        for now, then in zip(again, before, strict=False):
            assert now == then, recording.worker_events(file)
        assert len(again) == len(before)


# Proposals


def replayed(case, length=recording.LENGTH):
    """Compare proposals with those recorded; returns the values after the last."""
    head, recorded = recording.read_rows(case.file, recording.Proposed)
    assert len(recorded) == recording.LENGTH
    if case.strategy in recording.MACHINE_DEPENDENT:
        why = recording.elsewhere(head)
        if why:
            pytest.skip(f"{case.strategy} repeats on the same machine and versions: {why}")
    proposed, values = recording.replay(case, length)
    # Row by row: the first that differs says more than two long lists.
    for now, before in zip(proposed, recorded, strict=False):
        assert now == before
    assert len(proposed) == length
    return values


@pytest.mark.parametrize("case", REPLAYED)
def test_a_strategy_proposes_what_it_proposed(case):
    values = replayed(case)
    if case.values_file.exists():
        assert values == recording.read_rows(case.values_file, recording.Value)[1]
    else:
        assert values == []


def test_smac_begins_as_it_began():
    """The whole of it runs with the tests that take long; here 20 random networks and the first forests."""
    replayed(SMAC, 26)


def test_every_strategy_of_then_is_still_registered():
    assert set(recording.STRATEGIES) <= recording.registered_strategies()


def test_every_case_is_recorded_and_nothing_else_is():
    files = {case.file for case in CASES} | {case.values_file for case in CASES if case.strategy == "q_learning"}
    assert set(recording.PROPOSALS.iterdir()) == files
    assert sum(file.stat().st_size for file in files) < 300_000


@pytest.mark.parametrize("space", ["layers", "chain"])
def test_the_recorded_strategies_differ_and_learn(space):
    """A recording of strategies that all propose the same, or of rewards that cannot be learned, would hold little."""
    rewards = {}
    for case in (case for case in CASES if case.space == space):
        _, rows = recording.read_rows(case.file, recording.Proposed)
        rewards[case.strategy, case.preset, case.lookahead] = tuple(float(row.reward) for row in rows)
    # Random search does not care what it is told when, and the paper's controller learns too slowly for it to show.
    assert len(set(rewards.values())) == len(rewards) - 2
    assert all(rewards[*name, 1] == rewards[*name, 4] for name in (("random", "default"), ("controller", "paper")))
    late = {name: sum(row[-30:]) / 30 for name, row in rewards.items()}
    assert late["q_learning", "default", 1] > late["random", "default", 1] + 0.05


# Databases


@pytest.mark.parametrize("name", DATABASES)
def test_a_golden_database_is_small(name):
    assert database(name).stat().st_size < 400_000


@pytest.mark.parametrize("name", VERIFIABLE)
def test_a_golden_database_verifies_and_stays_as_it_is(name):
    before = database(name).read_bytes()
    assert recording.difference(database(name)) is None
    assert database(name).read_bytes() == before
    assert sorted(path.name for path in GOLDEN.glob(f"{name}.sqlite*")) == [f"{name}.sqlite"]


def test_the_golden_databases_hold_what_they_are_there_for():
    told = {name: recording.episodes(database(name)) for name in DATABASES}
    trained = {name: list(recording.trainings(database(name))) for name in DATABASES}
    models = {name: len({row[3] for row in rows}) for name, rows in told.items()}
    assert models["digits_seed0"] == 40
    assert models["v3_guided"] == 30
    assert 5 <= models["v3_guided_stopped"] < 26
    assert recording.in_flight(database("v3_guided_stopped")) == 4
    assert {row[1] for row in trained["v3_predicted"]} >= {"ok", "predicted"}
    assert len(trained["v3_enumerated"]) == 10  # five networks, twice each
    assert models["v3_imported"] == 4
    assert {row[9] for row in told["v3_finals"]} == {"imported", "sampled"}
    assert recording.finals_and_looks(database("v3_finals")) == (2, 2)


def test_a_stopped_search_had_begun_as_the_whole_one():
    stopped, whole = (recording.episodes(database(name)) for name in ("v3_guided_stopped", "v3_guided"))
    assert stopped == whole[: len(stopped)]


@pytest.mark.parametrize("command", ["summary", "top", "episodes", "q-values", "curves"])
@pytest.mark.parametrize("name", DATABASES)
def test_a_golden_database_can_be_looked_into(name, command, capsys):
    assert recording.run_here("replay", command, database(name)) == 0
    shown = capsys.readouterr()
    assert shown.out
    assert shown.err == ""


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_the_forty_episodes_of_digits_train_again(tmp_path, trained_here):
    shutil.copy(recording.DIGITS, tmp_path)
    for command in DATABASES["engine_2_digits"].commands:
        recording.run_command(command, tmp_path, tmp_path / "again.sqlite")
    assert_same_rows(tmp_path / "again.sqlite", database("engine_2_digits"))


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_stopped_search_is_resumed_to_the_episodes_of_another_time(tmp_path, trained_here):
    file = shutil.copy(database("v3_guided_stopped"), tmp_path / "search.sqlite")
    recording.run_command("metaqnn resume DB", tmp_path, file)
    assert recording.difference(file) is None
    assert_same_rows(file, database("engine_2_resumed"))


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", SEARCHES)
def test_a_golden_search_goes_on(name, tmp_path):
    """On any machine: what was recorded stays, what is added follows from it."""
    before = recording.episodes(database(name))
    file = shutil.copy(database(name), tmp_path / f"{name}.sqlite")
    models = recording.budget(file) + 2
    recording.run_command(f"metaqnn resume DB --models {models}", tmp_path, file)
    assert recording.difference(file) is None
    after = recording.episodes(file)
    assert after[: len(before)] == before
    assert sum(row[9] == "sampled" and not row[8] for row in after) == models
