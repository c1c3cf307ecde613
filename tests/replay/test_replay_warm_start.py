"""A search that begins with another database: the same in every process, and after any interruption."""

import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import small_searches
from contracts.agents import STRATEGIES, ask
from contracts.curves import trained
from databases import contents
from small_searches import difference, interrupt_after, judge, judged, run_small, small_experiment

from metaqnn.core import EpisodeOrigin, Status
from metaqnn.errors import ConfigError, ReplayError
from metaqnn.networks.released_file import COLUMNS, write_released
from metaqnn.replay import tables
from metaqnn.replay.memory import SQLiteReplayMemory
from metaqnn.replay.predictions import summarise_predictions
from metaqnn.replay.reader import ReplayReader
from metaqnn.search.loop import Ending
from metaqnn.workflows import SearchOptions, run_search, stored_components, stored_schedule
from metaqnn.workflows.components import build_evaluator
from metaqnn.workflows.import_released import import_released
from metaqnn.workflows.summary import summarise
from metaqnn.workflows.warm_start import read_warm_start


def warm(other, *overrides) -> tuple[str, ...]:
    """Overrides of a search that begins with another database."""
    return (f"warm_start={other}", "seed=4", *overrides)


def works(candidate):
    return judge(candidate, {})


@pytest.fixture(scope="module")
def undisturbed(finished_once, tmp_path_factory):
    """A finished search that began with the finished one; not to be changed."""
    path = tmp_path_factory.mktemp("warm") / "warm.sqlite"
    assert run_small(path, *warm(finished_once)).ending is Ending.COMPLETED
    return path


def episodes_of(path) -> list:
    with ReplayReader(path) as reader:
        return list(reader.episodes())


def import_one(folder: Path, *nets: str) -> Path:
    """A database of an imported file with these networks, each of accuracy 0.9."""
    values = ("0.9", "5", "0.8", "9", "-1", "-1", "1", "0.5", "0", "m")
    write_released(folder / "a.csv", [dict(zip(COLUMNS, (net, *values), strict=True)) for net in nets])
    import_released(folder / "a.csv", folder / "imported.sqlite", small_experiment(folder))
    return folder / "imported.sqlite"


# What is taken


def test_the_other_episodes_come_first_and_are_marked(finished_once, undisturbed):
    theirs, ours = episodes_of(finished_once), episodes_of(undisturbed)
    count = len(theirs)
    assert [e.number for e in ours] == list(range(1, len(ours) + 1))
    assert {e.origin for e in ours[:count]} == {EpisodeOrigin.IMPORTED}
    assert {e.origin for e in ours[count:]} == {EpisodeOrigin.SAMPLED}
    for their, our in zip(theirs, ours[:count], strict=True):
        for name in ("architecture", "epsilon", "score", "reward", "reused", "is_predicted"):
            assert getattr(our, name) == getattr(their, name)
        assert our.iteration == 0
    with ReplayReader(finished_once) as there, ReplayReader(undisturbed) as here:
        for their, our in zip(theirs, ours[:count], strict=True):
            assert here.evaluation(our.evaluation) == there.evaluation(their.evaluation)
            assert here.stored_evaluation(our.evaluation).seed == 3
        assert here.config()["experiment"]["warm_start"] == str(finished_once)
        assert here.imported_episodes() == count


def test_neither_the_budget_nor_the_schedule_counts_them(finished_once, undisturbed):
    own = episodes_of(undisturbed)[len(episodes_of(finished_once)) :]
    known = {e.architecture for e in episodes_of(finished_once)}
    new = [e for e in own if not e.reused]
    assert len(new) == 12  # the budget
    assert {e.architecture for e in new}.isdisjoint(known)
    assert [e.epsilon for e in new] == [1.0] * 6 + [0.5] * 3 + [0.1] * 3
    assert [e.iteration for e in new] == list(range(1, 13))
    with ReplayReader(undisturbed) as reader:
        progress = stored_schedule(reader).recorded(reader.episodes(), reader.proposals())
        assert progress.distinct == 12
        facts = summarise(reader)
        failed = {e.model for e in own if e.score is None}  # the other's failures alone are none of this search
        assert {row[0] for row in tables.failures(reader).rows} == failed
    assert (facts.models_done, facts.models_total, facts.episodes) == (12, 12, len(own))
    assert sum(facts.failed.values()) == len(failed) < 3
    assert (facts.imported, facts.reused) == (len(episodes_of(finished_once)), sum(e.reused for e in own))


