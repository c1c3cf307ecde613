"""Planning: what is imagined, what is believed of what is in flight, and nothing but history in it."""

import math
from dataclasses import replace

import pytest
from contracts.agents import configured, episode
from contracts.spaces import small

from metaqnn.core import Context, EpisodeOrigin, PendingEpisode
from metaqnn.seeding import Stream
from metaqnn.strategies.encoding import TrajectoryEncoder
from metaqnn.strategies.observed import Standard, chosen_results
from metaqnn.strategies.plan import Plan
from metaqnn.strategies.planner import Planner, PlanningConfig, _last_refit
from metaqnn.strategies.q_learning import QLearning
from metaqnn.strategies.return_model import ReturnModel, Weights
from metaqnn.strategies.walks import random_walk
from metaqnn.tables.chain import ChainConfig, ChainSpace

CHAIN = ChainSpace(ChainConfig("chain", (3,) * 6))


def reward_of(architecture: str) -> float:
    """The share of the digits that are those of 201201; the first two count double."""
    return sum(a == b for a, b in zip(architecture + architecture[:2], "20120120", strict=True)) / 8


def told(count: int, planner: Planner) -> Planner:
    for number in range(1, count + 1):
        walk = random_walk(CHAIN, Stream(0, "test", number))
        planner.tell(episode(number, walk.architecture, reward_of(walk.architecture), model=number))
    return planner


def context(number: int, *pending: str) -> Context:
    flying = tuple(
        PendingEpisode(number - len(pending) + at, each, True, EpisodeOrigin.SAMPLED) for at, each in enumerate(pending)
    )
    return Context(number, 2700, number - 1, 0, flying)


def greedy(planned: Plan):
    """The walk that planned values lead to, and its value."""
    found = CHAIN.walk(lambda s, c: max(range(len(c)), key=lambda i: planned.values(s, c)[i]))
    return found.architecture, planned.values(found.steps[0].state, (found.steps[0].action,))[0]


def test_imagined_episodes_by_hand():
    encoder, steps = TrajectoryEncoder(CHAIN, with_counts=False), CHAIN.trajectory("000000").steps
    model = ReturnModel(encoder.points([CHAIN.trajectory("222222")]), Weights.prior(6, 0))
    planned = Plan(model, encoder, Standard.of([0.5]), 0.0)
    planned.learn(steps, -3.0)
    planned.learn(CHAIN.trajectory("000111").steps, -2.0)
    planned.learn(steps, -4.0)
    assert planned.values("0:start", ("0", "1", "2")) == [-2.0, -math.inf, -math.inf]
    assert planned.values(steps[3].state, ("0", "1", "2")) == [-3.0, -2.0, -math.inf]
    assert greedy(planned) == ("000111", -2.0)
    assert len(planned.entries()) == 9


def test_it_finds_what_it_was_told_to_look_for():
    planner = told(40, Planner(PlanningConfig(), CHAIN, seed=0))
    known = {e.trajectory.architecture for e in planner.observed.results}
    architecture, _ = greedy(planner.plan(context(41)))
    assert architecture not in known
    assert reward_of(architecture) > max(reward_of(each) for each in known)


def test_what_is_in_flight_is_not_proposed_again():
    planner = told(40, Planner(PlanningConfig(), CHAIN, seed=0))
    first, _ = greedy(planner.plan(context(41)))
    second, value = greedy(planner.plan(context(42, first)))
    third, _ = greedy(planner.plan(context(43, first, second)))
    assert len({first, second, third}) == 3
    assert math.isfinite(value)


def test_planning_is_a_function_of_history():
    early, late = told(35, Planner(PlanningConfig(), CHAIN, seed=0)), Planner(PlanningConfig(), CHAIN, seed=0)
    for number in range(1, 36):  # one that planned after each result, and once for others in flight
        walk = random_walk(CHAIN, Stream(0, "test", number))
        late.tell(episode(number, walk.architecture, reward_of(walk.architecture)))
        if number > 2:
            late.plan(context(number + 1))
            late.plan(context(number + 3, "000000", "111111"))
    assert early.plan(context(36)).entries() == late.plan(context(36)).entries()
    assert early.plan(context(36)).entries() != early.plan(context(37)).entries()


def test_until_enough_is_known_walks_are_random_and_said_to_be():
    strategy = QLearning(configured("q_learning", planning={"random_first": 4}), CHAIN, seed=0)
    rates = []
    for number in range(1, 8):
        rates.append((strategy.describe_progress(context(number)).epsilon, strategy.ask(context(number))))
        walk = rates[-1][1].architecture
        strategy.tell(episode(number, walk, reward_of(walk)))
    assert [rate for rate, _ in rates] == [1.0] * 4 + [0.05] * 3
    assert [walk.recorded["epsilon"] for _, walk in rates] == [1.0] * 4 + [0.05] * 3
    assert len({walk.architecture for _, walk in rates}) >= 6


def test_at_full_exploration_nothing_planned_matters():
    one, other = (told(30, Planner(PlanningConfig(), CHAIN, seed)) for seed in (0, 1))
    assert one.plan(context(31)).entries() != other.plan(context(31)).entries()
    strategy = QLearning(configured("q_learning"), CHAIN, seed=0)
    strategy.planner = one
    at_one = strategy.ask(context(31), {"epsilon": 1.0})
    strategy.planner = other
    assert strategy.ask(context(31), {"epsilon": 1.0}) == at_one


