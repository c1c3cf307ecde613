"""What the loop is made of: reward, settings, the request to stop, the estimate, the summary."""

import math
import os
import signal
import sqlite3

import pytest
from contracts.records import ACCURACY, costs, epoch, evaluation
from contracts.searches import SmallSearch, evaluate
from contracts.spaces import small, tiny

from metaqnn.config import as_mapping, read_section
from metaqnn.core import Attempt, Evaluation, Prediction, Reward, Score, SpeedMeasurement, Status, score_of_curve
from metaqnn.errors import ConfigError
from metaqnn.networks.estimate import estimate_search
from metaqnn.networks.rewards import CostAwareOptions, CostAwareReward
from metaqnn.networks.targets.classes import accuracy
from metaqnn.networks.training.calibration import TRAINING_FACTOR
from metaqnn.networks.training.config import TrainingConfig
from metaqnn.replay.reader import ReplayReader
from metaqnn.search.config import SearchConfig
from metaqnn.search.immediate import ImmediateExecutor
from metaqnn.search.loop import Ending
from metaqnn.search.rewards import ScoreReward, ScoreRewardOptions
from metaqnn.search.stop import StopRequest
from metaqnn.seeding import Stream
from metaqnn.strategies.schedule import Progress
from metaqnn.workflows import read_experiment

COSTS = costs(1, 20_000, 1_000_000)


# Evaluations


def trained(*accuracies: float, status: Status = Status.OK, prediction: Prediction | None = None) -> Evaluation:
    points = [epoch(n, 0.002, 1.0, 0.5, 1.0, accuracy, 0.0) for n, accuracy in enumerate(accuracies, start=1)]
    first = Attempt((epoch(1, 0.005, 1.0, 0.5, 1.0, 1.0, 0.0),))
    return evaluation(status, "", (first, Attempt(tuple(points))), prediction=prediction)


def test_an_evaluation_is_its_last_attempt():
    found = trained(0.25, 0.75, 0.5, 0.75, 0.5)
    assert (found.score, found.best_step(ACCURACY), found.last_score) == (0.75, 2, 0.5)
    assert [point.score for point in found.curve] == [0.25, 0.75, 0.5, 0.75, 0.5]


@pytest.mark.parametrize("status", [status for status in Status if not status.has_score])
def test_a_failure_has_no_score(status):
    found = trained(0.25, 0.75, status=status)
    assert (found.score, found.best_step(ACCURACY), found.last_score) == (None, None, 0.75)
    assert (score_of_curve(ACCURACY, status, found.attempts), found.measured) == (None, None)


def test_a_training_stopped_early_counts_as_what_was_predicted_and_has_no_best():
    found = trained(0.25, 0.75, status=Status.EARLY_STOPPED, prediction=Prediction(2, 0.875, 0.75, 0.9375))
    assert (found.score, found.measured, found.best_step(ACCURACY)) == (0.875, None, None)
    assert found.last_score == 0.75


def test_a_control_counts_as_what_it_reached():
    found = trained(0.25, 0.75, prediction=Prediction(2, 0.875, 0.75, 0.9375))
    assert (found.score, found.measured, found.best_step(ACCURACY)) == (0.75, 0.75, 2)


def test_what_was_never_trained_has_nothing():
    found = Evaluation(Status.BUILD_FAILED, reason="it cannot be built")
    assert (found.score, found.best_step(ACCURACY), found.last_score) == (None, None, None)
    assert (found.curve, found.figures) == ((), {})


@pytest.mark.parametrize(
    ("of_curve", "direction", "score", "best_step"),
    [
        ("best", "maximize", 0.75, 2),
        ("best", "minimize", 0.25, 1),
        ("last", "maximize", 0.5, 2),
        ("free", "minimize", None, 1),
    ],
)
def test_a_score_says_how_it_follows_from_a_curve(of_curve, direction, score, best_step):
    metric, found = Score("loss", direction, of_curve=of_curve), trained(0.25, 0.75, 0.25, 0.75, 0.5)
    assert score_of_curve(metric, Status.OK, found.attempts) == score
    assert found.best_step(metric) == best_step


