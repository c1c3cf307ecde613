"""What holds for the fast engine of every backend: the numbers of `fit` from the same seed, and no test split anywhere.

`test_engines.py` runs it with TensorFlow; `test_backends.py` in a process of its own for each other backend.
"""

import math
from dataclasses import replace

import numpy as np
import pytest
from contracts.records import ACCURACY
from training.fast_engines import BACKEND, compiled, fast_engine

from metaqnn.core import Candidate, Status
from metaqnn.networks.architecture import parse
from metaqnn.networks.data import DatasetConfig, fit_statistics, load_search_data
from metaqnn.networks.training.config import TrainingConfig
from metaqnn.networks.training.engines import make_engine
from metaqnn.networks.training.fit_engine import FitEngine, preprocessing_layers
from metaqnn.networks.training.network import build_network
from metaqnn.networks.training.recipe import OutOfTimeError, train

NETWORKS = [
    "[C(8,3,1), C(8,5,1), P(2,2), C(8,3,1), FC(16), SM(10)]",
    "[C(8,1,1), P(3,2), C(16,3,1), GAP(10), SM(10)]",
    "[SM(10)]",
]
SMALL = "[C(4,3,1), P(2,2), FC(8), SM(10)]"
# Networks, and whether with batch normalisation; with JAX `fit` compiles each of them for ten seconds.
COMPARED = [(SMALL, True)] if BACKEND == "jax" else [*((text, False) for text in NETWORKS), (NETWORKS[0], True)]
# A large epsilon keeps Adam from turning rounding noise in tiny gradients into whole steps.
CONFIG = TrainingConfig(epochs=2, learning_rate=0.01, epsilon=0.01, weight_decay=5e-4)


@pytest.fixture(scope="module")
def data(device):
    return load_search_data(DatasetConfig("digits", train_limit=300, validation_size=100), seed=0)


def engine_of(kind, data, preprocessing="standardize", mirror=True, config=CONFIG):
    return kind(data, fit_statistics(preprocessing, data.x_train), mirror, config)


def fast(data, **options):
    return engine_of(fast_engine(), data, **options)


def weights_of(session):
    return session.model.get_weights() if hasattr(session, "model") else session.numpy_weights()


@pytest.mark.parametrize(("text", "batch_normalization"), COMPARED)
def test_the_fast_engine_gives_the_weights_that_fit_gives(text, batch_normalization, data):
    config = replace(CONFIG, batch_normalization=batch_normalization)
    # Keras takes a variance as the difference of two means with PyTorch, which costs it some digits.
    tolerance = 2e-4 if batch_normalization else 2e-5
    outcomes, weights = [], []
    for kind in (FitEngine, fast_engine()):
        session = compiled(engine_of(kind, data, config=config).open(parse(text), seed=3, attempt=2))
        outcomes.append([session.run_epoch(epoch, 0.01, lambda: None) for epoch in (1, 2)])
        # Keras keeps the dropout generators' states among the weights.
        weights.append([w for w in weights_of(session) if w.dtype == np.float32])
        session.close()
    for ours, reference in zip(weights[1], weights[0], strict=True):
        np.testing.assert_allclose(ours, reference, atol=tolerance)
    for ours, reference in zip(outcomes[1], outcomes[0], strict=True):
        assert ours.train_loss == pytest.approx(reference.train_loss, rel=1e-4)
        assert ours.validation_loss == pytest.approx(reference.validation_loss, rel=1e-4)
        assert ours.train_score == pytest.approx(reference.train_score, abs=0.5 / 300)
        assert ours.validation_score == pytest.approx(reference.validation_score, abs=0.5 / 100)


def test_it_is_the_engine_unless_fit_is_asked_for(data, device):
    statistics = fit_statistics("none", data.x_train)
    assert type(make_engine(data, statistics, False, CONFIG, device)) is fast_engine()
    assert type(make_engine(data, statistics, False, replace(CONFIG, engine="fit"), device)) is FitEngine


def test_its_weights_are_those_of_a_plain_network(data):
    session = fast(data).open(parse(SMALL), 3, 1)
    weights = session.numpy_weights()
    session.close()
    plain = build_network(parse(SMALL), (8, 8, 1), dropout=False)
    plain.set_weights(weights)
    assert [weight.dtype for weight in weights] == [np.float32] * 6


def test_the_same_seed_gives_the_same_bits_and_another_does_not(data):
    config = replace(CONFIG, max_restarts=0, restart_accuracy=0.0)

    def curve(seed):
        evaluation = train(Candidate(1, SMALL, seed), fast(data), config, ACCURACY)
        return [replace(metrics, seconds=0) for metrics in evaluation.attempts[-1].points]

    first = curve(1)
    assert len(first) == 2
    assert curve(1) == first
    assert curve(2) != first


