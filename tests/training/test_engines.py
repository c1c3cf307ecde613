"""The engine of TensorFlow keeps the contract of fast engines, and `fit` what of it is asked of every engine."""

from dataclasses import replace

import numpy as np
import pytest
from contracts.records import ACCURACY
from training.engine_contract import *  # noqa: F403 - its tests are run here
from training.engine_contract import CONFIG, NETWORKS, engine_of, learns_in_bfloat16, leaves_when_time_is_up

from metaqnn.core import Candidate
from metaqnn.networks.architecture import parse
from metaqnn.networks.data import fit_statistics
from metaqnn.networks.training.device import Device
from metaqnn.networks.training.engines import make_engine
from metaqnn.networks.training.fit_engine import FitEngine
from metaqnn.networks.training.network import build_network
from metaqnn.networks.training.recipe import train
from metaqnn.networks.training.tensorflow_engine import TensorFlowEngine


@pytest.mark.parametrize("text", NETWORKS)
def test_a_few_untraced_steps_give_the_weights_that_a_graph_gives(text, data):
    weights = []
    for is_traced in (True, False):
        statistics = fit_statistics("standardize", data.x_train)
        session = TensorFlowEngine(data, statistics, True, CONFIG, is_traced=is_traced).open(parse(text), 3, 1)
        session.make_ready()
        session.run_epoch(1, 0.01, lambda: None)
        weights.append(session.numpy_weights())
        session.close()
    for ours, reference in zip(*weights, strict=True):
        np.testing.assert_allclose(ours, reference, atol=2e-5)


def test_a_graph_without_passes_trains_alike_and_leaves_tensorflow_as_it_was(data):
    import tensorflow as tf

    before, weights = tf.config.optimizer.get_experimental_options(), []
    for skips_passes_below in (0, 1e12):
        engine = TensorFlowEngine(
            data, fit_statistics("standardize", data.x_train), True, CONFIG, skips_passes_below=skips_passes_below
        )
        session = engine.open(parse(NETWORKS[0]), 3, 1)
        session.run_epoch(1, 0.01, lambda: None)
        weights.append(session.numpy_weights())
        session.close()
    for ours, reference in zip(*weights, strict=True):
        np.testing.assert_allclose(ours, reference, atol=2e-5)
    assert tf.config.optimizer.get_experimental_options() == before


def test_every_graph_of_a_network_trains_to_the_same_bit(data):
    """With the steps as a loop of the graph one in ten ended otherwise: what oneDNN computed hung on addresses."""
    statistics, seen, held = fit_statistics("standardize", data.x_train), set(), []
    engine = TensorFlowEngine(data, statistics, False, CONFIG, skips_passes_below=1e12)
    for number in range(25):
        held.append(np.ones(1000 * number, np.uint8))  # moves what comes later about in memory
        session = engine.open(parse("[C(16,3,1), P(3,2), SM(10)]"), 3, 1)
        session.run_epoch(1, 0.01, lambda: None)
        seen.add(b"".join(weights.tobytes() for weights in session.numpy_weights()))
        session.close()
    assert len(seen) == 1


def test_what_is_left_untraced(data, device):
    def engine(may_skip_tracing, **changes):
        config = replace(CONFIG, **changes)
        return make_engine(data, fit_statistics("none", data.x_train), False, config, device, may_skip_tracing)

    assert engine(False, epochs=1).is_traced
    assert not engine(True, epochs=10).is_traced  # 300 images, three steps an epoch
    assert engine(True, epochs=11).is_traced


def test_fit_hands_out_weights_for_a_plain_network(data):
    session = engine_of(FitEngine, data).open(parse(NETWORKS[0]), 3, 1)
    weights = session.numpy_weights()
    session.close()
    build_network(parse(NETWORKS[0]), (8, 8, 1), dropout=False).set_weights(weights)
    assert [weight.dtype for weight in weights] == [np.float32] * 10


def test_fit_repeats_itself_to_the_bit(data):
    config = replace(CONFIG, max_restarts=0, restart_accuracy=0.0)

    def curve(seed):
        evaluation = train(Candidate(1, NETWORKS[0], seed), engine_of(FitEngine, data), config, ACCURACY)
        return [replace(metrics, seconds=0) for metrics in evaluation.attempts[-1].points]

    assert curve(1) == curve(1)
    assert curve(1) != curve(2)


def test_fit_leaves_an_epoch_when_time_is_up(data):
    leaves_when_time_is_up(FitEngine, data)


@pytest.mark.parametrize("engine", ["auto", "fit"])
def test_layers_compute_in_bfloat16_where_the_device_does_and_nobody_objects(data, engine):
    statistics, gpu = fit_statistics("none", data.x_train), Device("a GPU", True, True, {})
    config = replace(CONFIG, engine=engine)
    assert make_engine(data, statistics, False, config, gpu).use_bfloat16
    assert not make_engine(data, statistics, False, replace(config, precision="float32"), gpu).use_bfloat16


def test_fit_learns_in_bfloat16(data):
    learns_in_bfloat16(FitEngine, data)