def test_a_known_network_reuses_the_imported_result(finished_once, tmp_path):
    path = tmp_path / "greedy.sqlite"
    run_small(path, *warm(finished_once, "strategy.schedule=[[0.0, 12]]", "strategy.max_repeats=20"), models=3)
    theirs = episodes_of(finished_once)
    results = {e.architecture: e for e in theirs}
    repeats = [e for e in episodes_of(path)[len(theirs) :] if e.architecture in results]
    assert repeats
    for episode in repeats:
        assert episode.reused
        assert episode.score == results[episode.architecture].score
        assert episode.reward == results[episode.architecture].reward
    assert difference(path) is None


def test_the_first_proposal_knows_all_of_them(finished_once, tmp_path):
    """Whatever the lookahead: the values are those of an agent that was told every imported episode."""
    path = tmp_path / "ahead.sqlite"
    run_small(path, *warm(finished_once, "search.lookahead=8", "strategy.schedule=[[0.0, 12]]"), models=1)
    count = len(episodes_of(finished_once))
    with ReplayReader(path) as reader:
        agent = stored_components(reader).make_strategy()
        for episode in episodes_of(path)[:count]:
            agent.tell(episode)
        assert ask(agent, count + 1, 0.0).architecture == episodes_of(path)[count].architecture
    assert difference(path) is None


def test_networks_of_another_space_are_left_out(finished_once, tmp_path):
    path, said = tmp_path / "narrow.sqlite", []
    experiment = small_experiment(tmp_path, *warm(finished_once, "space.max_depth=2", "space.pooling=[]"))
    with judged():
        run_search(experiment, path, SearchOptions(models=4), announce=said.append)
    theirs = episodes_of(finished_once)
    with ReplayReader(path) as reader:
        space = stored_components(reader).space
        taken = [e for e in reader.episodes() if e.origin is EpisodeOrigin.IMPORTED]
        assert [m.model for m in reader.models()] == list(range(1, len(reader.models()) + 1))

    def is_legal(architecture):
        layers = space.parse(architecture)
        return len(layers) <= 3 and "P(2" not in architecture

    assert [e.architecture for e in taken] == [e.architecture for e in theirs if is_legal(e.architecture)]
    assert 0 < len(taken) < len(theirs)
    networks = len({e.architecture for e in taken})
    assert said[0] == (
        f"Warm start: {len(taken)} episodes of {networks} networks taken from {finished_once}; "
        f"{len(theirs) - len(taken)} left out, whose networks are not in this space."
    )
    assert said[1].startswith("Measuring how fast this machine trains")
    assert difference(path) is None


def test_rewards_are_those_of_the_new_search(finished_once, tmp_path):
    path = tmp_path / "a.sqlite"
    run_small(path, *warm(finished_once, "reward={failure: 0.0}"), models=1)
    failures = [e for e in episodes_of(path) if e.score is None and e.origin is EpisodeOrigin.IMPORTED]
    assert failures
    assert {e.reward for e in failures} == {0.0}
    assert {e.reward for e in episodes_of(finished_once) if e.score is None} == {0.1}
    assert difference(path) is None


def test_a_search_begins_with_an_imported_file(tmp_path):
    import_one(tmp_path, "[C(8,3,1), SM(10)]", "[SM(10)]", "[C(8,3,1), SM(10)]")
    path = tmp_path / "a.sqlite"
    run_small(path, *warm(tmp_path / "imported.sqlite"), models=5)
    assert [(e.architecture, e.reward, e.reused, e.iteration) for e in episodes_of(path)[:3]] == [
        ("[C(8,3,1), SM(10)]", 0.9, False, 0),
        ("[SM(10)]", 0.9, False, 0),
        ("[C(8,3,1), SM(10)]", 0.9, True, 0),
    ]
    assert difference(path) is None


