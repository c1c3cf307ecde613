"""What the loop is made of: reward, settings, the request to stop, the estimate, the summary."""

import math
import os
import signal
import sqlite3
from dataclasses import replace

import pytest
from contracts.searches import SmallSearch, evaluate
from contracts.spaces import small, tiny
from metaqnn.evaluators.function_evaluator import FunctionEvaluator
from metaqnn.search.summary import summarise

from metaqnn.config import as_mapping, read_section
from metaqnn.core import Attempt, EpochMetrics, Evaluation, Model, Prediction, SpeedMeasurement, Status
from metaqnn.errors import ConfigError
from metaqnn.networks.estimate import estimate_search
from metaqnn.networks.training.calibration import TRAINING_FACTOR
from metaqnn.networks.training.config import TrainingConfig
from metaqnn.replay.reader import ReplayReader
from metaqnn.search.config import SearchConfig
from metaqnn.search.loop import Ending
from metaqnn.search.rewards import Reward, RewardConfig
from metaqnn.search.stop import StopRequest
from metaqnn.seeding import Stream
from metaqnn.strategies.schedule import Progress

MODEL = Model(1, "[SM(10)]", 1, 20_000, 1_000_000)


# Evaluations


def trained(*accuracies: float, status: Status = Status.OK) -> Evaluation:
    epochs = [EpochMetrics(n, 0.001, 1.0, 0.5, 1.0, accuracy, 0.0) for n, accuracy in enumerate(accuracies, start=1)]
    first = Attempt(0.005, (EpochMetrics(1, 0.005, 1.0, 0.5, 1.0, 1.0, 0.0),))
    return Evaluation(status, "", (first, Attempt(0.002, tuple(epochs))))


def test_an_evaluation_is_its_last_attempt():
    evaluation = trained(0.25, 0.75, 0.5, 0.75, 0.5)
    assert (evaluation.accuracy, evaluation.best_epoch, evaluation.last_accuracy) == (0.75, 2, 0.5)
    assert evaluation.learning_rate == 0.002


@pytest.mark.parametrize("status", [status for status in Status if status not in (Status.OK, Status.PREDICTED)])
def test_a_failure_has_no_accuracy(status):
    evaluation = trained(0.25, 0.75, status=status)
    assert (evaluation.accuracy, evaluation.best_epoch, evaluation.last_accuracy) == (None, None, 0.75)


def test_a_training_stopped_early_counts_as_what_was_predicted_and_has_no_best():
    evaluation = replace(trained(0.25, 0.75, status=Status.PREDICTED), prediction=Prediction(2, 0.875, 0.75, 0.9375))
    assert (evaluation.accuracy, evaluation.best_accuracy, evaluation.best_epoch) == (0.875, None, None)
    assert (evaluation.last_accuracy, evaluation.learning_rate) == (0.75, 0.002)


def test_a_control_counts_as_what_it_reached():
    evaluation = replace(trained(0.25, 0.75), prediction=Prediction(2, 0.875, 0.75, 0.9375))
    assert (evaluation.accuracy, evaluation.best_accuracy, evaluation.best_epoch) == (0.75, 0.75, 2)


def test_what_was_never_trained_has_nothing():
    evaluation = Evaluation(Status.BUILD_FAILED, "it cannot be built")
    assert (evaluation.accuracy, evaluation.best_epoch, evaluation.last_accuracy) == (None, None, None)
    assert evaluation.learning_rate is None


# Reward


@pytest.mark.parametrize("accuracy", [0.0, 0.5, 1.0])
def test_the_reward_is_the_accuracy(accuracy):
    assert Reward(RewardConfig(), 10)(accuracy, MODEL) == accuracy


def test_a_failure_is_worth_chance_or_what_the_file_says():
    assert Reward(RewardConfig(), 10)(None, MODEL) == 0.1
    assert Reward(RewardConfig(), 3)(None, MODEL) == 1 / 3
    assert Reward(RewardConfig(failure=0.0), 10)(None, MODEL) == 0.0
    assert Reward(RewardConfig(failure=0.25), 10)(None, MODEL) == 0.25


