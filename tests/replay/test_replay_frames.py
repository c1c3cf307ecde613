"""A database as DataFrames: known values, types that hold when nothing is there, a search that runs."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
from patience import patience
from small_searches import PHASES, run_small, start_endless

from metaqnn import open_replay
from metaqnn.core import CurvePoint, Retraining, Status, TestLook, TrainingSplit
from metaqnn.errors import ReplayError
from metaqnn.replay.frames import FRAMES, Replay, _by_name
from metaqnn.replay.retrainings import RetrainingMemory

GOLDEN = Path(__file__).parents[1] / "golden"
FIGURES = ["learning_rate", "train_loss", "train_accuracy", "validation_loss"]


@pytest.fixture
def replay(finished_once):
    with open_replay(finished_once) as replay:
        yield replay


def test_models_with_what_they_gave(replay):
    models = replay.models
    assert models.model.tolist() == list(range(1, 13))
    best = models.nlargest(1, "accuracy").iloc[0]
    assert (best.model, best.accuracy, best.best_epoch, best.parameters, best.flops) == (9, 0.875, 1, 3206, 83968)
    assert best.architecture == "[C(8,1,1), C(8,3,1), C(4,1,1), SM(10)]"
    failed = models[models.status != "ok"]
    assert failed.status.tolist() == ["crashed", "diverged", "timed_out"]
    assert failed.accuracy.isna().all()
    assert failed.best_epoch.isna().all()
    assert (models.evaluations == 1).all()


def test_evaluations_and_their_curves(replay):
    evaluations, curves = replay.evaluations, replay.curves
    assert len(evaluations) == 12
    assert set(evaluations.seed) == {3}
    assert set(evaluations.purpose) == {"search"}
    assert evaluations.predicted_epoch.isna().all()
    assert (evaluations.recorded_at.diff().dropna() >= pd.Timedelta(0)).all()
    best = curves[curves.validation_accuracy.notna()].groupby(["evaluation", "attempt"]).validation_accuracy.max()
    ok = evaluations[evaluations.status == "ok"].set_index("evaluation")
    for number, evaluation in ok.iterrows():
        assert best[(number, evaluation.attempts)] == evaluation.best_accuracy
    diverged = curves[curves.evaluation == evaluations[evaluations.status == "diverged"].evaluation.item()]
    assert diverged.train_loss.isna().all(), "a loss that is not a number is missing"


def test_episodes_in_the_order_of_learning(replay):
    episodes = replay.episodes
    assert episodes.episode.tolist() == list(range(1, len(episodes) + 1))
    assert episodes.iteration.max() == 12
    assert (~episodes.reused).sum() == 12
    assert not episodes.is_predicted.any()
    assert set(episodes.source) == {"sampled"}
    assert set(episodes.epsilon) == {1.0, 0.5, 0.1}
    merged = episodes.merge(replay.models, on="model", suffixes=("", "_of_model"))
    assert (merged.architecture == merged.architecture_of_model).all()


def test_q_values(replay):
    values = replay.q_values
    start = values[values.state.str.startswith("0:start")]
    assert {"C(4,1,1)", "SM(10)"} <= set(start.action)
    assert (values.updates > 0).all()
    assert values.value.between(0, 1).all()


def test_types_are_the_same_where_nothing_is_there(replay, tmp_path):
    run_small(tmp_path / "empty.sqlite", models=1)
    with RetrainingMemory(tmp_path / "empty.sqlite") as memory:
        memory._connection.executescript(
            "DELETE FROM replay; DELETE FROM learning_curves; DELETE FROM evaluations; DELETE FROM models;"
            "DELETE FROM q_values"
        )
    kinds = {"int64", "Int64", "float64", "string", "bool", "category", "datetime64[us, UTC]"}
    with open_replay(tmp_path / "empty.sqlite") as empty:
        for name in FRAMES:
            full, none = getattr(replay, name), getattr(empty, name)
            assert len(none) == 0
            # What costs, figures and records are called stands in the rows alone.
            by_name = {"models": ["parameters", "flops", "layers"], "evaluations": ["learning_rate"]}.get(name, [])
            by_name += [f"{phase}_seconds" for phase in PHASES] if name == "evaluations" else []
            by_name += ["epsilon"] if name == "episodes" else []
            by_name += FIGURES if name == "curves" else []
            types, with_rows = none.dtypes.astype(str).to_dict(), full.dtypes.astype(str)
            assert types | with_rows[by_name].to_dict() == with_rows.to_dict()
            assert {str(kind) for kind in none.dtypes} <= kinds


def test_finals_and_looks(finished):
    final = Retraining(
        *(1, 9, "[SM(10)]", 5, {"name": "one_cycle"}, {"name": "digits"}, {"classes": 10}),
        *(TrainingSplit.TRAIN, None, 650),
    )
    with RetrainingMemory(finished) as memory:
        memory.add([final])
        memory.begin(1, [CurvePoint(1, None, 0.25, {"learning_rate": 0.1, "train_loss": 2.0})], "a test")
        memory.record_end(1, "ok", "", None, "final-1.weights.h5")
        memory.record_look(TestLook(1, "network", (1,), "digits", 450, 0.75, None, "metaqnn evaluate"))
    with open_replay(finished) as replay:
        finals, curve, looks = replay.finals, replay.final_curves, replay.test_looks
    row = finals.iloc[0]
    assert (row.final, row.model, row.recipe, row.dataset, row.part) == (1, 9, "one_cycle", "digits", "train")
    assert (row.test_accuracy, row.train_seconds, row.weights) == (0.75, 0.25, "final-1.weights.h5")
    assert pd.isna(row.finetuned_from)
    assert pd.isna(row.validation_accuracy)
    assert row.ended_at >= row.started_at
    assert curve.epoch.tolist() == [1]
    assert curve.validation_accuracy.isna().all()
    assert (looks.finals.tolist(), looks.examples.tolist()) == (["[1]"], [450])


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5, 6, 7])
def test_every_schema_can_be_read(version, tmp_path):
    file = shutil.copy(GOLDEN / f"schema_v{version}.sqlite", tmp_path / "old.sqlite")
    before = Path(file).read_bytes()
    with open_replay(file) as replay:
        assert len(replay.models) == 12
        assert len(replay.episodes) > 12
        assert len(replay.finals) == 0
    assert Path(file).read_bytes() == before


def test_a_running_search_is_seen_and_a_snapshot_holds_still(tmp_path):
    database = tmp_path / "running.sqlite"
    search = start_endless(database)
    try:
        for _ in range(20):
            search.stdout.readline()
        with open_replay(database) as replay:
            assert replay.path == database
            with replay.snapshot():
                first = len(replay.episodes)
                for _ in range(20):
                    search.stdout.readline()
                assert len(replay.episodes) == first >= 20
            assert len(replay.episodes) > first
    finally:
        search.terminate()
        search.communicate(timeout=patience(60))


def test_what_is_no_database_is_refused(tmp_path):
    with pytest.raises(ReplayError, match=r"nothing\.sqlite"):
        open_replay(tmp_path / "nothing.sqlite")
    with pytest.raises(ReplayError, match="this file is no SQLite database"):
        Replay(__file__)


def test_categories_are_known_beforehand_where_they_can_be(replay):
    assert list(replay.models.status.cat.categories) == [*Status, "training"]
    assert list(replay.episodes.source.cat.categories) == ["sampled", "retried", "imported"]
    assert list(replay.evaluations.device.cat.categories) == ["a test"]
    both = pd.concat([replay.models.head(3), replay.models.tail(3)])
    assert both.status.dtype == replay.models.status.dtype


def test_whole_numbers_stay_whole_where_some_are_missing():
    columns = _by_name(['{"rank": 3, "share": 0.5}', "{}", '{"rank": 4, "share": 1}'])
    assert [str(column.dtype) for column in columns.values()] == ["Int64", "float64"]
    assert columns["rank"].isna().tolist() == [False, True, False]


def test_parquet_gives_every_frame_back_with_its_types(replay, tmp_path):
    replay.to_parquet(tmp_path / "frames")
    assert {path.stem for path in (tmp_path / "frames").iterdir()} == set(FRAMES)
    for name in FRAMES:
        again = pd.read_parquet(tmp_path / "frames" / f"{name}.parquet")
        # Before version 3 pandas writes a category of texts that is empty as it would nothing at all.
        has_types = len(again) > 0 or int(pd.__version__.split(".")[0]) >= 3
        pd.testing.assert_frame_equal(again, getattr(replay, name), check_dtype=has_types, check_categorical=False)
    with pytest.raises(ReplayError, match="expected a new folder, but it exists"):
        replay.to_parquet(tmp_path / "frames")


PAGE = Path(__file__).parents[2] / "docs" / "reference" / "frames.md"


@pytest.mark.parametrize("name", FRAMES)
def test_the_reference_lists_every_column_with_its_type(replay, name):
    section = PAGE.read_text(encoding="utf-8").split(f"## {name}\n")[1].split("\n## ")[0]
    rows = [line.split(" | ") for line in section.splitlines() if line.startswith("| `")]
    documented = {row[0].strip("|` "): row[1].strip("` ") for row in rows}
    if name == "final_curves":  # what is in figures stands in rows alone
        documented = {column: dtype for column, dtype in documented.items() if column not in FIGURES}
    assert documented == getattr(replay, name).dtypes.astype(str).to_dict()
    assert all(len(row) == 3 and len(row[2]) > 5 for row in rows)