def test_what_was_made_ready_trains_to_the_same_bits(data):
    outcomes = []
    for is_ready in (False, True):
        session = fast(data).open(parse(SMALL), seed=0, attempt=1)
        if is_ready:
            session.make_ready()
        outcomes.append(session.run_epoch(1, 0.01, lambda: None))
        session.close()
    assert outcomes[0] == outcomes[1]


def test_an_attempt_does_not_depend_on_what_trained_before(data):
    def outcome(engine, attempt):
        session = engine.open(parse(SMALL), 0, attempt)
        outcome = session.run_epoch(1, 0.01, lambda: None)
        session.close()
        return outcome

    engine = fast(data)
    assert outcome(engine, 1) != outcome(engine, 2)
    assert outcome(engine, 2) == outcome(fast(data), 2)


def test_an_accuracy_is_an_exact_fraction(data):
    session = fast(data).open(parse(NETWORKS[2]), seed=0, attempt=1)
    outcome = session.run_epoch(1, 0.01, lambda: None)
    assert outcome.validation_score in [count / 100 for count in range(101)]
    assert outcome.train_score in [count / 300 for count in range(301)]
    session.close()


def test_cutting_an_epoch_into_timed_calls_changes_no_bit(data):
    outcomes = []
    for config in (CONFIG, replace(CONFIG, max_seconds=600.0)):
        session = fast(data, config=config).open(parse(SMALL), seed=0, attempt=1)
        outcomes.append(session.run_epoch(1, 0.01, lambda: None))
        session.close()
    assert outcomes[0] == outcomes[1]


def test_an_epoch_is_left_when_time_is_up(data):
    leaves_when_time_is_up(fast_engine(), data)


def leaves_when_time_is_up(kind, data):
    calls = []

    def check_time():
        calls.append(None)
        if len(calls) > 2:
            raise OutOfTimeError

    session = engine_of(kind, data, config=replace(CONFIG, max_seconds=1.0)).open(parse(SMALL), 0, 1)
    with pytest.raises(OutOfTimeError):
        session.run_epoch(1, 0.01, check_time)
    assert len(calls) == 3
    session.close()


@pytest.mark.parametrize("kind", ["none", "mean", "global_contrast", "standardize"])
def test_images_are_preprocessed_as_the_statistics_say(kind, data):
    from keras import Sequential

    statistics = fit_statistics(kind, data.x_train)
    wanted = statistics.apply(data.x_validation)
    layers = np.asarray(Sequential(preprocessing_layers(statistics))(data.x_validation.astype("float32")))
    np.testing.assert_allclose(layers, wanted, atol=2e-5)
    engine = fast(data, preprocessing=kind)
    np.testing.assert_allclose(np.asarray(engine.preprocess(engine.place(data.x_validation))), wanted, atol=2e-5)


def test_a_rate_far_too_large_is_no_exception(data):
    config = TrainingConfig(epochs=2, learning_rate=1e30, max_restarts=0)
    evaluation = train(Candidate(1, SMALL, 0), fast(data, config=config), config, ACCURACY)
    assert evaluation.status in (Status.DIVERGED, Status.NEVER_LEARNED)
    assert evaluation.reason
    assert all(math.isfinite(metrics.score) for metrics in evaluation.attempts[0].points)


@pytest.mark.skipif(BACKEND == "jax", reason="JAX begins to compute what no memory holds")
def test_a_network_too_large_for_the_memory_is_a_result(data):
    # 64 x 999,999,999 weights: 238 GiB, more than the machine promises to anybody.
    text = "[FC(999999999), SM(10)]"
    evaluation = train(Candidate(1, text, 0), fast(data), CONFIG, ACCURACY)
    assert evaluation.status in (Status.OUT_OF_MEMORY, Status.BUILD_FAILED)
    assert evaluation.score is None
    assert evaluation.reason


def test_bfloat16_learns_as_single_precision_does(data):
    learns_in_bfloat16(fast_engine(), data)


def learns_in_bfloat16(kind, data):
    statistics = fit_statistics("standardize", data.x_train)
    candidate = Candidate(1, "[C(8,3,1), C(8,3,1), FC(32), SM(10)]", 0)
    config = TrainingConfig(epochs=8, learning_rate=0.01, restart_accuracy=0.0)
    whole, half = (
        train(candidate, kind(data, statistics, False, config, use_bfloat16), config, ACCURACY)
        for use_bfloat16 in (False, True)
    )
    assert half.attempts != whole.attempts
    assert half.measured == pytest.approx(whole.measured, abs=0.05)
    assert half.measured > 0.5