def test_a_search_that_began_so_can_be_begun_with(undisturbed, tmp_path):
    run_small(tmp_path / "a.sqlite", *warm(undisturbed), models=3)
    assert len(episodes_of(tmp_path / "a.sqlite")) >= len(episodes_of(undisturbed)) + 3
    assert difference(tmp_path / "a.sqlite") is None


@pytest.mark.parametrize("name", [name for name in STRATEGIES if name not in ("smac", "tpe")])
@pytest.mark.parametrize("lookahead", [1, 4])
def test_every_strategy_begins_so(finished_once, tmp_path, name, lookahead):
    strategy = (
        f"strategy={{name: {name}, preset: {next(iter(STRATEGIES[name].PRESETS))}, schedule: [[1.0, 3], [0.1, 3]]}}"
    )
    for file in ("a.sqlite", "b.sqlite"):
        run_small(tmp_path / file, *warm(finished_once, strategy, f"search.lookahead={lookahead}"), models=6)
    assert contents(tmp_path / "a.sqlite") == contents(tmp_path / "b.sqlite")
    assert difference(tmp_path / "a.sqlite") is None


@pytest.mark.parametrize("name", ["smac", "tpe"])
def test_a_strategy_of_another_package_begins_so(finished_once, tmp_path, name):
    pytest.importorskip("optuna" if name == "tpe" else name)
    run_small(tmp_path / "a.sqlite", *warm(finished_once, f"strategy={{name: {name}}}"), models=3)
    assert difference(tmp_path / "a.sqlite") is None


def test_a_start_on_its_own_file_moves_it_aside_first(finished, tmp_path):
    run_small(finished, *warm(finished), fresh=True, models=2)
    assert episodes_of(finished)[0].origin is EpisodeOrigin.IMPORTED
    assert len(list(tmp_path.glob("small.2*.sqlite"))) == 1


# The same, whatever happens


def test_another_process_makes_the_same_database(finished_once, undisturbed, tmp_path):
    script = Path(small_searches.__file__)
    subprocess.run(
        [sys.executable, script, str(tmp_path / "a.sqlite"), "12", *warm(finished_once)],
        stdout=subprocess.DEVNULL,
        check=True,
    )
    assert contents(tmp_path / "a.sqlite") == contents(undisturbed)


@pytest.mark.parametrize("models", [1, 5, 11])
def test_an_interrupted_one_goes_on_without_the_other_file(finished_once, undisturbed, tmp_path, models):
    other, path = tmp_path / "other.sqlite", tmp_path / "a.sqlite"
    shutil.copy(finished_once, other)
    report = run_small(path, *warm(other), function=interrupt_after(models))
    assert report.ending is Ending.INTERRUPTED
    assert difference(path) is None
    other.unlink()
    assert run_small(path, *warm(other)).ending is Ending.COMPLETED
    mine, theirs = contents(path), contents(undisturbed)
    assert mine.pop("config") != theirs.pop("config")  # the path of the other file
    assert mine == theirs


