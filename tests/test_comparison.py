"""Strategies compared on a table: single runs, many runs side by side, and what is reported of them."""

import csv
import math
import multiprocessing
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from itertools import islice, pairwise

import pytest
from contracts.agents import ask, configured, make_strategy
from contracts.spaces import chain
from PIL import Image
from scipy import stats

from metaqnn.core import Score
from metaqnn.core.plugins import Plugin
from metaqnn.errors import ConfigError, EvaluatorError, MachineError, ReplayError
from metaqnn.replay.comparisons import ComparisonRuns, FinishedRun, RunKey
from metaqnn.reports.comparison import (
    _holm,
    difference_tables,
    reached_overview,
    reached_table,
    regret_overview,
    regret_table,
    verdict_counts,
    write_csv,
)
from metaqnn.reports.comparison_figures import draw_ranks, draw_regret
from metaqnn.reports.ranks import left_out, rank_overview, rank_table, ranks
from metaqnn.reports.regret import Interval, RegretTrace, averaged, checkpoints, interval
from metaqnn.tables.listed import ListedSpace
from metaqnn.tables.table import Entry, EvaluationTable
from metaqnn.workflows.compare import StrategySpec, _build, _part, compare, run_trace, strategy_specs
from metaqnn.workflows.run_keys import code_of, contents_of, settings_of
from metaqnn.workflows.section import Section
from metaqnn.workflows.table_files import Benchmark, load_benchmark

NAMES = ("linear_ucb", "paper", "random", "regularized_evolution", "reinforce")

RANDOM = StrategySpec("random", "random")


def of(figures: dict[str, tuple[float, float]], *choices: int) -> Benchmark:
    """A table over a chain: network -> (reward, target)."""
    entries = {text: Entry(*two) for text, two in figures.items()}
    table = EvaluationTable(entries, "a test", Score("accuracy", "maximize", 0.0, 1.0, is_share=True))
    return Benchmark("a test", chain(*choices), table)


def nine() -> Benchmark:
    """The chain 3 x 3, in which reward and target agree and the network 21 is the best."""
    texts = ["00", "01", "02", "10", "11", "12", "20", "22", "21"]
    return of({text: (n / 16, n / 16) for n, text in enumerate(texts, start=1)}, 3, 3)


TWO = {"0": (0.25, 0.25), "1": (0.75, 0.5)}


def proposed_at_random(benchmark: Benchmark, seed: int):
    """What random search proposes, one after another, whatever it is told."""
    strategy = make_strategy(configured("random"), benchmark.space, seed)
    number = 0
    while True:
        number += 1
        yield ask(strategy, number, 1.0).architecture


def firsts(proposals) -> list[tuple[int, str]]:
    """The first proposal of each network, with its number."""
    seen = {}
    for number, text in enumerate(proposals, start=1):
        seen.setdefault(text, number)
    return [(number, text) for text, number in seen.items()]


# One run


@pytest.mark.parametrize("seed", range(4))
def test_repeats_are_free_and_only_distinct_networks_count(seed):
    benchmark = nine()
    found = firsts(islice(proposed_at_random(benchmark, seed), 450))
    assert len(found) == 9
    trace = run_trace(benchmark, RANDOM, seed, 9)
    assert trace.proposals == found[-1][0] > 9
    rewards = [benchmark.table.entries[text].reward for _, text in found]
    assert list(trace.best_rewards) == [max(rewards[: n + 1]) for n in range(9)]
    assert trace.regrets == pytest.approx([100 * (9 / 16 - best) for best in trace.best_rewards])
    assert (trace.label, trace.seed) == ("random", seed)
    assert trace.regrets[-1] == 0.0


def test_a_budget_ends_a_run_as_soon_as_it_is_used_up():
    found = firsts(islice(proposed_at_random(nine(), 0), 450))
    trace = run_trace(nine(), RANDOM, 0, 4)
    assert len(trace.regrets) == len(trace.best_rewards) == 4
    assert trace.proposals == found[3][0]


def test_regret_is_that_of_the_network_with_the_best_reward():
    # The target of 1 is the best (0.95), but the search sees most in 0, whose target is 0.80.
    benchmark = of({"0": (0.9, 0.80), "1": (0.5, 0.95), "2": (0.7, 0.60)}, 3)
    regret = {"0": 15.0, "1": 0.0, "2": 35.0}
    rewards = {"0": 0.9, "1": 0.5, "2": 0.7}
    orders = set()
    for seed in range(12):
        order = [text for _, text in firsts(islice(proposed_at_random(benchmark, seed), 150))]
        orders.add("".join(order))
        trace = run_trace(benchmark, RANDOM, seed, 3)
        chosen = [max(order[:n], key=rewards.get) for n in (1, 2, 3)]
        assert trace.regrets == pytest.approx([regret[text] for text in chosen])
        assert list(trace.best_rewards) == [rewards[text] for text in chosen]
        assert trace.regrets[-1] == pytest.approx(15.0)
        if order[0] == "1":  # a better reward may be a worse network
            assert trace.regrets[0] == 0.0
    assert {order[0] for order in orders} == {"0", "1", "2"}