# Reward


def reward(failure="declared", classes: int = 10, **weights: float) -> ScoreReward:
    if weights:
        return CostAwareReward(CostAwareOptions(failure, **weights), accuracy(classes))
    return ScoreReward(ScoreRewardOptions(failure), accuracy(classes))


@pytest.mark.parametrize("score", [0.0, 0.5, 1.0])
def test_the_reward_is_the_score(score):
    assert reward()(score, COSTS) == score


def test_less_is_more_where_the_score_is_minimised():
    entropy = Score("entropy", "minimize", 0.0, 255.0, failure=128.0)
    earned = ScoreReward(ScoreRewardOptions(), entropy)
    assert (earned(3.0, {}), earned(None, {})) == (-3.0, -128.0)
    assert (earned.score_for(-3.0, {}), earned.score_for(-300.0, {}), earned.score_for(7.0, {})) == (3.0, 255.0, 0.0)


def test_a_failure_is_worth_chance_or_what_the_file_says():
    assert reward()(None, COSTS) == 0.1
    assert reward(classes=3)(None, COSTS) == 1 / 3
    assert reward(failure=0.0)(None, COSTS) == 0.0
    assert reward(failure=0.25)(None, COSTS) == 0.25


def test_a_cost_aware_reward_by_hand():
    # ln 1,000,000 = 13.815510557964274 and ln 20,000 = 9.903487552536127.
    earned = reward(flops_weight=0.01)
    assert earned(0.9, COSTS) == pytest.approx(0.9 - 0.13815510557964274, abs=1e-15)
    assert earned(None, COSTS) == pytest.approx(0.1 - 0.13815510557964274, abs=1e-15)
    earned = reward(0.5, flops_weight=0.01, parameters_weight=0.02)
    cost = 0.13815510557964274 + 0.19806975105072254
    assert earned(0.9, COSTS) == pytest.approx(0.9 - cost, abs=1e-15)
    assert earned(None, COSTS) == pytest.approx(0.5 - cost, abs=1e-15)


def test_a_network_of_e_times_the_cost_must_be_better_by_the_weight():
    earned = reward(parameters_weight=0.05)
    large = costs(1, round(20_000 * math.e), 1_000_000)
    assert earned(0.8, COSTS) == pytest.approx(earned(0.85, large), abs=1e-5)


def test_the_score_for_a_reward_is_the_reverse_of_the_reward_within_its_range():
    assert reward().score_for(0.75, COSTS) == 0.75
    earned = reward(flops_weight=0.01)
    # ln 1,000,000 = 13.815510557964274.
    assert earned.score_for(0.75, COSTS) == pytest.approx(0.75 + 0.13815510557964274, abs=1e-15)
    assert earned.score_for(earned(0.5, COSTS), COSTS) == pytest.approx(0.5, abs=1e-15)
    assert earned.score_for(0.875, COSTS) == 1.0
    assert earned.score_for(-0.5, COSTS) == 0.0


def test_a_reward_of_its_own_says_nothing_of_scores_unless_it_says_so():
    class Halved(Reward):
        def __call__(self, score, costs):
            return self.counted(score) / 2

    assert Halved(Halved.Options(), ACCURACY).score_for(0.25, COSTS) is None


@pytest.mark.parametrize(
    ("options", "content", "problem"),
    [
        (ScoreRewardOptions, {"failure": "zero"}, "failure: expected 'declared' or a number, got the text 'zero'"),
        (CostAwareOptions, {"flops_weight": -1}, "flops_weight: expected a weight of at least 0, got -1.0"),
        (CostAwareOptions, {"flops_weight": "inf"}, "flops_weight: expected a weight of at least 0, got inf"),
        (CostAwareOptions, {}, "flops_weight: expected a weight above 0 here or in one of the others, got 0.0"),
    ],
)
def test_a_reward_that_is_refused(options, content, problem):
    with pytest.raises(ConfigError) as error:
        read_section(options, content, "reward", "a.yaml")
    assert str(error.value) == f"a.yaml: reward.{problem}"


