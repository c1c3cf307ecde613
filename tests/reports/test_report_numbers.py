"""The numbers of a report against small cases worked out by hand."""

import itertools
import json
from dataclasses import replace
from math import comb
from statistics import fmean

import pytest

from metaqnn.core import EpisodeOrigin, QValue, Score, TestLook
from metaqnn.errors import counted
from metaqnn.replay.failures import Failure
from metaqnn.replay.leaderboard import RankedModel
from metaqnn.replay.results import Result
from metaqnn.reports.baseline import (
    RandomSearchBaseline,
    baseline_of,
    expected_best,
    prediction_interval,
    probability_of_more,
)
from metaqnn.reports.expectations import expectations_of
from metaqnn.reports.failed import failure_kinds
from metaqnn.reports.networks.diagrams import diagram_of
from metaqnn.reports.networks.kinds import layer_values
from metaqnn.reports.networks.retrainings import Spread, error_interval, spread_of
from metaqnn.reports.results import of_the_search
from metaqnn.reports.trace import trace_of, window_for
from metaqnn.reports.trade_offs import on_a_front, trade_offs_of
from metaqnn.reports.values import Line, values_of
from metaqnn.reports.words import amount, count, duration, listed, magnitude, moment, percent, points, signed

ACCURACY = Score("accuracy", "maximize", 0.0, 1.0, 0.1, True, "best", "chance")
ENTROPY = Score("guessing_entropy", "minimize", 0.0, 255.0, 127.5, failure_name="chance")


def result(episode, accuracy, epsilon=1.0, **changes):
    """A new network that was trained to the end, or failed."""
    return replace(
        Result(episode, episode, epsilon, episode, accuracy, accuracy, 2.0, False, EpisodeOrigin.SAMPLED), **changes
    )


# The score trace


def test_a_trace_leaves_out_repeats_and_failures():
    trace = trace_of(
        [
            result(1, 0.2),
            result(2, None),
            result(3, 0.6),
            result(4, 0.6, iteration=3, reused=True),
            result(5, 0.4, 0.5, iteration=4),
            result(6, 0.9, 0.5, iteration=5, measured=None),
        ],
        ACCURACY,
    )
    assert trace.iterations == (1, 3, 4, 5)
    assert trace.scores == (0.2, 0.6, 0.4, 0.9)
    assert trace.best == (0.2, 0.6, 0.6, 0.6)  # what was only predicted is never the best
    assert trace.window == 2
    assert trace.rolling == ((3, pytest.approx(0.4)), (4, pytest.approx(0.5)), (5, pytest.approx(0.65)))


def test_a_stage_says_what_an_epsilon_gave():
    first, second = trace_of(
        [result(1, 0.2), result(2, None), result(3, 0.2, iteration=2, reused=True), result(4, 0.8, 0.1, iteration=3)],
        ACCURACY,
    ).stages
    assert (first.epsilon, first.episodes, first.failed, first.mean) == (1.0, 3, 1, 0.2)
    assert first.episode_mean == pytest.approx(0.2)
    assert (first.first, first.last) == (1, 2)
    assert (second.epsilon, second.scores, second.failed, second.mean) == (0.1, (0.8,), 0, 0.8)


def test_a_stage_in_which_all_failed_has_no_mean():
    (stage,) = trace_of([result(1, None)], ACCURACY).stages
    assert (stage.mean, stage.episode_mean, stage.failed) == (None, None, 1)


@pytest.mark.parametrize(("networks", "window"), [(0, 2), (12, 2), (40, 8), (499, 99), (500, 100), (2700, 100)])
def test_the_window_is_the_papers_where_it_fits(networks, window):
    assert window_for(networks) == window


def test_what_was_imported_counts_only_where_nothing_was_sampled():
    own, foreign = result(2, 0.5), result(1, 0.9, origin=EpisodeOrigin.IMPORTED)
    assert of_the_search([foreign, own]) == (own,)
    assert of_the_search([foreign]) == (foreign,)