def test_the_first_of_two_equal_rewards_is_kept():
    benchmark = of({"0": (0.5, 0.25), "1": (0.5, 0.75)}, 2)
    for seed in range(6):
        first = next(proposed_at_random(benchmark, seed))
        trace = run_trace(benchmark, RANDOM, seed, 2)
        assert trace.regrets == ((50.0, 50.0) if first == "0" else (0.0, 0.0))


def test_a_run_ends_after_fifty_proposals_for_each_evaluation():
    # Twelve evaluations of two networks: ten stages of 500 repeats would be 5,000 proposals.
    trace = run_trace(of(TWO, 2), StrategySpec("paper", "q_learning", ("preset=paper",)), 0, 12)
    assert trace.proposals == 50 * 12
    assert len(trace.regrets) == len(trace.best_rewards) == 12
    assert set(trace.best_rewards[1:]) == {0.75}
    assert set(trace.regrets[1:]) == {0.0}


@pytest.mark.parametrize("name", NAMES)
def test_a_trace_has_its_full_length_though_a_strategy_finds_nothing_new(name):
    benchmark = of(TWO, 2)
    trace = run_trace(benchmark, strategy_specs([name], benchmark)[0], 1, 12)
    assert len(trace.regrets) == len(trace.best_rewards) == 12
    assert 500 < trace.proposals <= 50 * 12
    assert (trace.best_rewards[-1], trace.regrets[-1]) == (0.75, 0.0)
    assert trace.best_rewards[0] in (0.25, 0.75)


def test_random_search_gives_up_after_its_repeats_in_a_row():
    second = firsts(islice(proposed_at_random(of(TWO, 2), 0), 100))[1][0]
    assert run_trace(of(TWO, 2), RANDOM, 0, 12).proposals == second + 500


@pytest.mark.parametrize("name", NAMES)
def test_a_trace_is_a_function_of_the_seed(name):
    benchmark = nine()
    spec = strategy_specs([name], benchmark)[0]
    runs = [[run_trace(nine(), spec, seed, 6) for seed in range(4)] for _ in range(2)]
    assert runs[0] == runs[1]
    assert len({trace.best_rewards for trace in runs[0]}) > 1
    for trace in runs[0]:
        assert all(a <= b for a, b in pairwise(trace.best_rewards))


def test_a_network_outside_the_table_ends_a_run():
    with pytest.raises(EvaluatorError, match="is not among its 2;"):
        run_trace(of(TWO, 40), RANDOM, 0, 5)


# Who takes part


def test_specs_by_name():
    assert strategy_specs(["paper", "random", "linear_ucb"], nine()) == [
        StrategySpec("paper", "q_learning", ("preset=paper",)),
        StrategySpec("random", "random"),
        StrategySpec("linear_ucb", "linear_ucb"),
    ]


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["randm"], "--strategies: there is no strategy 'randm'; did you mean 'random'?"),
        (["random", "papr"], "--strategies: there is no strategy 'papr'; did you mean 'paper'?"),
        (["paper", "random", "paper"], "--strategies: expected each strategy once, got 'paper' twice"),
        (["random:=3"], "--strategies random:=3: expected KEY=VALUE behind a colon, got '=3'"),
        (["paper", "paper"], "--strategies: expected each strategy once, got 'paper' twice"),
        (
            [],
            "--strategies: expected at least one strategy; valid names are bananas, controller, gaussian_process, "
            "linear_ucb, local_search, paper, q_learning, random, regularized_evolution, reinforce, smac, tpe",
        ),
    ],
)
def test_specs_that_cannot_be(names, sentence):
    with pytest.raises(ConfigError) as error:
        strategy_specs(names, nine())
    assert str(error.value) == sentence


def test_options_behind_colons():
    words = ["q_learning:epsilon=0.2:planning.random_first=3", "paper:learning_rate=0.1", "paper"]
    specs = strategy_specs(words, nine())
    assert [spec.label for spec in specs] == words
    planning, paper, _ = (_build(spec, nine().space, 0) for spec in specs)
    assert (planning.config.schedule, planning.config.planning.random_first) == (((0.2, 2700),), 3)
    assert (paper.config.preset, paper.config.learning_rate, paper.planner) == ("paper", 0.1, None)


# Many runs


@pytest.fixture
def table(tmp_path):
    """A table file over the chain 3 x 3."""
    rows = [f"{text},{entry.reward},{entry.target}\n" for text, entry in nine().table.entries.items()]
    (tmp_path / "nine.csv").write_text("".join(["architecture,reward,target\n", *rows]), encoding="utf-8")
    path = tmp_path / "nine.yaml"
    path.write_text("space: {name: chain, choices: [3, 3]}\ntable: {file: nine.csv}\n", encoding="utf-8")
    return path