def test_a_killed_one_goes_on_as_if_nothing_had_happened(finished_once, undisturbed, tmp_path):
    script, path = Path(small_searches.__file__), tmp_path / "a.sqlite"
    for lines in (0, 3):
        command = [sys.executable, script, str(path), "12", *warm(finished_once)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            for _ in range(lines):
                process.stdout.readline()
            process.send_signal(signal.SIGKILL)
    run_small(path, *warm(finished_once))
    assert contents(path) == contents(undisturbed)


def test_a_disk_that_is_full_during_the_import_leaves_a_file_to_begin_with(finished_once, undisturbed, tmp_path):
    path = tmp_path / "a.sqlite"
    with ReplayReader(undisturbed) as reader:
        config, components = reader.config(), stored_components(reader)
    evaluator = build_evaluator(small_experiment(tmp_path, *warm(finished_once)))
    taken = read_warm_start(finished_once, components, evaluator)
    last = taken.imported[-1]
    long = replace(last, model=replace(last.model, model=99, architecture="[" + 9 * 4096 * " "))
    SQLiteReplayMemory(path).close()
    pages = path.stat().st_size // 4096
    with SQLiteReplayMemory(path, max_pages=pages + 1) as memory:
        with pytest.raises(ReplayError, match="the disk is full"):
            memory.initialise(config, (*taken.imported[:-1], long))
        assert (memory.config(), list(memory.episodes()), memory.models()) == ({}, [], [])
    run_small(path, *warm(finished_once))
    assert contents(path) == contents(undisturbed)


def test_a_larger_budget_goes_on(finished_once, undisturbed, tmp_path):
    path = shutil.copy(undisturbed, tmp_path / "a.sqlite")
    run_small(path, *warm(finished_once), models=15)
    with ReplayReader(path) as reader:
        assert summarise(reader).models_done == 15
    assert difference(path) is None


# Retries, predictions, displays


def test_an_imported_failure_can_be_retried(finished_once, undisturbed, tmp_path):
    path = shutil.copy(undisturbed, tmp_path / "a.sqlite")
    with SQLiteReplayMemory(path) as memory:
        proposals = memory.retry_failed()
    assert [p.iteration for p in proposals] == [12, 12]  # the search's own, not the models of the file
    assert difference(path) is None
    run_small(path, *warm(finished_once), function=works)
    retried = [e for e in episodes_of(path) if e.origin is EpisodeOrigin.RETRIED]
    assert [e.model for e in retried] == [p.model.model for p in proposals]
    assert all(e.score is not None for e in retried)
    assert difference(path) is None
    run_small(tmp_path / "b.sqlite", *warm(path), models=1)  # and the retried result is what counts elsewhere
    assert [e.score for e in episodes_of(tmp_path / "b.sqlite")[: len(episodes_of(path))]] == [
        e.score for e in episodes_of(path)
    ]
    assert difference(tmp_path / "b.sqlite") is None


def test_what_was_imported_is_no_reference_of_a_prediction(finished_once, tmp_path):
    path = tmp_path / "a.sqlite"
    prediction = "training={epochs: 10, restart_accuracy: 0.3, early_stopping: {min_networks: 10, control_share: 0.2}}"
    run_small(path, *warm(finished_once, prediction, "strategy.schedule=[[1.0, 32]]"), function=trained())
    assert difference(path) is None
    with ReplayReader(path) as reader:
        own = [e for e in reader.episodes() if e.origin is EpisodeOrigin.SAMPLED and not e.reused]
        predicted = [e for e in own if reader.evaluation(e.evaluation).status is Status.EARLY_STOPPED]
        assert predicted
        assert not {e.number for e in predicted} & {e.number for e in own[:10]}
        assert summarise_predictions(reader, 10).epochs_trained == sum(
            len(attempt.points) for e in own for attempt in reader.evaluation(e.evaluation).attempts
        )


def test_the_best_networks_say_where_they_come_from(finished_once, undisturbed):
    with ReplayReader(undisturbed) as reader:
        table = tables.top(reader, 100)
    place = table.columns.index("source")
    theirs = {e.architecture for e in episodes_of(finished_once)}
    assert {row[place] for row in table.rows} == {"imported", "sampled"}
    for row in table.rows:
        assert (row[-1] in theirs) == (row[place] == "imported")
    with ReplayReader(finished_once) as reader:
        assert "source" not in tables.top(reader, 100).columns


# What verify finds


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE replay SET reward = 0.015625 WHERE episode = 2", "episode 2: reward is 0.015625 in the database"),
        ("UPDATE replay SET iteration = 1 WHERE episode = 2", "episode 2: iteration is 1 in the database, but 0"),
        ("UPDATE replay SET source = 'sampled' WHERE episode = 1", "episode 1: the architecture is"),
        (
            "UPDATE replay SET reused = 1 WHERE episode = 1",
            "episode 1: it reuses a result of model 1, but there is none",
        ),
        ("UPDATE replay SET model = 2 WHERE episode = 1", "episode 1: the model's number is 2 in the database, but 1"),
        (
            "UPDATE replay SET source = 'imported' WHERE episode = (SELECT max(episode) FROM replay)",
            "it is imported, but an episode before it was not",
        ),
        ("UPDATE evaluations SET score = 0.5 WHERE evaluation = 1", "evaluation 1: best_accuracy is 0.5"),
    ],
)
def test_verify_finds_what_was_changed(undisturbed, tmp_path, statement, found):
    path = shutil.copy(undisturbed, tmp_path / "a.sqlite")
    with closing(sqlite3.connect(path)) as connection, connection:
        assert connection.execute(statement).rowcount == 1
    assert found in difference(path)


