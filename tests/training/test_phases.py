"""Where the time of a training goes: every second in one phase."""

import time

import pytest
from contracts.records import ACCURACY
from training.test_recipe import CANDIDATE, CONFIG, ScriptedEngine

from metaqnn.networks.training.phases import PHASES, Phases
from metaqnn.networks.training.recipe import train


class Clock:
    """Shows what it was set to."""

    now = 0.0

    def __call__(self):
        return self.now


def test_what_is_measured_within_another_phase_is_taken_off_it():
    clock = Clock()
    phases = Phases(clock)
    clock.now = 1.0
    with phases.of("training"):
        clock.now = 4.0
        with phases.of("messages"):
            clock.now = 4.5
        clock.now = 6.5
    phases.move(2.0, "training", "validation")
    clock.now = 7.0
    assert phases.stop() == {"training": 3.0, "validation": 2.0, "messages": 0.5, "bookkeeping": 1.5}


def test_a_phase_that_raises_ends():
    clock = Clock()
    phases = Phases(clock)

    def build():
        clock.now = 2.0
        raise KeyError

    with pytest.raises(KeyError), phases.of("building"):
        build()
    clock.now = 3.0
    assert phases.stop() == {"building": 2.0, "bookkeeping": 1.0}


@pytest.mark.parametrize("attempts", [([0.5] * 6,), ([0.1], [0.5] * 6), ([0.5, RuntimeError("bad kernel")],)])
def test_the_phases_of_a_training_are_the_whole_of_it(attempts):
    began = time.perf_counter()
    evaluation = train(CANDIDATE, ScriptedEngine(*attempts), CONFIG, ACCURACY)
    whole = time.perf_counter() - began
    assert list(evaluation.phases) == [phase for phase in PHASES if phase in evaluation.phases]
    assert {"building", "tracing", "training", "messages", "garbage", "bookkeeping"} <= set(evaluation.phases)
    assert 0.0 < sum(evaluation.phases.values()) <= whole
    assert all(seconds >= 0.0 for seconds in evaluation.phases.values())