def test_the_number_of_processes_changes_nothing_and_every_strategy_has_the_seeds_from_zero(table):
    benchmark = load_benchmark(table)
    chosen = strategy_specs(["reinforce", "random", "paper"], benchmark)
    seeds = {"reinforce": 2, "random": 3, "paper": 1}
    told = []
    (traces,) = compare([benchmark], chosen, seeds, 6, 1, on_progress=lambda done, total: told.append((done, total)))
    assert [(trace.label, trace.seed) for trace in traces] == [
        ("reinforce", 0),
        ("reinforce", 1),
        ("random", 0),
        ("random", 1),
        ("random", 2),
        ("paper", 0),
    ]
    assert told == [(done, 6) for done in range(7)]
    assert compare([benchmark], chosen, seeds, 6, 2) == [traces]
    assert [run_trace(benchmark, one, seed, 6) for one in chosen for seed in range(seeds[one.label])] == traces


def test_what_ends_a_run_ends_the_comparison(table):
    (table.parent / "nine.csv").write_text("architecture,reward,target\n00,0.5,0.5\n", encoding="utf-8")
    with pytest.raises(EvaluatorError, match="is not among its 1;"):
        compare([load_benchmark(table)], [RANDOM], {"random": 2}, 6, 2)


def test_a_process_that_is_killed_is_one_sentence(table):
    others = multiprocessing.active_children()

    def kill(done, total):
        for process in multiprocessing.active_children():
            if done and process not in others:
                process.kill()

    with pytest.raises(MachineError, match="expected processes that compare to their end, but one was ended from out"):
        compare([load_benchmark(table)], [RANDOM], {"random": 500}, 9, 2, on_progress=kill)


# Intervals


def test_an_interval_is_student_s():
    values = [1.0, 2.0, 3.0, 4.0]
    found = interval(values)
    # sd = sqrt(5/3), t(0.975, 3) = 3.182446: half = 3.182446 * 1.290994 / 2 = 2.054260
    assert found.mean == 2.5
    assert (found.low, found.high) == pytest.approx((2.5 - 2.054260, 2.5 + 2.054260), abs=1e-6)
    expected = stats.t.interval(0.95, 3, loc=2.5, scale=stats.sem(values))
    assert (found.low, found.high) == pytest.approx(expected)


def test_an_interval_of_one_value_has_no_ends():
    found = interval([3.5])
    assert found.mean == 3.5
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    assert not found.is_decided


def test_an_interval_of_equal_values_is_a_point():
    assert interval([0.5, 0.5, 0.5]) == Interval(0.5, 0.5, 0.5)
    assert not interval([0.0, 0.0]).is_decided


@pytest.mark.parametrize(
    ("low", "high", "is_decided"),
    [(0.1, 0.3, True), (-0.3, -0.1, True), (-0.1, 0.3, False), (0.0, 0.3, False), (-0.3, 0.0, False)],
)
def test_what_an_interval_decides(low, high, is_decided):
    assert Interval((low + high) / 2, low, high).is_decided is is_decided


# Tables


def trace(label: str, seed: int, *regrets: float) -> RegretTrace:
    """A run with these regrets, of a table whose best reward is 1."""
    rewards = tuple(1 - regret / 100 for regret in regrets)
    return RegretTrace(label, seed, rewards, regrets, 2 * len(regrets), reward_regrets=regrets)


def flat(label: str, seed: int, *stretches: tuple[float, int]) -> RegretTrace:
    """A run with so many evaluations at each regret."""
    return trace(label, seed, *(regret for regret, length in stretches for _ in range(length)))


def test_what_is_looked_at():
    assert checkpoints([flat("a", 0, (1.0, 12))]) == (10, 12)
    assert checkpoints([flat("a", 0, (1.0, 100))]) == (10, 20, 50, 100)
    assert checkpoints([flat("a", 0, (1.0, 300))]) == (10, 20, 50, 100, 200, 300)
    assert checkpoints([flat("a", 0, (1.0, 3))]) == (3,)


def test_mean_regrets_the_best_at_the_end_first():
    traces = [flat("slow", 0, (9.0, 10), (4.0, 2)), flat("quick", 0, (1.0, 10), (0.5, 2))]
    traces += [flat("slow", 1, (9.0, 10), (6.0, 2))]
    half = 12.706205 * 2**0.5 / 2**0.5  # t(0.975, 1) times the deviation of 4 and 6, over the root of 2
    assert regret_table(traces).columns == ("strategy", "seeds", "evaluations", "regret", "lower", "upper")
    assert regret_table(traces).rows == (
        ("quick", 1, 10, 1.0, None, None),
        ("quick", 1, 12, 0.5, None, None),
        ("slow", 2, 10, 9.0, 9.0, 9.0),
        ("slow", 2, 12, 5.0, round(5 - half, 3), round(5 + half, 3)),
    )


