"""A search as a study of Optuna, read with Optuna."""

import shutil
from pathlib import Path

import pytest
from small_searches import judge, run_small

from metaqnn.core import Status
from metaqnn.errors import ReplayError
from metaqnn.replay.memory import SQLiteReplayMemory
from metaqnn.replay.reader import ReplayReader
from metaqnn.workflows.export_optuna import export_optuna

optuna = pytest.importorskip("optuna")
GOLDEN = Path(__file__).parents[1] / "golden"


def study_of(database: Path, target: Path):
    with ReplayReader(database) as reader:
        count = export_optuna(reader, target)
    study = optuna.load_study(study_name=None, storage=f"sqlite:///{target}")
    assert len(study.trials) == count
    return study


def test_trials_have_decisions_curves_states_and_costs(finished_once, tmp_path):
    study = study_of(finished_once, tmp_path / "study.sqlite")
    assert (study.study_name, study.direction.name, study.metric_names) == ("small", "MAXIMIZE", ["accuracy"])
    trials = study.trials
    assert [trial.user_attrs["model"] for trial in trials] == list(range(1, 13))
    assert study.best_value == 0.875
    best = study.best_trial
    assert best.params == {"step 01": "C(8,1,1)", "step 02": "C(8,3,1)", "step 03": "C(4,1,1)", "step 04": "SM(10)"}
    assert best.user_attrs["architecture"] == "[C(8,1,1), C(8,3,1), C(4,1,1), SM(10)]"
    assert (best.user_attrs["parameters"], best.user_attrs["flops"]) == (3206, 83968)
    assert best.intermediate_values == {1: 0.875, 2: 0.65625}
    assert best.duration.total_seconds() == 2.0
    choices = best.distributions["step 01"].choices
    assert {"C(4,1,1)", "C(8,1,1)", "SM(10)"} <= set(choices)
    assert all(trial.distributions["step 01"].choices == choices for trial in trials)
    failed = [trial for trial in trials if trial.state.name == "FAIL"]
    assert [trial.user_attrs["status"] for trial in failed] == ["crashed", "diverged", "timed_out"]
    assert failed[0].user_attrs["reason"] == "this one crashed"
    assert {trial.state.name for trial in trials} == {"FAIL", "COMPLETE"}
    assert list((tmp_path).iterdir()) == [tmp_path / "study.sqlite"]


@pytest.mark.long
def test_what_was_retried_is_a_trial_of_its_own_and_what_is_in_flight_runs(tmp_path):
    database = tmp_path / "small.sqlite"
    run_small(database)
    with SQLiteReplayMemory(database) as memory:
        retried = memory.retry_failed()
    running = study_of(database, tmp_path / "running.sqlite").trials[12:]
    assert [trial.state.name for trial in running] == ["RUNNING"] * len(retried)
    assert all(trial.params for trial in running)
    run_small(database, function=lambda candidate: judge(candidate, {}))
    again = study_of(database, tmp_path / "again.sqlite").trials[12:]
    assert [trial.state.name for trial in again] == ["COMPLETE"] * len(retried)
    assert all(trial.user_attrs["retried"] for trial in again)


def test_what_was_stopped_early_is_pruned(tmp_path):
    database = shutil.copy(GOLDEN / "v3_predicted.sqlite", tmp_path / "guided.sqlite")
    with ReplayReader(database) as reader:
        stopped = [e for e in reader.episodes() if e.is_predicted and not e.reused]
    trials = study_of(database, tmp_path / "study.sqlite").trials
    pruned = [trial for trial in trials if trial.state.name == "PRUNED"]
    assert stopped
    assert [trial.user_attrs["model"] for trial in pruned] == [episode.model for episode in stopped]
    assert [trial.user_attrs["predicted"] for trial in pruned] == [episode.score for episode in stopped]
    assert {trial.user_attrs["status"] for trial in pruned} == {str(Status.EARLY_STOPPED)}


def test_what_cannot_be_exported_is_said_and_nothing_is_left(finished_once, tmp_path):
    (tmp_path / "there.sqlite").write_text("mine")
    table = shutil.copy(GOLDEN / "v3_enumerated.sqlite", tmp_path / "table.sqlite")
    before = sorted(tmp_path.iterdir())
    with ReplayReader(finished_once) as reader, pytest.raises(ReplayError, match="expected a new file, but it exists"):
        export_optuna(reader, tmp_path / "there.sqlite")
    with ReplayReader(table) as reader, pytest.raises(ReplayError, match="expected a search"):
        export_optuna(reader, tmp_path / "new.sqlite")
    assert sorted(tmp_path.iterdir()) == before
