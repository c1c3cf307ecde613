"""A session opened in advance is the session that would have been opened, and a wrong guess costs nothing but time."""

import pytest
from contracts.records import ACCURACY

from metaqnn.core import Candidate
from metaqnn.networks.architecture import parse
from metaqnn.networks.data import DatasetConfig, fit_statistics, load_search_data
from metaqnn.networks.training.config import TrainingConfig
from metaqnn.networks.training.prefetching import PrefetchingEngine
from metaqnn.networks.training.recipe import Engine, Session, train
from metaqnn.networks.training.tensorflow_engine import TensorFlowEngine

FIRST, SECOND = "[C(8,3,1), C(8,3,1), SM(10)]", "[C(4,5,1), FC(16), SM(10)]"
CONFIG = TrainingConfig(epochs=2, learning_rate=0.01, restart_accuracy=0.0)


class CountingEngine(Engine):
    """Opens sessions that only count."""

    def __init__(self, refused=()):
        super().__init__(None, None, False, CONFIG)
        self.refused, self.sessions = refused, []

    def open(self, architecture, seed, attempt):
        if str(architecture) in self.refused:
            raise MemoryError(str(architecture))
        self.sessions.append(CountingSession(str(architecture)))
        return self.sessions[-1]


class CountingSession(Session):
    def __init__(self, text):
        self.text, self.readied, self.closed = text, 0, 0

    def run_epoch(self, epoch, learning_rate, check_time):
        raise NotImplementedError

    def make_ready(self):
        self.readied += 1

    def numpy_weights(self):
        return []

    def close(self):
        self.closed += 1


def test_a_prepared_network_trains_to_the_same_bits(device):
    data = load_search_data(DatasetConfig("digits", train_limit=200, validation_size=100), seed=0)
    plain = TensorFlowEngine(data, fit_statistics("none", data.x_train), True, CONFIG)
    ahead = PrefetchingEngine(TensorFlowEngine(data, fit_statistics("none", data.x_train), True, CONFIG))

    def curve(engine, text):
        (attempt,) = train(Candidate(1, text, 0), engine, CONFIG, ACCURACY).attempts
        return [(m.figures["train_loss"], m.figures["validation_loss"], m.score) for m in attempt.points]

    ahead.prepare(parse(FIRST), 0)
    assert curve(ahead, FIRST) == curve(plain, FIRST)
    ahead.prepare(parse(FIRST), 0)  # a wrong guess
    assert curve(ahead, SECOND) == curve(plain, SECOND)


def test_the_prepared_session_is_handed_out_once_and_ready():
    engine = CountingEngine()
    ahead = PrefetchingEngine(engine)
    ahead.prepare(parse(FIRST), 0)
    session = ahead.open(parse(FIRST), 0, 1)
    assert session is engine.sessions[0]
    assert session.readied == 1
    assert ahead.open(parse(FIRST), 0, 1) is engine.sessions[1]
    assert engine.sessions[1].readied == 0


@pytest.mark.parametrize(("seed", "attempt"), [(1, 1), (0, 2)])
def test_another_seed_or_attempt_is_opened_anew(seed, attempt):
    engine = CountingEngine()
    ahead = PrefetchingEngine(engine)
    ahead.prepare(parse(FIRST), 0)
    assert ahead.open(parse(FIRST), seed, attempt).readied == 0


def test_what_was_prepared_in_vain_is_closed():
    engine = CountingEngine()
    ahead = PrefetchingEngine(engine)
    ahead.prepare(parse(FIRST), 0)
    ahead.prepare(parse(SECOND), 0)
    assert ahead.open(parse(SECOND), 0, 1).text == SECOND
    assert [(session.text, session.closed) for session in engine.sessions] == [(FIRST, 1), (SECOND, 0)]


def test_what_cannot_be_opened_fails_when_its_turn_comes():
    ahead = PrefetchingEngine(CountingEngine(refused=(FIRST,)))
    ahead.prepare(parse(FIRST), 0)
    with pytest.raises(MemoryError):
        ahead.open(parse(FIRST), 0, 1)