def test_a_difference_is_decided_where_its_interval_leaves_zero_out():
    a = [trace("a", seed, regret) for seed, regret in enumerate((1.0, 1.1, 0.9))]
    b = [trace("b", seed, regret) for seed, regret in enumerate((2.0, 2.2, 2.1))]
    (row,) = difference_tables([[*b, *a]])[0].rows
    # Differences -1.0, -1.1, -1.2: mean -1.1, t(0.975, 2) = 4.302653, half = 4.302653 * 0.1 / sqrt(3) = 0.248414
    assert row == ("a", "b", 3, 1, -1.1, -1.348, -0.852, 0.0027, "a is better")


def test_a_difference_is_not_decided_where_its_interval_includes_zero():
    a = [trace("a", seed, regret) for seed, regret in enumerate((1.0, 2.0, 3.0))]
    b = [trace("b", seed, regret) for seed, regret in enumerate((1.5, 1.5, 4.0))]
    (row,) = difference_tables([[*a, *b]])[0].rows
    # Differences -0.5, 0.5, -1.0: mean -1/3, sd 0.763763, half = 4.302653 * 0.763763 / sqrt(3) = 1.897290
    assert row == ("a", "b", 3, 1, -0.333, -2.231, 1.564, 0.53, "not decided")


def test_a_single_seed_decides_nothing():
    (row,) = difference_tables([[trace("a", 0, 1.0), trace("b", 0, 50.0)]])[0].rows
    assert row == ("a", "b", 1, 1, -49.0, None, None, None, "not decided")


def test_only_common_seeds_are_paired():
    a = [trace("a", seed, regret) for seed, regret in ((0, 0.0), (1, 1.0), (2, 2.0))]
    b = [trace("b", seed, regret) for seed, regret in ((3, 80.0), (2, 5.0), (1, 4.0))]
    (row,) = difference_tables([[*a, *b]])[0].rows
    assert row == ("a", "b", 2, 1, -3.0, -3.0, -3.0, 0.0, "a is better")


def test_differences_are_looked_at_after_a_hundred_evaluations_and_at_the_end():
    traces = [flat("late", seed, (5.0 + seed / 8, 120), (0.0, 30)) for seed in range(3)]
    traces += [flat("early", seed, (2.0 + seed / 8, 150)) for seed in range(3)]
    rows = [(*row[:5], row[-1]) for row in difference_tables([traces])[0].rows]
    assert rows == [
        ("late", "early", 3, 100, 3.0, "early is better"),
        ("late", "early", 3, 150, -2.125, "late is better"),
    ]


def test_verdicts_are_corrected_for_their_number():
    # Holm (1979) by hand: sorted 0.01, 0.02, 0.04 times 3, 2, 1: 0.03, 0.04, 0.04, none smaller than one before it.
    assert _holm([0.04, 0.01, math.nan, 0.02])[:2] == pytest.approx([0.04, 0.03])
    assert _holm([0.04, 0.01, math.nan, 0.02])[3] == pytest.approx(0.04)
    assert math.isnan(_holm([0.04, math.nan])[1])
    assert _holm([0.6, 0.7, 0.9]) == [1.0, 1.0, 1.0]


def test_every_pair_is_compared_once():
    traces = [trace(label, seed, regret) for label, regret in (("a", 3.0), ("b", 1.0), ("c", 2.0)) for seed in (0, 1)]
    assert [row[:2] for row in difference_tables([traces])[0].rows] == [("b", "c"), ("b", "a"), ("c", "a")]
    assert difference_tables([traces[:2]])[0].rows == ()


def test_evaluations_needed_to_reach_a_regret():
    traces = [trace("a", 0, 3.0, 1.0, 0.5, 0.0), trace("a", 1, 2.0, 2.0, 1.0, 1.0)]
    traces += [trace("b", 0, 7.0, 7.0, 7.0, 0.15), trace("b", 1, 0.9, 0.9, 0.04, 0.04)]
    assert reached_table(traces).columns == ("strategy", "regret_at_most", "runs_there", "evaluations")
    assert reached_table(traces).rows == (
        ("b", 1.0, 1.0, 2.5),  # after 4 and 1
        ("b", 0.5, 1.0, 3.5),  # after 4 and 3
        ("b", 0.2, 1.0, 3.5),
        ("b", 0.1, 0.5, 3),
        ("b", 0.05, 0.5, 3),
        ("b", 0.0, 0.0, None),
        ("a", 1.0, 1.0, 2.5),  # after 2 and 3
        ("a", 0.5, 0.5, 3),
        ("a", 0.2, 0.5, 4),
        ("a", 0.1, 0.5, 4),
        ("a", 0.05, 0.5, 4),
        ("a", 0.0, 0.5, 4),
    )