def test_a_cost_aware_reward_by_hand():
    # ln 1,000,000 = 13.815510557964274 and ln 20,000 = 9.903487552536127.
    reward = Reward(RewardConfig("cost_aware", flops_weight=0.01), 10)
    assert reward(0.9, MODEL) == pytest.approx(0.9 - 0.13815510557964274, abs=1e-15)
    assert reward(None, MODEL) == pytest.approx(0.1 - 0.13815510557964274, abs=1e-15)
    reward = Reward(RewardConfig("cost_aware", 0.5, flops_weight=0.01, parameters_weight=0.02), 10)
    cost = 0.13815510557964274 + 0.19806975105072254
    assert reward(0.9, MODEL) == pytest.approx(0.9 - cost, abs=1e-15)
    assert reward(None, MODEL) == pytest.approx(0.5 - cost, abs=1e-15)


def test_a_network_of_e_times_the_cost_must_be_better_by_the_weight():
    reward = Reward(RewardConfig("cost_aware", parameters_weight=0.05), 10)
    large = Model(2, "", 1, round(20_000 * math.e), 1_000_000)
    assert reward(0.8, MODEL) == pytest.approx(reward(0.85, large), abs=1e-5)


def test_the_accuracy_for_a_reward_is_the_reverse_of_the_reward_within_0_and_1():
    assert Reward(RewardConfig(), 10).accuracy_for(0.75, MODEL) == 0.75
    reward = Reward(RewardConfig("cost_aware", flops_weight=0.01), 10)
    # ln 1,000,000 = 13.815510557964274.
    assert reward.accuracy_for(0.75, MODEL) == pytest.approx(0.75 + 0.13815510557964274, abs=1e-15)
    assert reward.accuracy_for(reward(0.5, MODEL), MODEL) == pytest.approx(0.5, abs=1e-15)
    assert reward.accuracy_for(0.875, MODEL) == 1.0
    assert reward.accuracy_for(-0.5, MODEL) == 0.0


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({"name": "speed"}, "name: 'speed' is not one of its values; valid names are accuracy, cost_aware"),
        ({"failure": 1.5}, "failure: expected 'chance' or a number from 0 to 1, got 1.5"),
        ({"failure": -0.1}, "failure: expected 'chance' or a number from 0 to 1, got -0.1"),
        ({"failure": "nan"}, "failure: expected 'chance' or a number from 0 to 1, got nan"),
        ({"failure": "zero"}, "failure: expected 'chance' or a number, got the text 'zero'"),
        ({"flops_weight": 0.1}, "flops_weight: expected 0 unless reward.name is cost_aware, got 0.1"),
        ({"parameters_weight": 0.1}, "parameters_weight: expected 0 unless reward.name is cost_aware, got 0.1"),
        ({"name": "cost_aware", "flops_weight": -1}, "flops_weight: expected a weight of at least 0, got -1.0"),
        ({"name": "cost_aware", "flops_weight": "inf"}, "flops_weight: expected a weight of at least 0, got inf"),
        (
            {"name": "cost_aware"},
            "flops_weight: expected a weight above 0 here or in parameters_weight, got 0.0",
        ),
    ],
)
def test_a_reward_that_is_refused(content, problem):
    with pytest.raises(ConfigError) as error:
        read_section(RewardConfig, content, "reward", "a.yaml")
    assert str(error.value) == f"a.yaml: reward.{problem}"


# The section `search`


def test_the_defaults_of_a_search():
    assert as_mapping(SearchConfig()) == {"models": None, "lookahead": 1, "workers": None, "checkpoint_seconds": 10.0}


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
    with stop.installed(), stop.heed():
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
        with stop.heed():
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
    with stop.installed(), stop.heed():
        assert search.run(tmp_path / "a", lambda: stop.requested) is Ending.INTERRUPTED
    assert stop.signal is signal.SIGTERM
    assert search.verify(tmp_path / "a").difference is None