@pytest.mark.parametrize("failure", [1.5, -0.1, math.nan])
def test_a_failure_cannot_count_as_what_is_no_score(failure):
    with pytest.raises(
        ConfigError, match=rf"^(reward\.)?failure: expected 'declared' or a number from 0 to 1, got {failure}$"
    ):
        reward(failure)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({"name": "speed"}, "name: there is no reward 'speed'; valid names are cost_aware, score"),
        (
            {"name": "score", "flops_weight": 0.1},
            "flops_weight: 'score' has no such key, which is one of 'reward.name: cost_aware'; "
            "name that reward, or leave the key out",
        ),
        (
            {"parameters_weight": 0.1},
            "parameters_weight: 'score' has no such key, which is one of 'reward.name: cost_aware'; "
            "name that reward, or leave the key out",
        ),
    ],
)
def test_a_section_of_a_reward_that_is_refused(content, problem):
    with pytest.raises(ConfigError) as error:
        read_experiment({"name": "a", "dataset": {"name": "digits"}, "reward": content}, "a.yaml")
    assert str(error.value) == f"a.yaml: reward.{problem}"


# The section `search`


def test_the_defaults_of_a_search():
    assert as_mapping(SearchConfig()) == {
        "models": None,
        "lookahead": 1,
        "workers": None,
        "checkpoint_seconds": 10.0,
        "hang_seconds": 300.0,
        "cluster": None,
    }


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({"models": 0}, "models: expected from 1 to 10000000, got 0"),
        ({"models": 10_000_001}, "models: expected from 1 to 10000000, got 10000001"),
        ({"lookahead": 0}, "lookahead: expected from 1 to 1000, got 0"),
        ({"lookahead": 1001}, "lookahead: expected from 1 to 1000, got 1001"),
        ({"workers": 0}, "workers: expected from 1 to search.lookahead (1), or nothing, got 0"),
        ({"lookahead": 4, "workers": 5}, "workers: expected from 1 to search.lookahead (4), or nothing, got 5"),
        ({"checkpoint_seconds": -1}, "checkpoint_seconds: expected at least 0, got -1.0"),
        ({"hang_seconds": 0.5}, "hang_seconds: expected at least 1, or nothing, got 0.5"),
        ({"hang_seconds": math.nan}, "hang_seconds: expected at least 1, or nothing, got nan"),
    ],
)
def test_a_search_section_that_is_refused(content, problem):
    with pytest.raises(ConfigError) as error:
        read_section(SearchConfig, content, "search", "a.yaml")
    assert str(error.value) == f"a.yaml: search.{problem}"


# Stopping


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_only_noted_while_it_is_heeded(number):
    stop = StopRequest()
    with stop.installed(), stop.deferred():
        assert not stop.requested
        os.kill(os.getpid(), number)
        assert stop.requested
        assert stop.signal is number


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_interrupts_as_usual_before_and_after(number):
    stop = StopRequest()
    with stop.installed():
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
        assert stop.requested
        with stop.deferred():
            os.kill(os.getpid(), number)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)


def test_handlers_are_put_back():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with StopRequest().installed() as stop:
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] != before
        assert not stop.requested
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_signal_ends_a_search_between_two_episodes(tmp_path):
    stop = StopRequest()

    def interrupted(candidate):
        if candidate.number == 5:
            os.kill(os.getpid(), signal.SIGTERM)
        return evaluate(candidate)

    search = SmallSearch(evaluate=interrupted)
    with stop.installed(), stop.deferred():
        assert search.run(tmp_path / "a", lambda: stop.requested) is Ending.INTERRUPTED
    assert stop.signal is signal.SIGTERM
    assert search.verify(tmp_path / "a").difference is None


# The estimate


class Calibrated(ImmediateExecutor):
    """Says how fast it is, and keeps what it was asked."""

    def measure_speed(self, architectures):
        self.asked = list(architectures)
        return SpeedMeasurement(operations_per_second=1e6, setup_seconds=2.0, step_seconds=0.5)