def test_a_regret_that_is_a_level_but_for_rounding_reaches_it():
    regret = 100 * (0.95 - 0.94)
    assert regret > 1.0
    assert reached_table([trace("a", 0, regret)]).rows[0] == ("a", 1.0, 1.0, 1)


@pytest.mark.parametrize(
    ("score", "targets", "expected"),
    [
        (Score("accuracy", low=0.0, high=1.0, is_share=True), (0.25, 0.5), (1.0, 0.5, 0.2, 0.1, 0.05, 0.0)),
        (Score("entropy", "minimize", low=0.0, high=255.0), (80.0, 20.0), (2.0, 1.0, 0.5, 0.2, 0.1, 0.0)),
        (Score("ratio", low=0.0, high=1.0), (0.25, 0.5), (0.01, 0.005, 0.002, 0.001, 0.0005, 0.0)),
        (Score("cycles", "minimize"), (3e6, 1e6), (20000.0, 10000.0, 5000.0, 2000.0, 1000.0, 0.0)),
        (Score("cycles", "minimize"), (7.0, 7.0), (0.01, 0.005, 0.002, 0.001, 0.0005, 0.0)),
    ],
)
def test_levels_follow_the_span_of_the_score(tmp_path, score, targets, expected):
    entries = {str(n): Entry(target, target) for n, target in enumerate(targets)}
    benchmark = Benchmark("a test", chain(2), EvaluationTable(entries, "a test", score))
    found = run_trace(benchmark, RANDOM, 0, 2)
    assert tuple(row[1] for row in reached_table([found]).rows) == expected
    assert reached_overview([found]).columns[1:] == tuple(f"{level:g}" for level in (*expected[:4], 0.0))
    draw_regret({"a test": [found]}, 1, tmp_path / "c.png")


def test_regrets_have_the_digits_that_their_span_needs():
    small = [RegretTrace("a", seed, (1.0,), (1.23456e-4 * (seed + 1),), 1, "units of loss", 1e-2) for seed in (0, 1)]
    large = [RegretTrace("a", seed, (1.0,), (12345.678 * (seed + 1),), 1, "units of cycles", 1e6) for seed in (0, 1)]
    assert regret_table(small).rows[0][3] == round(1.5 * 1.23456e-4, 7)
    assert regret_overview(small).rows[0][2].startswith("0.000185 ±")
    assert regret_table(large).rows[0][3] == 18518.5
    assert regret_overview(large).rows[0][2].startswith("18518 ±")


# Tables for people


def test_an_overview_of_regrets_has_a_line_a_strategy():
    traces = [flat("slow", 0, (9.0, 10), (4.0, 2)), flat("quick", 0, (1.0, 10), (0.5, 2))]
    traces += [flat("slow", 1, (9.0, 10), (6.0, 2))]
    overview = regret_overview(traces)
    assert overview.columns == ("strategy", "seeds", "at 10", "at 12")
    assert overview.rows == (("quick", 1, "1.00", "0.50"), ("slow", 2, "9.00 ±0.00", "5.00 ±12.71"))


def test_an_overview_of_regrets_has_the_last_four_numbers_of_evaluations():
    traces = [flat("a", 0, (8.0, 50), (4.0, 50), (2.0, 100), (1.0, 100)), flat("b", 0, (9.0, 300))]
    overview = regret_overview(traces)
    assert overview.columns == ("strategy", "seeds", "at 50", "at 100", "at 200", "at 300")
    assert overview.rows == (("a", 1, "8.00", "4.00", "2.00", "1.00"), ("b", 1, "9.00", "9.00", "9.00", "9.00"))


def test_an_overview_of_what_was_reached_has_a_line_a_strategy():
    traces = [trace("a", 0, 3.0, 1.0, 0.5, 0.15), trace("a", 1, 2.0, 2.0, 1.0, 1.0), trace("b", 0, 9, 9, 9, 9)]
    overview = reached_overview(traces)
    assert overview.columns == ("strategy", "1", "0.5", "0.2", "0.1", "0")
    assert overview.rows == (
        ("a", "3", "3 (50%)", "4 (50%)", "-", "-"),
        ("b", "-", "-", "-", "-", "-"),
    )


# Files


