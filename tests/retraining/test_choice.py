"""Which trained network is meant, where nobody says: chosen by validation."""

import re

import pytest

from metaqnn.core import Retraining, TrainingSplit
from metaqnn.errors import ReplayError
from metaqnn.networks.retraining.choice import best_of_each_model, best_retrainings
from metaqnn.replay.retrainings import RetrainingMemory, weights_folder

# By the search the models of the golden file rank 9, 7, 2, 11, ...


def retraining(number, model, accuracy, split=TrainingSplit.TRAIN, dataset="digits", status="ok"):
    known = {"name": "one_cycle"}, {"name": dataset}, {"classes": 10}
    return Retraining(number, model, "[SM(10)]", 0, *known, split, None, 650, status, "", accuracy, weights="x.keras")


def chosen(database, *retrainings, **wanted):
    folder = weights_folder(database)
    folder.mkdir(exist_ok=True)
    (folder / "x.keras").touch()
    with RetrainingMemory(database) as memory:
        memory.add(retrainings)
        return [retraining.number for retraining in best_retrainings(memory, **wanted)]


def test_the_best_by_validation_comes_first(searched):
    retrainings = (
        retraining(1, 9, 0.5),
        retraining(2, 7, 0.75),
        retraining(3, 2, 0.625),
        retraining(4, 2, 0.75, status="crashed"),
    )
    assert chosen(searched, *retrainings) == [2, 3, 1]


def test_where_nothing_was_held_out_the_search_decides(searched):
    both = TrainingSplit.TRAIN_AND_VALIDATION
    assert chosen(
        searched, retraining(1, 2, None, both), retraining(2, 9, None, both), retraining(3, 9, None, both)
    ) == [2, 3, 1]


def test_equal_ones_are_taken_in_the_order_of_the_search_and_of_their_numbers(searched):
    assert chosen(searched, retraining(1, 2, 0.5), retraining(2, 9, 0.5), retraining(3, 9, 0.5)) == [2, 3, 1]


def test_one_part_at_a_time_the_newest_where_nobody_says(searched):
    both = TrainingSplit.TRAIN_AND_VALIDATION
    assert chosen(searched, retraining(1, 9, 0.5), retraining(2, 7, None, both)) == [2]
    with RetrainingMemory(searched) as memory:
        assert [one.number for one in best_retrainings(memory, part=TrainingSplit.TRAIN)] == [1]


def test_the_searchs_own_data_where_nobody_says(searched):
    assert chosen(searched, retraining(1, 9, 0.5), retraining(2, 9, 0.75, dataset="mnist")) == [1]
    with RetrainingMemory(searched) as memory:
        assert [one.number for one in best_retrainings(memory, "mnist")] == [2]


def test_one_model(searched):
    assert chosen(searched, retraining(1, 9, 0.5), retraining(2, 7, 0.75), model=9) == [1]


def test_one_of_each_model():
    retrainings = [retraining(4, 9, 0.75), retraining(2, 7, 0.5), retraining(1, 9, 0.25)]
    assert best_of_each_model(retrainings) == retrainings[:2]


@pytest.mark.parametrize(
    ("retrainings", "wanted", "sentence"),
    [
        ((), {}, "expected a trained network, but there is none yet; train it with `metaqnn train DB --top 5`"),
        (
            (retraining(1, 9, 0.5),),
            {"model": 7},
            "expected a trained network of model 7, but there is none yet; train it with `metaqnn train DB --model 7`",
        ),
        (
            (retraining(1, 9, 0.5),),
            {"dataset": "mnist"},
            "expected a network trained on mnist, but there is none; there are networks trained on digits (train)",
        ),
        (
            (retraining(1, 9, 0.5),),
            {"part": TrainingSplit.TRAIN_AND_VALIDATION},
            "expected a network trained on digits (train+validation), but there is none; there are networks trained on "
            "digits (train)",
        ),
    ],
)
def test_what_is_refused(searched, retrainings, wanted, sentence):
    with pytest.raises(ReplayError, match=re.escape(sentence.replace("DB", str(searched)))):
        chosen(searched, *retrainings, **wanted)