def test_the_best_of_a_trace_falls_where_less_is_better():
    trace = trace_of([result(1, 200.0), result(2, 30.5), result(3, 120.0), result(4, 2.0, measured=None)], ENTROPY)
    assert trace.best == (200.0, 30.5, 30.5, 30.5)


# Q-values


def test_values_are_grouped_by_kind_and_by_receptive_field():
    values = layer_values(
        7,
        [
            QValue("0:start:8-inf", "C(64,3,1)", 0.5, 1),
            QValue("0:start:8-inf", "C(128,5,1)", 0.75, 1),
            QValue("1:C(64,3,1):8-inf", "C(64,3,1)", 0.25, 4),
            QValue("1:C(64,3,1):8-inf", "P(2,2)", 0.125, 4),
            QValue("2:P(2,2):4-7", "FC(128)", 1.0, 1),
            QValue("2:P(2,2):4-7", "SM(10)", 0.0, 1),
        ],
    )
    assert values.episode == 7
    assert values.pairs == 6
    assert values.groupings[0].lines == (
        Line("C", (1, 2), (0.625, 0.25), (2, 1)),
        Line("P", (2,), (0.125,), (1,)),
        Line("FC", (3,), (1.0,), (1,)),
        Line("SM", (3,), (0.0,), (1,)),
    )
    assert values.groupings[1].lines == (Line("3", (1, 2), (0.5, 0.25), (1, 1)), Line("5", (1,), (0.75,), (1,)))


def test_values_of_another_space_are_left_out():
    assert layer_values(1, [QValue("0", "1", 0.5, 1), QValue("a:b", "C(1,1,1)", 0.5, 1)]).pairs == 0
    assert layer_values(1, [QValue("0:start", "C(1,1,1,1)", 0.5, 1), QValue("0:start", "X(1)", 0.5, 1)]).pairs == 0


def test_values_of_any_space_are_grouped_by_the_leading_word_of_the_action():
    entries = [QValue("0:start", "mask order=2", 0.5, 1), QValue("0:start", "mask order=1", 0.25, 1)]
    entries += [QValue("1:x", "10", 1.0, 1), QValue("1:x", "2", 0.0, 1), QValue("no depth", "2", 9.0, 1)]
    values = values_of(3, entries)
    assert (values.episode, values.pairs) == (3, 4)
    (grouping,) = values.groupings
    assert grouping.lines == (
        Line("2", (2,), (0.0,), (1,)),
        Line("10", (2,), (1.0,), (1,)),
        Line("mask", (1,), (0.375,), (2,)),
    )


def test_of_many_groups_those_with_most_pairs_are_shown():
    entries = [QValue(f"{depth}:x", str(n), 0.5, 1) for n in range(40) for depth in range(1 + (n >= 30))]
    (grouping,) = values_of(1, entries).groupings
    assert [line.label for line in grouping.lines] == ["0", "1", *map(str, range(30, 40))]


# The random-search baseline


@pytest.mark.parametrize("networks", [1, 2, 3, 4])
def test_the_expected_best_is_the_mean_over_all_sets(networks):
    values = [0.5, 0.1, 0.9, 0.3]
    every = [max(chosen) for chosen in itertools.combinations(values, networks)]
    assert expected_best(values, networks) == pytest.approx(fmean(every))


def test_beyond_the_random_networks_there_is_only_a_bound():
    assert expected_best([0.5, 0.1, 0.9], 4) == expected_best([0.5, 0.1, 0.9], 1000) == 0.9


def test_the_expected_best_of_many_is_a_number():
    values = [n / 1500 for n in range(1500)]
    assert expected_best(values, 1) == pytest.approx(fmean(values))
    # The best of n of the numbers 0 .. m - 1 is n (m + 1) / (n + 1) - 1 on average.
    assert 1500 * expected_best(values, 750) == pytest.approx(750 * 1501 / 751 - 1)


def test_the_prediction_interval_is_the_share_of_orders():
    """With m old and n new values every order is equally probable: here all of them are counted."""
    old, new = 6, 3
    orders = list(itertools.combinations(range(old + new), old))  # the places of the old ones, 0 the best
    for rank in range(1, old + 1):
        share = fmean(places[rank - 1] < min(set(range(old + new)) - set(places)) for places in orders)
        assert share == pytest.approx(comb(old, rank) / comb(old + new, rank))