def test_an_estimate_by_hand():
    space, evaluator = small(), Calibrated(evaluate)
    found = []
    for number in range(64):
        stream = Stream(7, "estimate", number)
        text = space.walk(lambda _, choices, stream=stream: stream.integer(len(choices))).architecture
        found.append((space.costs(space.parse(text))["flops"], text))
    found.sort()
    mean = sum(flops for flops, _ in found) / 64
    estimate = estimate_search(space, evaluator, TrainingConfig(epochs=3, batch_size=100), (950, 200), 40, 2, 7)
    assert evaluator.asked == [found[0][1], found[32][1], found[56][1]]
    # Ten steps an epoch; every training image costs its forward pass times the factor, every validation image once.
    seconds = 2.0 + 3 * (10 * 0.5 + mean * (TRAINING_FACTOR * 950 + 200) / 1e6)
    assert estimate.models == 40
    assert estimate.mean_flops == pytest.approx(mean)
    assert estimate.seconds_per_model == pytest.approx(seconds)
    assert estimate.total_seconds == pytest.approx(40 * seconds / 2)


def test_no_estimate_where_nothing_can_be_measured():
    assert estimate_search(tiny(), ImmediateExecutor(evaluate), TrainingConfig(), (10, 10), 5, 1, 0) is None


# The summary


def test_a_summary(tmp_path):
    search = SmallSearch()
    search.run(tmp_path / "a")
    with ReplayReader(tmp_path / "a") as reader:
        summary = search.summarise(reader)
        (value,) = reader.query("SELECT sum(elapsed_seconds) FROM runs")[1][0]
    assert (summary.episodes, summary.models_done, summary.models_total, summary.in_flight) == (35, 14, 14, 0)
    assert summary.reused == 21
    # Twenty repeats of model 10 and one of model 4, each trained for half a second.
    assert summary.saved_seconds == 21 * 0.5
    assert summary.failed == {"crashed": 1, "diverged": 2, "never_learned": 4}
    best = summary.best
    assert (best.model, best.score, best.architecture) == (10, 0.8037109375, "[C(8,3,1), SM(3)]")
    assert (summary.epsilon, summary.exhausted, summary.max_repeats) == (0.1, (), 40)
    assert (summary.runs, summary.elapsed_seconds, summary.values_as_of) == (1, value, 35)


def test_a_summary_of_an_interrupted_search(tmp_path):
    search = SmallSearch(lookahead=4)
    search.run(tmp_path / "a", lambda: True)
    with ReplayReader(tmp_path / "a") as reader:
        summary = search.summarise(reader)
        assert search.schedule.recorded(reader.episodes(), reader.proposals()) == Progress(distinct=4, stage=1)
    assert (summary.episodes, summary.models_done, summary.models_total, summary.in_flight) == (0, 0, 14, 4)
    assert (summary.best, summary.failed, summary.epsilon, summary.saved_seconds) == (None, {}, 0.5, 0)


def test_a_summary_of_an_exhausted_search(tmp_path):
    search = SmallSearch(models=50, space=tiny(), max_repeats=10)
    search.run(tmp_path / "a")
    with ReplayReader(tmp_path / "a") as reader:
        summary = search.summarise(reader)
        progress = search.schedule.recorded(reader.episodes(), reader.proposals())
    assert summary.epsilon is None
    assert summary.exhausted[-1] == 0.1
    assert search.schedule.is_over(progress)
    assert summary.models_done == progress.distinct


def test_a_summary_before_any_run(tmp_path):
    search = SmallSearch()
    search.run(tmp_path / "a", lambda: True)
    connection = sqlite3.connect(tmp_path / "a")
    with connection:
        for table in ("runs", "proposals", "models", "checkpoints"):
            connection.execute(f"DELETE FROM {table}")
    connection.close()
    with ReplayReader(tmp_path / "a") as reader:
        summary = search.summarise(reader)
    assert (summary.models_total, summary.runs, summary.elapsed_seconds, summary.values_as_of) == (0, 0, 0, 0)
    assert summary.epsilon == 1.0
