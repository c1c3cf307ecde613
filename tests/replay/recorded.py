"""A small search with everything that a database may hold, made without a framework."""

from pathlib import Path

from small_searches import interrupt_after, run_small

from metaqnn.config import as_mapping
from metaqnn.core import CurvePoint, Retraining, TestCheck, TestLook, TrainingSplit
from metaqnn.networks.retraining.config import OneCycleConfig
from metaqnn.replay.reader import ReplayReader
from metaqnn.replay.retrainings import RetrainingMemory
from metaqnn.workflows.retraining_plan import retrained_size

RECIPE = OneCycleConfig(epochs=2)


def with_retrainings(path: Path) -> None:
    """Record two retrainings of model 1 that went well and one that failed, and a look of each kind."""
    with ReplayReader(path) as reader:
        architecture, config = reader.models()[0].architecture, reader.config()
    size = retrained_size(architecture, tuple(config["data"]["input_shape"]), RECIPE.batch_normalization)

    def asked(number: int, origin: int | None = None) -> Retraining:
        sections = as_mapping(RECIPE), config["experiment"]["dataset"], config["data"]
        return Retraining(number, 1, architecture, 2 + number, *sections, TrainingSplit.TRAIN, origin, size)

    with RetrainingMemory(path) as memory:
        memory.add([asked(1), asked(2, origin=1), asked(3)])
        for number in (2, 1):  # side by side, the second ended first
            memory.begin(number, [], "a test")
            for step in (1, 2):
                memory.record_epoch(number, CurvePoint(step, step / 4, 0.5, {"learning_rate": 0.1, "train_loss": 1.5}))
            memory.record_end(number, "ok", "", 0.5, f"final-{number}.weights.h5")
        memory.record_end(3, "crashed", "the process ended", None, None)
        memory.record_look(TestLook(0, "network", (1,), "digits", 450, 396 / 450, 0.5, "metaqnn evaluate small.sqlite"))
        memory.record_look(TestLook(0, "average", (1, 2), "digits", 450, 0.9, 0.6, "metaqnn ensemble small.sqlite"))
        memory.record_check(TestCheck(0, "digits", 450, "metaqnn evaluate small.sqlite", ("a doubt",)))


def stopped_search(path: Path) -> None:
    """A search with two episodes in flight, and what `with_retrainings` adds."""
    run_small(path, function=interrupt_after(8))
    with_retrainings(path)