def test_the_ends_of_the_prediction_interval():
    values = [n / 100 for n in range(1, 101)]  # the r-th largest is 1 - (r - 1) / 100
    # For n = 1, below the r-th largest: (101 - r) / 101, which is at least 0.975 up to r = 3 and at most 0.025 from 99.
    low, high = prediction_interval(values, 1)
    assert (low, high) == (pytest.approx(0.02), pytest.approx(0.99))
    low, high = prediction_interval(values, 100)
    # 100/200 * 99/199 * ...: 0.0291 after five factors and 0.0141 after six.
    assert low == pytest.approx(0.95)
    assert high is None  # the best of 100 more may be better than any of these: as probable as not
    assert prediction_interval([0.1, 0.2, 0.3], 1) == (None, None)


def test_the_probability_that_the_best_were_all_chosen():
    assert probability_of_more(0, 18, 22) == 1.0
    assert probability_of_more(1, 18, 22) == 18 / 40
    assert probability_of_more(4, 18, 22) == pytest.approx(comb(18, 4) / comb(40, 4))


PAPER = {"name": "q_learning", "preset": "paper"}


def a_search(random, chosen):
    found = [result(n, accuracy) for n, accuracy in enumerate(random, start=1)]
    return found + [result(len(random) + n, a, 0.5) for n, a in enumerate(chosen, start=1)]


def test_a_search_that_is_shown_better_than_chance():
    baseline = baseline_of(a_search([n / 20 for n in range(10)], [0.5, 0.6, 0.7, 0.8, 0.9]), PAPER, ACCURACY)
    assert isinstance(baseline, RandomSearchBaseline)
    assert baseline.why == "architectures sampled at epsilon 1 are random"
    assert (len(baseline.random), baseline.chosen, baseline.better) == (10, 5, 5)
    assert (baseline.random_mean, baseline.chosen_mean) == (pytest.approx(0.225), pytest.approx(0.7))
    assert baseline.probability == pytest.approx(1 / comb(15, 5))
    assert baseline.is_shown_better
    assert baseline.best_so_far == (*baseline.random, 0.5, 0.6, 0.7, 0.8, 0.9)
    assert baseline.best == 0.9
    assert [point.count for point in baseline.curve] == list(range(1, 16))
    assert baseline.curve[-1].expected == 0.45
    assert [point.count for point in baseline.looked_at] == [1, 3, 5, 10, 15]


def test_one_better_network_is_no_win():
    baseline = baseline_of(a_search([n / 20 for n in range(10)], [0.9, 0.1, 0.1, 0.1, 0.1]), PAPER, ACCURACY)
    assert baseline.better == 1
    assert baseline.probability == pytest.approx(5 / 15)
    assert not baseline.is_shown_better


def test_failures_count_as_chance_and_repeats_and_retries_not_at_all():
    results = a_search([0.5] * 9 + [None], [None, 0.75])
    results += [result(13, 0.75, 0.5, reused=True), result(14, 0.9, None, origin=EpisodeOrigin.RETRIED)]
    baseline = baseline_of(results, PAPER, ACCURACY)
    assert baseline.random == (*[0.5] * 9, 0.1)
    assert (baseline.chosen, baseline.chosen_mean, baseline.best) == (2, pytest.approx(0.425), 0.75)


def test_a_network_that_was_stopped_early_is_never_better():
    results = [*a_search([0.5] * 10, []), result(11, 0.9, 0.5, measured=None)]
    baseline = baseline_of(results, PAPER, ACCURACY)
    assert (baseline.better, baseline.best) == (0, 0.5)


def test_a_control_in_which_all_failed_has_no_best():
    baseline = baseline_of(a_search([None] * 10, [None]), PAPER, ACCURACY)
    assert (baseline.best, baseline.better, baseline.curve[-1].expected) == (None, 0, 0.1)