# What is refused, before any file is made


def refusal(path: Path, *overrides, kind: type = ConfigError, **options) -> str:
    before = {file: file.read_bytes() for file in path.parent.iterdir() if file.suffix != ".yaml"}
    with pytest.raises(kind) as error:
        run_small(path, *overrides, **options)
    after = {file: file.read_bytes() for file in path.parent.iterdir() if file.suffix != ".yaml"}
    assert after == before
    return str(error.value)


@pytest.mark.parametrize("fresh", [False, True])
def test_a_database_that_cannot_be_used_is_refused(finished_once, tmp_path, fresh):
    path = tmp_path / "a.sqlite"
    assert refusal(path, "warm_start=no.sqlite", fresh=fresh) == (
        "warm_start: no.sqlite: there is no such replay database; start a search first, or check the path"
    )
    other = shutil.copy(finished_once, tmp_path / "other.sqlite")
    with closing(sqlite3.connect(other)) as connection, connection:
        connection.execute("""UPDATE config SET value = json_set(value, '$.classes', 3) WHERE key = 'data'""")
    assert refusal(path, f"warm_start={other}", fresh=fresh) == (
        f"warm_start: {other}: expected networks for images of 8x8x1 in 10 classes, but its networks are for 8x8x1 in "
        "3 classes; name another, or leave the key out"
    )


def test_a_database_without_a_network_of_the_space_is_refused(tmp_path):
    import_one(tmp_path, *3 * ["[C(8,3,1), SM(10)]"])
    assert refusal(
        tmp_path / "a.sqlite", f"warm_start={tmp_path}/imported.sqlite", "space.convolution.filters=[4]"
    ) == (
        f"warm_start: {tmp_path}/imported.sqlite: expected networks of this space, but none of its 3 episodes has one; "
        "name another, or leave the key out"
    )


def test_what_holds_no_episode_is_refused(tmp_path):
    path, other = tmp_path / "a.sqlite", tmp_path / "other.sqlite"
    with SQLiteReplayMemory(other) as memory:
        memory.initialise({"seed": 3})
    assert refusal(path, f"warm_start={other}") == (
        f"warm_start: {other}: expected the episodes of a search or an import, but this database is empty; name "
        "another, or leave the key out"
    )
    with closing(sqlite3.connect(other)) as connection, connection:
        connection.execute("""INSERT INTO config VALUES ('purpose', '"table"')""")
    assert refusal(path, f"warm_start={other}") == (
        f"warm_start: {other}: expected the episodes of a search or an import, but this database holds every network "
        "of a space, from `metaqnn enumerate`, and no episode; name another, or leave the key out"
    )


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("7", "warm_start: expected a text or nothing, got the number 7"),
        ("''", "warm_start: expected the path of a replay database, or nothing, got an empty text"),
    ],
)
def test_a_value_that_is_no_path_is_refused(tmp_path, value, sentence):
    assert refusal(tmp_path / "a.sqlite", f"warm_start={value}") == f"--set warm_start={value}: {sentence}"


def test_it_may_not_change(finished_once, undisturbed, tmp_path):
    path = shutil.copy(undisturbed, tmp_path / "a.sqlite")
    assert refusal(path, "seed=4", kind=ReplayError).startswith(
        f"{path}: this search was started differently: warm_start was '{finished_once}', now None. Undo that"
    )


def test_imported_episodes_do_not_go_on(tmp_path):
    path = import_one(tmp_path, "[SM(10)]")
    for options in ({}, {"must_exist": True}):
        assert refusal(path, kind=ReplayError, **options) == (
            f"{path}: this file holds imported episodes, which are no search that could go on; begin a new one with "
            f"them: choose another file with --db, and --set warm_start={path}"
        )
    with SQLiteReplayMemory(path) as memory, pytest.raises(ReplayError) as error:
        memory.retry_failed()
    assert str(error.value) == (
        f"{path}: expected a search, but this file holds imported episodes, which cannot go on; `metaqnn replay` looks "
        "into it, `metaqnn compare` takes it as a table, and the key `warm_start` of an experiment begins a new search "
        "with it"
    )