def test_a_space_that_runs_out():
    space = ChainSpace(ChainConfig("chain", (2, 2)))
    planner = Planner(PlanningConfig(random_first=2), space, seed=0)
    for number, architecture in enumerate(("00", "01", "10", "11"), start=1):
        planner.tell(episode(number, architecture, 0.5))
    assert planner.plan(context(5)).entries() == []


def test_networks_that_were_stopped_early_are_bounds():
    planner, strange = told(30, Planner(PlanningConfig(), CHAIN, seed=0)), "201200"
    expected = planner.expectations().expect(CHAIN.trajectory(strange)).mean
    stopped = replace(episode(31, strange, 5.0, model=31), is_predicted=True)
    planner.tell(stopped)
    plan = planner.expectations()
    assert plan.expect(CHAIN.trajectory(strange)).mean == pytest.approx(expected, abs=1e-9)
    assert plan.expect(CHAIN.trajectory(planner.observed.best(1)[0].architecture)).mean < 1.01  # 5.0 is nobody's
    assert planner.observed.best(31)[-1].architecture == strange
    lower = told(30, Planner(PlanningConfig(), CHAIN, seed=0))
    lower.tell(replace(stopped, reward=0.0))
    assert lower.expectations().expect(CHAIN.trajectory(strange)).mean < expected - 0.1


def test_failures_and_repeats():
    planner = Planner(PlanningConfig(), small(), seed=0)
    walks = [random_walk(small(), Stream(0, "test", number)).architecture for number in range(30)]
    for number, walk in enumerate(dict.fromkeys(walks), start=1):
        planner.tell(episode(number, walk, 0.1))
        planner.tell(episode(number, walk, 0.1, reused=True))
    assert planner.plan(context(99)).entries()  # all alike: nothing is learned, and it goes on


@pytest.mark.parametrize(("count", "at"), [(2, 2), (9, 9), (10, 10), (19, 10), (20, 20), (119, 110), (121, 121)])
def test_weights_are_fitted_every_ten_results_and_later_every_tenth(count, at):
    assert _last_refit(count) == at
    assert 2700 - 50 < _last_refit(2700) <= 2700


def test_which_results_are_used_of_many():
    rewards = [float(7919 * place % 1000) for place in range(1000)]
    chosen = chosen_results(rewards, 100)
    assert chosen == sorted(set(chosen))
    assert len(chosen) == 100
    assert {*sorted(range(1000), key=lambda place: -rewards[place])[:50], *range(975, 1000)} <= set(chosen)
    assert chosen_results(rewards[:100], 100) == list(range(100))


def test_low_outliers_are_pulled_in():
    # The median is 0.8, the upper quartile 0.9: nothing is below 0.8 - 3 * 0.1.
    rewards = [0.1, 0.7, 0.8, 0.9, 1.0]
    found = Standard.of(rewards).returns(rewards)
    mean = (0.5 + 0.7 + 0.8 + 0.9 + 1.0) / 5
    deviation = math.sqrt(sum((each - mean) ** 2 for each in (0.5, 0.7, 0.8, 0.9, 1.0)) / 5)
    assert found.tolist() == pytest.approx([(each - mean) / deviation for each in (0.5, 0.7, 0.8, 0.9, 1.0)])
    assert Standard.of([0.3, 0.3]).returns([0.3, 0.3]).tolist() == [0.0, 0.0]


def test_what_it_expects_and_how_sure_it_is():
    strategy = QLearning(configured("q_learning"), CHAIN, seed=0)
    assert (strategy.expect(CHAIN.trajectory("000000")), strategy.importances()) == (None, {})
    strategy.planner = planner = told(60, Planner(PlanningConfig(), CHAIN, seed=0))
    known, best = planner.observed.results[0].trajectory, CHAIN.trajectory("201201")
    of_known, of_best = strategy.expect(known), strategy.expect(best)
    assert of_known.mean == pytest.approx(reward_of(known.architecture), abs=0.02)
    assert of_best.mean == pytest.approx(1.0, abs=0.1)
    assert 0.0 < of_known.deviation < of_best.deviation < 0.1


def test_which_steps_matter():
    strategy = QLearning(configured("q_learning"), CHAIN, seed=0)
    strategy.planner = planner = Planner(PlanningConfig(), CHAIN, seed=0)
    for number in range(1, 61):
        walk = random_walk(CHAIN, Stream(1, "test", number)).architecture
        planner.tell(episode(number, walk, 0.5 + 0.4 * (walk[2] == "1")))
    found = strategy.importances()
    assert list(found) == [f"step {depth}" for depth in range(1, 7)]
    assert max(found, key=found.get) == "step 3"
    assert max(share for name, share in found.items() if name != "step 3") < 0.1


def test_what_it_expected_is_recorded_with_its_proposal():
    strategy = QLearning(configured("q_learning"), CHAIN, seed=0)
    strategy.planner = told(40, Planner(PlanningConfig(), CHAIN, seed=0))
    asked = strategy.ask(context(41))
    expected = strategy.expect(asked)
    assert asked.recorded == {"epsilon": 0.05, "expected": expected.mean, "deviation": expected.deviation}
    assert strategy.planned_values(context(41)) == strategy.planner.plan(context(41)).entries()