def test_which_networks_are_random():
    results = a_search([0.5] * 12, [0.6] * 20)
    first = {"name": "linear_ucb", "preset": "default", "random_first": 15}
    assert len(baseline_of(results, first, ACCURACY).random) == 15
    assert len(baseline_of(results, {"name": "regularized_evolution", "population": 20}, ACCURACY).random) == 20
    everything = baseline_of(results, {"name": "random"}, ACCURACY)
    assert (len(everything.random), everything.chosen, everything.chosen_mean) == (32, 0, None)
    assert everything.probability == 1.0


def test_an_import_is_judged_by_its_epsilons_whatever_the_experiment_says():
    results = [replace(r, origin=EpisodeOrigin.IMPORTED) for r in a_search([0.5] * 12, [0.6] * 20)]
    assert len(baseline_of(results, {"name": "reinforce"}, ACCURACY).random) == 12


def test_too_few_random_networks_are_no_control():
    assert baseline_of(a_search([0.5] * 9, [0.6]), PAPER, ACCURACY) == (
        "There is no baseline: architectures sampled at epsilon 1 are random, and of those there are 9 here; fewer "
        "than 10 say nothing about what a random search would have given."
    )
    assert baseline_of(a_search([0.5] * 12, []), {"name": "reinforce"}, ACCURACY).startswith(
        "There is no baseline: a baseline needs random architectures, and this strategy samples none"
    )


def test_a_baseline_is_turned_where_less_is_better():
    results = a_search([127.5 - 5 * n for n in range(10)], [70.0, 40.0, None])
    up = baseline_of(
        [replace(r, score=r.score and -r.score, measured=r.measured and -r.measured) for r in results],
        PAPER,
        Score("x", failure=-127.5),
    )
    down = baseline_of(results, PAPER, ENTROPY)
    assert (down.random_best, down.best, down.better) == (82.5, 40.0, 2)
    assert (down.chosen_mean, down.random_mean) == (pytest.approx(237.5 / 3), pytest.approx(105.0))
    assert [point.expected for point in down.curve] == pytest.approx([-point.expected for point in up.curve])
    assert [point.worst for point in down.curve] == [point.worst and -point.worst for point in up.curve]
    assert down.probability == up.probability == probability_of_more(2, 3, 10)


# Everything else


def network(model, accuracy, parameters, flops):
    return RankedModel(
        model, f"[FC({model}), SM(10)]", {"parameters": parameters, "flops": flops, "layers": 2}, accuracy, 1, model
    )


def test_the_pareto_front_is_what_none_beats():
    networks = [
        network(1, 0.9, 100, 50),
        network(2, 0.9, 100, 40),  # as good and as large as the first, but less work
        network(3, 0.8, 50, 60),
        network(4, 0.7, 60, 70),  # beaten by the third in everything
        network(5, 0.95, 1000, 1000),
    ]
    ranking = [networks[at] for at in (4, 0, 1, 2, 3)]
    found = trade_offs_of(ranking, ACCURACY)
    assert [each.cost for each in found] == ["parameters", "flops"]  # the first two that the space names
    assert [[ranked.model for ranked in each.front] for each in found] == [[3, 1, 5], [2, 5]]
    on = [(ranked.model, costs) for ranked, costs in on_a_front(found, ranking)]
    assert on == [(5, ["parameters", "flops"]), (1, ["parameters"]), (2, ["flops"]), (3, ["parameters"])]


def test_the_pareto_front_turns_with_the_direction():
    ranking = [RankedModel(n, str(n), {"price": price}, score, 1, n) for n, price, score in ((1, 9, 3.0), (2, 4, 50.0))]
    ranking += [RankedModel(3, "3", {"price": 5}, 60.0, 1, 3), RankedModel(4, "4", {"price": 1}, 90.0, 1, 4)]
    (found,) = trade_offs_of(ranking, ENTROPY)
    assert (found.cost, [ranked.model for ranked in found.front]) == ("price", [4, 2, 1])
    assert trade_offs_of([replace(ranked, costs={}) for ranked in ranking], ENTROPY) == ()