def rows_of(path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_the_csv_has_every_tenth_evaluation_and_the_end(tmp_path):
    write_csv({"t": [flat("a", 0, (2.5, 11), (0.125, 1)), flat("b", 4, (50.0, 12))]}, tmp_path / "c.csv")
    assert (tmp_path / "c.csv").read_bytes() == (
        b"table,strategy,seed,evaluations,best_reward,regret,reward_regret\n"
        b"t,a,0,10,0.975,2.5,2.5\n"
        b"t,a,0,12,0.99875,0.125,0.125\n"
        b"t,b,4,10,0.5,50,50\n"
        b"t,b,4,12,0.5,50,50\n"
    )


@pytest.mark.parametrize(("budget", "points"), [(300, {50, 100, 200, 300}), (120, {50, 100, 120}), (7, {7})])
def test_the_csv_has_the_usual_evaluations(tmp_path, budget, points):
    traces = [trace(label, seed, *range(budget, 0, -1)) for label in "ab" for seed in (0, 1)]
    write_csv({"t": traces}, tmp_path / "c.csv")
    header, *rows = rows_of(tmp_path / "c.csv")
    assert header == ["table", "strategy", "seed", "evaluations", "best_reward", "regret", "reward_regret"]
    for label in "ab":
        for seed in "01":
            found = [int(row[3]) for row in rows if row[:3] == ["t", label, seed]]
            assert points <= set(found)
            assert found == sorted(set(found))
    for _, _, _, evaluations, best, regret, reward_regret in rows:
        assert reward_regret == regret
        assert float(regret) == budget + 1 - int(evaluations)
        assert float(best) == pytest.approx(1 - float(regret) / 100)


@pytest.mark.parametrize(("seeds", "tables"), [(1, 1), (3, 2)])
def test_the_figure_is_an_image(tmp_path, seeds, tables):
    traces = [
        flat(label, seed, (5.0 + seed, 20), (end, 10))
        for label, end in (("a", 0.5), ("b", 0.0))
        for seed in range(seeds)
    ]
    draw_regret({f"table {number}": traces for number in range(tables)}, 1, tmp_path / "c.png")
    with Image.open(tmp_path / "c.png") as image:
        image.load()
        assert image.format == "PNG"
        assert image.size == (780, round(120 * (1 + 4.6 * tables)))
        assert len(image.convert("RGB").getcolors(1 << 20)) > 10  # lines in colours, not an empty sheet


def test_the_names_of_strategies_fit_into_the_figure(tmp_path):
    names = [f"q_learning:epsilon=0.{number}:planning.neighbours=50" for number in range(1, 9)]
    draw_regret({"t": [flat(name, 0, (2.0, 10), (1.0, 10)) for name in names]}, 1, tmp_path / "c.png")
    with Image.open(tmp_path / "c.png") as image:
        width, height = image.size
        assert height == round(120 * (1 + 4.6 + 0.2 * 4))  # a line each, and the panel keeps its size
        for x in (0, width - 1):
            assert image.convert("L").crop((x, 0, x + 1, height)).getextrema() == (255, 255)


# Several tables


def test_the_mean_over_tables_is_that_of_equal_seeds():
    first = [trace("a", 0, 4.0, 2.0), trace("a", 1, 6.0, 6.0), trace("b", 0, 1.0, 1.0)]
    second = [trace("a", 0, 2.0, 1.0), trace("b", 0, 3.0, 0.0), trace("b", 1, 9.0, 9.0)]
    assert [(one.label, one.seed, one.regrets) for one in averaged([first, second])] == [
        ("a", 0, (3.0, 1.5)),
        ("b", 0, (2.0, 0.5)),
    ]


def test_verdicts_are_corrected_over_all_tables():
    def differing(by: float) -> list[RegretTrace]:
        ours = [trace("a", seed, regret) for seed, regret in enumerate((1.0, 2.0, 3.0))]
        return ours + [trace("b", seed, regret + by) for seed, regret in enumerate((1.5, 1.5, 4.0))]

    alone = [difference_tables([differing(by)])[0].rows[0][7] for by in (0.0, 5.0, 9.0)]
    together = [table.rows[0][7] for table in difference_tables([differing(by) for by in (0.0, 5.0, 9.0)])]
    assert together == pytest.approx([alone[0], 2 * alone[1], 3 * alone[2]], rel=0.05)


def test_verdicts_are_counted_over_tables():
    def table(*means: float) -> list[RegretTrace]:
        return [trace(label, n, mean + n / 8) for label, mean in zip("abc", means, strict=True) for n in range(3)]

    found = difference_tables([table(1.0, 2.0, 3.0), table(1.0, 1.0, 0.0)])
    assert verdict_counts(found, "regret").rows == (("a", 2, 1, 1), ("c", 2, 0, 2), ("b", 1, 1, 2))


def test_what_is_shown_by_reward_regret_has_its_order():
    judged = replace(trace("judged", 0, 1.0), reward_regrets=(3.0,))
    rewarded = replace(trace("rewarded", 0, 2.0), reward_regrets=(0.5,))
    assert [row[0] for row in regret_table([judged, rewarded]).rows] == ["judged", "rewarded"]
    assert [row[0] for row in regret_table([judged, rewarded], measure="reward regret").rows] == ["rewarded", "judged"]
    ((one, other, _, _, difference, *_),) = difference_tables([[judged, rewarded]], (), "reward regret")[0].rows
    assert (one, other, difference) == ("rewarded", "judged", -2.5)


def test_mean_ranks_and_their_critical_difference():
    # Demsar (2006), section 3.2.3: four classifiers on 14 data sets; q = 2.569 at 5 %, critical difference 1.25.
    order = {"a": 0.0, "b": 1.0, "c": 1.0, "d": 3.0}  # b and c share the ranks 2 and 3
    groups = [[trace(label, seed, regret) for label, regret in order.items() for seed in range(7)] for _ in range(2)]
    found = ranks(groups, 1)
    assert found.means == {"a": 1.0, "b": 2.5, "c": 2.5, "d": 4.0}
    assert (found.blocks, round(found.critical, 2)) == (14, 1.25)
    assert found.alike() == [("b", "c")]
    assert found.p == pytest.approx(stats.friedmanchisquare(*([v] * 14 for v in order.values())).pvalue)
    assert rank_table([found]).rows[0] == (1, "a", 1.0, 14, 1.254, float(f"{found.p:.2g}"))
    assert rank_overview([found]).rows[-1] == ("critical difference", "1.25")


def test_bars_join_the_longest_runs_of_what_is_not_told_apart():
    groups = [[trace(label, seed, float(seed % 3 == place)) for place, label in enumerate("abc") for seed in range(6)]]
    found = ranks(groups, 1)
    assert set(found.means.values()) == {2.0}
    assert found.alike() == [("a", "b", "c")]


def test_ranks_leave_out_what_has_fewer_runs():
    groups = [[trace(label, seed, 1.0) for label, n in (("a", 3), ("b", 3), ("slow", 2)) for seed in range(n)]]
    assert left_out(groups) == ["slow"]
    assert list(ranks(groups, 1).means) == ["a", "b"]
    assert math.isnan(ranks(groups, 1).p)
    assert ranks([groups[0][:3]], 1) is None


def test_the_figure_of_ranks_is_an_image(tmp_path):
    groups = [[trace(label, seed, float(place)) for place, label in enumerate("abcde") for seed in range(9)]]
    draw_ranks([ranks(groups, 1)], ["t"], tmp_path / "r.png")
    with Image.open(tmp_path / "r.png") as image:
        image.load()
        assert (image.format, image.width > 900) == ("PNG", True)


# Runs that were finished before


def test_finished_runs_are_not_done_again(table, tmp_path):
    benchmark, told = load_benchmark(table), []
    chosen = strategy_specs(["random", "paper"], benchmark)

    def again(seeds: dict[str, int], evaluations: int = 6, of: Benchmark = benchmark) -> list[list[RegretTrace]]:
        told.clear()
        with ComparisonRuns(tmp_path / "runs.sqlite") as before:
            done = lambda done, total: told.append((done, total))  # noqa: E731
            return compare([of], chosen, seeds, evaluations, 1, on_progress=done, runs_before=before)

    first = again({"random": 2, "paper": 1})
    assert told[0] == (0, 3)
    assert again({"random": 2, "paper": 1}) == first
    assert told == [(3, 3)]
    assert again({"random": 3, "paper": 2})[0][:2] == first[0][:2]
    assert told == [(3, 5), (4, 5), (5, 5)]
    again({"random": 3, "paper": 2}, 5)  # another budget is another run
    assert told[0] == (0, 5)
    (table.parent / "nine.csv").write_text((table.parent / "nine.csv").read_text().replace("0.0625", "0.0626"))
    again({"random": 1, "paper": 1}, of=load_benchmark(table))  # and so is another table
    assert told[0] == (0, 2)


def test_runs_that_cannot_be_used_are_told(table, tmp_path):
    def told(*words: str) -> list[str]:
        benchmark, lines = load_benchmark(table), []
        specs = [replace(spec, label="mine") for spec in strategy_specs(words, benchmark)]
        with ComparisonRuns(tmp_path / "runs.sqlite") as before:
            compare([benchmark], specs, {"mine": 2}, 3, 1, runs_before=before, announce=lines.append)
            count = before._connection.execute("SELECT count(*) FROM runs").fetchone()[0]
        return [*lines, str(count)]

    what = f"{tmp_path / 'runs.sqlite'}: 2 runs were done before with "
    rest = "; those are kept in it, but not used: what is asked is done anew."
    assert told("paper") == ["2"]
    assert told("paper") == ["2"]
    assert told("paper:learning_rate=0.5") == [f"{what}other settings of the strategy{rest}", "4"]
    assert told("paper") == ["4"]
    (table.parent / "nine.csv").write_text((table.parent / "nine.csv").read_text().replace("0.0625", "0.0626"))
    assert told("paper") == [f"{what}another content of the table{rest}", "6"]


@pytest.mark.parametrize("name", ["made_mine", "made_package.strategies.mine"])
def test_code_of_a_strategy_from_outside_is_all_that_it_imports_beside_it(tmp_path, monkeypatch, name):
    monkeypatch.syspath_prepend(tmp_path)
    *folders, _ = name.split(".")
    folder = tmp_path.joinpath(*folders)
    folder.mkdir(parents=True, exist_ok=True)
    helper = "made_helper" if not folders else f"{folders[0]}.made_helper"
    constants = tmp_path.joinpath(*folders[:1]) / "made_helper.py"
    constants.write_text("import json\nREPEATS = 500\n")
    elsewhere = constants.with_name("made_elsewhere.py")
    elsewhere.write_text("")
    imports = f"import numpy\nfrom {helper} import REPEATS\nfrom metaqnn.strategies.random_search import RandomSearch\n"
    (folder / f"{name.rpartition('.')[2]}.py").write_text(f"{imports}class Mine(RandomSearch):\n    pass\n")
    part = Section(Plugin("strategy", "mine", f"{name}:Mine"), None)
    before = code_of(part)
    elsewhere.write_text("OTHER = 1\n")
    assert code_of(part) == before
    constants.write_text("import json\nREPEATS = 501\n")
    assert code_of(part) != before


def test_the_content_of_a_table_over_a_space_from_outside_has_its_code(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    path, text = (
        tmp_path / "made_space.py",
        "from metaqnn.tables.chain import ChainSpace\nclass Made(ChainSpace):\n    pass\n",
    )
    path.write_text(text)
    space = Plugin("space", "made", "made_space:Made").load()(nine().space.options, {})
    benchmark = replace(nine(), space=space)
    listed = replace(nine(), space=ListedSpace(space, nine().table.entries))
    before = contents_of(benchmark), contents_of(listed)
    path.write_text(f"{text}\n# and more\n")
    assert not {contents_of(benchmark), contents_of(listed)} & set(before)


def test_the_key_of_a_run_follows_from_what_decides_it(table):
    benchmark = load_benchmark(table)
    default, other = (_part(spec) for spec in strategy_specs(["paper", "paper:learning_rate=0.5"], benchmark))
    assert settings_of(default) != settings_of(other)
    assert code_of(default) == code_of(other)
    assert code_of(default) != code_of(_part(RANDOM))
    assert contents_of(benchmark) == contents_of(replace(benchmark, name="another name"))


def test_a_file_whose_maker_was_killed_amid_it_is_made(tmp_path):
    path = tmp_path / "runs.sqlite"
    # A transaction larger than SQLite's memory of it is in the file before it is committed, and its log beside it.
    code = (
        "import os, signal, sqlite3, sys\n"
        "connection = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "connection.execute('PRAGMA cache_size = 1')\n"
        "connection.execute('BEGIN IMMEDIATE')\n"
        "connection.execute('CREATE TABLE runs (a)')\n"
        "connection.executemany('INSERT INTO runs VALUES (zeroblob(9999))', [()] * 99)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code, path])
    assert path.stat().st_size > 0
    assert path.with_name("runs.sqlite-journal").exists()
    key, run = RunKey("contents", "settings", "code", 0, 1, 1), FinishedRun(2, 0.5, (0.5,), (2.0,), (2.0,))
    with ComparisonRuns(path) as runs:
        runs.add(key, "t", "random", run)
    with ComparisonRuns(path) as runs:
        assert runs.find(key) == run


def test_a_file_that_holds_something_else_is_refused(tmp_path):
    mine = tmp_path / "mine.sqlite"
    for content in (b"mine, and no database at all", b""):
        mine.write_bytes(content)
        if content:
            with pytest.raises(
                ReplayError, match=r"mine\.sqlite: .*; (choose another --out|move it away, and its runs)"
            ):
                ComparisonRuns(mine)
            assert mine.read_bytes() == content
        else:
            ComparisonRuns(mine).close()
    with closing(sqlite3.connect(tmp_path / "theirs.sqlite")) as connection:
        connection.execute("CREATE TABLE theirs (a)")
    with pytest.raises(ReplayError, match=r"expected a file of finished comparisons, but this is none; choose"):
        ComparisonRuns(tmp_path / "theirs.sqlite")


def test_damaged_runs_are_one_sentence(tmp_path):
    key = RunKey("contents", "settings", "code", 0, 2, 1)
    with ComparisonRuns(tmp_path / "runs.sqlite") as runs:
        runs.add(key, "t", "random", FinishedRun(2, 0.5, (0.5, 0.75), (2.0, 1.0), (2.0, 1.0)))
        assert runs.find(key) == FinishedRun(2, 0.5, (0.5, 0.75), (2.0, 1.0), (2.0, 1.0))
        with closing(sqlite3.connect(tmp_path / "runs.sqlite")) as connection:
            connection.execute("DELETE FROM traces WHERE evaluation = 2")
            connection.commit()
        with pytest.raises(ReplayError, match=r"run 1: expected 2 numbers each in table traces; move it away, and its"):
            runs.find(key)
