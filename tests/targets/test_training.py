"""Both engines train on labels and on numbers, to the same weights and measures; `test_backends.py` runs it, too."""

from dataclasses import replace

import numpy as np
import pytest
from targets.shapes import write
from training.fast_engines import compiled, fast_engine

from metaqnn.core import Candidate, Status
from metaqnn.networks.architecture import parse
from metaqnn.networks.data import DatasetConfig, fit_statistics, load_search_data
from metaqnn.networks.training.config import TrainingConfig
from metaqnn.networks.training.fit_engine import FitEngine
from metaqnn.networks.training.recipe import train

# A large epsilon keeps Adam from turning rounding noise in tiny gradients into whole steps.
CONFIG = TrainingConfig(epochs=2, batch_size=32, learning_rate=0.01, epsilon=0.01, weight_decay=5e-4, dropout=False)


@pytest.fixture(params=["labels", "numbers"])
def data(request, tmp_path, device):
    path = write(tmp_path / "data.npz", request.param)
    return load_search_data(DatasetConfig(str(path), validation_size=70), seed=0)


def engine_of(kind, data, config=CONFIG):
    return kind(data, fit_statistics("standardize", data.x_train), False, config)


def network(data):
    return f"[C(8,3,1), P(2,2), FC(16), SM({data.classes})]"


def test_the_fast_engine_gives_what_fit_gives(data):
    outcomes, weights = [], []
    for kind in (FitEngine, fast_engine()):
        session = compiled(engine_of(kind, data).open(parse(network(data)), seed=3, attempt=1))
        outcomes.append([session.run_epoch(epoch, 0.01, lambda: None) for epoch in (1, 2)])
        weights.append(session.numpy_weights())
        session.close()
    for ours, reference in zip(weights[1], weights[0], strict=True):
        np.testing.assert_allclose(ours, reference, atol=2e-5)
    for ours, reference in zip(outcomes[1], outcomes[0], strict=True):
        assert ours.validation_loss == pytest.approx(reference.validation_loss, rel=1e-4)
        assert ours.train_score == pytest.approx(reference.train_score, abs=1 / 200)
        assert ours.validation_score == pytest.approx(reference.validation_score, abs=1 / 70)
        assert set(ours.figures) == set(data.target.figures)
        for name, value in ours.figures.items():
            assert value == pytest.approx(reference.figures[name], abs=1e-3)


def test_what_is_measured_is_of_the_weights(data):
    """By hand, with another network of the same weights."""
    import keras

    from metaqnn.networks.training.inference import inference_network

    engine = engine_of(fast_engine(), data)
    session = engine.open(parse(network(data)), seed=3, attempt=1)
    outcome = session.run_epoch(1, 0.01, lambda: None)
    model = inference_network(
        parse(network(data)), data.input_shape, engine.statistics, session.numpy_weights(), target=data.target
    )
    session.close()
    said = keras.ops.convert_to_numpy(model(data.x_validation))
    if data.target.kind == "labels":
        expected = ((said > 0.5) == data.y_validation).all(axis=1).mean()
    else:
        errors = ((said - data.y_validation) ** 2).mean(axis=0)
        expected = (1 - errors / data.y_validation.var(axis=0)).mean()
    assert outcome.validation_score == pytest.approx(expected, abs=1e-5)


def test_a_network_that_learns_and_one_that_does_not(data):
    config = replace(CONFIG, epochs=6, epsilon=1e-8, restart_epoch=2, max_restarts=0, weight_decay=0.0)
    constant = data.target.constant_loss(data.y_validation)

    def trained(rate, data):
        engine = engine_of(fast_engine(), data, config)
        fast = replace(config, learning_rate=rate)
        return train(Candidate(1, network(data), seed=5), engine, fast, data.target.score, constant_loss=constant)

    learned = trained(0.01, data)
    assert learned.status is Status.OK
    # The best answer without looking: see the failure of the score.
    assert learned.score > data.target.score.failure + 0.3
    assert set(data.target.figures) <= set(learned.figures)
    # Of other images what fresh weights say is no better than nothing.
    stuck = trained(1e-9, replace(data, y_validation=data.y_validation[::-1]))
    assert stuck.status is Status.NEVER_LEARNED
    assert "no better than a constant answer" in stuck.reason