def test_failures_by_kind():
    failures = [Failure(n, "[SM(10)]", s, f"reason {n}", {}) for n, s in enumerate(["b", "a", "c", "c"], start=1)]
    assert [(k.status, k.count, k.example) for k in failure_kinds(failures)] == [
        ("c", 2, "reason 3"),
        ("a", 1, "reason 2"),
        ("b", 1, "reason 1"),
    ]


def test_a_spread():
    assert spread_of([]) is None
    assert spread_of([0.25]) == Spread(1, 0.25, 0.25, 0.25, None)
    spread = spread_of([0.1, 0.2, 0.3])
    assert (spread.mean, spread.low, spread.high) == (pytest.approx(0.2), 0.1, 0.3)
    assert spread.deviation == pytest.approx(0.1)


def test_the_interval_of_a_test_error():
    look = TestLook(1, "network", (1,), "digits", 450, 440 / 450, None, "metaqnn evaluate")
    # (10 + z^2 / 2) / (450 + z^2), give or take z sqrt(10 * 440 / 450 + z^2 / 4) / (450 + z^2), z = 1.96
    assert error_interval(look) == (pytest.approx(0.01212, abs=1e-5), pytest.approx(0.04041, abs=1e-5))
    low, high = error_interval(replace(look, score=1.0))
    assert low == 0.0
    assert high == pytest.approx(3.8415 / 453.8415, abs=1e-5)


def test_a_diagram_shows_size_and_channels():
    diagram = diagram_of("[C(64,3,1), P(2,2), FC(128), SM(10)]", (32, 32, 3))
    assert [block.output for block in diagram.blocks] == ["32x32x3", "32x32x64", "16x16x64", "128", "10"]
    assert [block.cells for block in diagram.blocks] == [0, 3, 0, 0, 0]
    image, convolution, pool, neurons, softmax = diagram.blocks
    assert image.width == convolution.width > pool.width
    assert convolution.depth == pool.depth > image.depth > neurons.depth == 0
    assert neurons.height > softmax.height
    assert len({block.color for block in diagram.blocks}) == 5
    assert diagram.alternative == (
        "An image of 32x32x3; convolution C(64,3,1) to 32x32x64; max pooling P(2,2) to 16x16x64; "
        "fully connected FC(128) to 128; softmax SM(10) to 10."
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (percent(0.98765), "98.77 %"),
        (percent(None), "-"),
        (points(-0.0123), "-1.23 points"),
        (points(None), "-"),
        (signed(-1.25), "-1.25"),
        (signed(None), "-"),
        (amount(None), "-"),
        (amount(2700.0), "2,700"),
        (amount(0.123456), "0.1235"),
        (amount(12_345_678), "12.3 M"),
        (count(2700), "2,700"),
        (count(None), "-"),
        (magnitude(941), "941"),
        (magnitude(941, "FLOPs"), "941 FLOPs"),
        (magnitude(12_345), "12.3 k"),
        (magnitude(999_999), "1.00 M"),
        (magnitude(4_470_000_000, "FLOPs"), "4.47 GFLOPs"),
        (duration(None), "-"),
        (duration(0), "0 s"),
        (duration(4.25), "4.2 s"),
        (duration(59.6), "1 min 00 s"),
        (duration(3_661), "1 h 01 min"),
        (duration(3_290_000), "38 d 1 h"),
        (moment("2026-01-02T03:04:05.678+00:00"), "2026-01-02 03:04:05 UTC"),
        (moment(None), "-"),
        (moment("yesterday"), "yesterday"),
        (counted(1, "network"), "1 network"),
        (counted(2700, "network"), "2,700 networks"),
        (listed({"numpy": "2", "keras": "3"}), "numpy 2, keras 3"),
    ],
)
def test_words(text, expected):
    assert text == expected


# A whole search