# The estimate


class Calibrated(FunctionEvaluator):
    """Says how fast it is, and keeps what it was asked."""

    def measure_speed(self, architectures):
        self.asked = list(architectures)
        return SpeedMeasurement(flops_per_second=1e6, setup_seconds=2.0, step_seconds=0.5)


def test_an_estimate_by_hand():
    space, evaluator = small(), Calibrated(evaluate)
    costs = []
    for number in range(64):
        stream = Stream(7, "estimate", number)
        text = space.walk(lambda _, choices, stream=stream: stream.integer(len(choices))).architecture
        costs.append((space.cost(space.parse(text)).flops, text))
    costs.sort()
    mean = sum(flops for flops, _ in costs) / 64
    estimate = estimate_search(space, evaluator, TrainingConfig(epochs=3, batch_size=100), (950, 200), 40, 2, 7)
    assert evaluator.asked == [costs[0][1], costs[32][1], costs[56][1]]
    # Ten steps an epoch; every training image costs its forward pass times the factor, every validation image once.
    seconds = 2.0 + 3 * (10 * 0.5 + mean * (TRAINING_FACTOR * 950 + 200) / 1e6)
    assert estimate.models == 40
    assert estimate.mean_flops == pytest.approx(mean)
    assert estimate.seconds_per_model == pytest.approx(seconds)
    assert estimate.total_seconds == pytest.approx(40 * seconds / 2)


def test_no_estimate_where_nothing_can_be_measured():
    assert estimate_search(tiny(), FunctionEvaluator(evaluate), TrainingConfig(), (10, 10), 5, 1, 0) is None


# The summary


def test_a_summary(tmp_path):
    search = SmallSearch()
    search.run(tmp_path / "a")
    with ReplayReader(tmp_path / "a") as reader:
        summary = summarise(reader, search.schedule)
        (value,) = reader.query("SELECT sum(elapsed_seconds) FROM runs")[1][0]
    assert (summary.episodes, summary.models_done, summary.models_total, summary.in_flight) == (35, 14, 14, 0)
    assert summary.reused == 21
    # Twenty repeats of model 10 and one of model 4, each trained for half a second.
    assert summary.saved_seconds == 21 * 0.5
    assert summary.failed == {"crashed": 1, "diverged": 2, "never_learned": 4}
    assert summary.best == (10, 0.8037109375, "[C(8,3,1), SM(3)]")
    assert (summary.epsilon, summary.exhausted, summary.max_repeats) == (0.1, (), 40)
    assert (summary.runs, summary.elapsed_seconds, summary.values_as_of) == (1, value, 35)


def test_a_summary_of_an_interrupted_search(tmp_path):
    search = SmallSearch(lookahead=4)
    search.run(tmp_path / "a", lambda: True)
    with ReplayReader(tmp_path / "a") as reader:
        summary = summarise(reader, search.schedule)
        assert search.schedule.recorded(reader.episodes(), reader.proposals()) == Progress(distinct=4, stage=1)
    assert (summary.episodes, summary.models_done, summary.models_total, summary.in_flight) == (0, 0, 14, 4)
    assert (summary.best, summary.failed, summary.epsilon, summary.saved_seconds) == (None, {}, 0.5, 0)


def test_a_summary_of_an_exhausted_search(tmp_path):
    search = SmallSearch(models=50, space=tiny(), max_repeats=10)
    search.run(tmp_path / "a")
    with ReplayReader(tmp_path / "a") as reader:
        summary = summarise(reader, search.schedule)
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
        summary = summarise(reader, search.schedule)
    assert (summary.models_total, summary.runs, summary.elapsed_seconds, summary.values_as_of) == (0, 0, 0, 0)
    assert summary.epsilon == 1.0
