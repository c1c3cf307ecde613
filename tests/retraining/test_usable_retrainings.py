"""Which trained network is meant: the best that can be used."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from trained_networks import add_retraining

from metaqnn.core import TRAINING, TrainingSplit
from metaqnn.errors import ReplayError
from metaqnn.networks.retraining.choice import best_retrainings, choose_retraining, stored_network
from metaqnn.replay.leaderboard import best_model
from metaqnn.replay.reader import ReplayReader
from metaqnn.replay.retrainings import weights_folder


def chosen(database, **which) -> int:
    with ReplayReader(database) as reader:
        retraining = choose_retraining(reader, **which)
        assert Path(stored_network(reader, retraining).path).is_file()
        return retraining.number


def refusal(database, **which) -> str:
    with ReplayReader(database) as reader, pytest.raises(ReplayError) as caught:
        choose_retraining(reader, **which)
    return str(caught.value).removeprefix(f"{database}: ")


def test_the_highest_validation_accuracy_wins(searched):
    for model, accuracy in [(1, 0.91), (2, 0.97), (1, 0.93), (3, 0.95), (1, 0.92)]:
        add_retraining(searched, model, score=accuracy)
    assert chosen(searched) == 2
    assert chosen(searched, model=1) == 3
    assert chosen(searched, retraining=5) == 5


def test_of_equals_the_older_wins(searched):
    for _ in range(3):
        add_retraining(searched, score=0.95)
    assert chosen(searched) == 1


def test_it_is_the_one_that_evaluate_would_look_with(searched):
    add_retraining(searched, score=0.5)
    add_retraining(searched, split=TrainingSplit.TRAIN_AND_VALIDATION, score=None)
    add_retraining(searched, split=TrainingSplit.TRAIN_AND_VALIDATION, score=None)
    with ReplayReader(searched) as reader:
        assert best_retrainings(reader)[0].number == chosen(searched) == 2


def test_those_of_the_searchs_own_data_come_first(searched):
    other = {"name": "mnist"}
    add_retraining(searched, score=0.99, dataset=other)
    assert chosen(searched) == 1
    add_retraining(searched, score=0.80)
    assert chosen(searched) == 2
    add_retraining(searched, 2, score=0.98, dataset=other)
    assert chosen(searched, model=2) == 3


def test_what_cannot_be_used_is_passed_over(searched):
    add_retraining(searched, score=0.80)
    add_retraining(searched, status=TRAINING, score=None, weights=None)
    add_retraining(searched, status="diverged", score=None, weights=None)
    add_retraining(searched, content=None, score=0.99)
    assert chosen(searched) == 1


def test_a_database_without_finals_says_how_one_is_trained(searched):
    with ReplayReader(searched) as reader:
        best = best_model(reader)
        assert best.model == reader.query("SELECT model FROM leaderboard LIMIT 1")[1][0][0]
    assert refusal(searched) == (
        f"expected a trained network, but there is none yet; train it with `metaqnn train {searched} --top 5`"
    )
    assert refusal(searched, retraining=1) == "there is no retraining 1; nothing was trained with `metaqnn train` yet"


def test_a_model_without_finals_says_how_one_is_trained(searched):
    add_retraining(searched, 1)
    assert refusal(searched, model=2) == (
        "expected a trained network of model 2, but there is none yet; train it with "
        f"`metaqnn train {searched} --model 2`"
    )


def test_numbers_that_do_not_exist(searched):
    add_retraining(searched)
    assert refusal(searched, model=13) == "there is no model 13; its models are numbered 1 to 12"
    assert refusal(searched, retraining=2) == "there is no retraining 2; its retrainings are numbered 1 to 1"


def test_a_final_that_cannot_be_used_says_why(searched):
    add_retraining(searched, status=TRAINING, score=None, weights=None)
    add_retraining(searched, status="diverged", reason="the loss is not finite", score=None, weights=None)
    add_retraining(searched, status="crashed", score=None, weights=None)
    add_retraining(searched, content=None)
    add_retraining(searched, weights=None)
    training = "retraining 1 is still training, or was interrupted: the same `metaqnn train` goes on with it"
    path = weights_folder(searched) / "final-4.weights.h5"
    missing = (
        f"the weights of retraining 4 are missing from {path}: put the file back, or use `metaqnn train --retrain`"
    )
    assert refusal(searched, retraining=1) == training
    assert refusal(searched, retraining=2) == "retraining 2 failed (diverged: the loss is not finite)"
    assert refusal(searched, retraining=3) == "retraining 3 failed (crashed)"
    assert refusal(searched, retraining=4) == missing
    assert refusal(searched, retraining=5) == "retraining 5 has no file of weights"
    # Of many the newest three are named.
    assert refusal(searched) == (
        f"expected a trained network, but retraining 3 failed (crashed); {missing}; retraining 5 has no file of weights"
    )


def test_a_search_without_a_trained_network_has_no_best_model(searched):
    with closing(sqlite3.connect(searched)) as connection, connection:
        connection.execute("UPDATE evaluations SET status = 'crashed', best_accuracy = NULL")
    with ReplayReader(searched) as reader:
        assert best_model(reader) is None