def test_the_data_of_a_search(find, finished_once):
    from metaqnn.replay.reader import ReplayReader

    data = find(finished_once)
    with ReplayReader(finished_once) as reader:
        best = reader.query("SELECT model, best_accuracy FROM leaderboard")[1]
        stages = reader.query("SELECT epsilon, episodes, mean_accuracy FROM epsilon_stages")[1]
        repeats, saved = reader.query(
            "SELECT count(*), total(train_seconds) FROM replay JOIN evaluations USING (evaluation) WHERE reused"
        )[1][0]
    assert [(n.model, n.score) for n in data.ranking] == best
    assert [top.ranked.model for top in data.top] == [model for model, _ in best[:3]]
    assert all(top.attempts for top in data.top)
    assert [(s.epsilon, s.episodes, pytest.approx(s.episode_mean)) for s in data.trace.stages] == stages
    assert {f.model: f.reason for f in data.failures}.keys() == {f.model for f in data.failures}
    assert sorted(kind.status for kind in data.failure_kinds) == ["crashed", "diverged", "timed_out"]
    assert (data.usage.repeats, data.usage.saved_seconds) == (repeats, saved)
    assert len(data.usage.seconds) == data.provenance.done == 12
    assert data.provenance.epsilon == 0.1
    assert data.provenance.runs[-1].outcome == "completed"
    assert data.provenance.interruptions == 0
    assert data.values.episode == data.provenance.episodes


def test_the_same_database_gives_the_same_numbers(find, finished_once):
    first, second = find(finished_once), find(finished_once)
    moment = first.provenance.reported_at
    assert replace(second, provenance=replace(second.provenance, reported_at=moment)) == first


def test_a_search_with_a_larger_budget_is_repeated_in_two_steps(find, tmp_path):
    from small_searches import run_small

    run_small(tmp_path / "two.sqlite", models=12)
    run_small(tmp_path / "two.sqlite", models=14)
    assert find(tmp_path / "two.sqlite").provenance.commands("small") == (
        f"metaqnn replay verify {tmp_path / 'two.sqlite'}",
        "metaqnn search small.yaml --models 12 --db replay_db/small-again.sqlite",
        "metaqnn search small.yaml --models 14 --db replay_db/small-again.sqlite",
    )


def test_what_was_imported_and_what_was_refused(find, finished_once, tmp_path):
    import shutil
    import sqlite3
    from contextlib import closing

    path = shutil.copy(finished_once, tmp_path / "imported.sqlite")
    rows = [
        (1, "[SM(10)]", "{}", 1, None, ""),
        *((n, f"net {n}", json.dumps({}), None, "unparsed", f"reason {n}") for n in range(2, 7)),
        (7, "[SM(10)]", "{}", None, "accuracy", "1.5 is none"),
    ]
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executemany("INSERT INTO imported_rows VALUES (?, ?, ?, ?, ?, ?)", rows)
        connection.execute("UPDATE replay SET source = 'imported', recorded = '{}' WHERE episode = 1")
    data = find(path)
    assert (data.imported.rows, data.imported.taken, data.imported.episodes) == (7, 1, 1)
    unparsed, accuracy = data.imported.refused
    assert (unparsed.count, accuracy.count) == (5, 1)
    assert unparsed.examples == tuple((n, f"net {n}", f"reason {n}") for n in (2, 3, 4))
    assert 1 not in data.trace.iterations


# What the agent expected


def test_what_was_expected_against_what_was_measured():
    expected = [(0.5, 0.1, 0.55), (0.5, 0.1, 0.6), (0.5, 0.1, 0.8), (0.5, 0.1, 0.45)]
    results = [
        *(
            result(number, 0.5, expected=mean, deviation=deviation, reward=reward)
            for number, (mean, deviation, reward) in enumerate(expected, start=1)
        ),
        result(5, 0.5),  # a random walk, of which nothing was expected
        result(6, None, expected=0.5, deviation=0.1, reward=0.1),  # a failure
        result(7, 0.5, expected=0.5, deviation=0.1, reward=0.5, reused=True),
    ]
    found = expectations_of(results)
    assert [point.episode for point in found.points] == [1, 2, 3, 4]
    assert found.within == (0.5, 0.75)  # 0.55 and 0.45 within 0.0674; all but 0.8 within 0.196
    assert found.mean_error == pytest.approx(0.1)
    assert found.mean_distance == pytest.approx(0.125)
    assert expectations_of(results[4:]) is None
