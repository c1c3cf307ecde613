"""Which trained network is meant: the best that can be used."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from trained_finals import add_final

from metaqnn.core import TRAINING, Part
from metaqnn.errors import ReplayError
from metaqnn.networks.retraining.choice import choose_final, stored_network, trained_finals
from metaqnn.replay.finals import weights_folder
from metaqnn.replay.leaderboard import best_model
from metaqnn.replay.reader import ReplayReader


def chosen(database, **which) -> int:
    with ReplayReader(database) as reader:
        final = choose_final(reader, **which)
        assert Path(stored_network(reader, final).path).is_file()
        return final.final


def refusal(database, **which) -> str:
    with ReplayReader(database) as reader, pytest.raises(ReplayError) as caught:
        choose_final(reader, **which)
    return str(caught.value).removeprefix(f"{database}: ")


def test_the_highest_validation_accuracy_wins(searched):
    for model, accuracy in [(1, 0.91), (2, 0.97), (1, 0.93), (3, 0.95), (1, 0.92)]:
        add_final(searched, model, validation_accuracy=accuracy)
    assert chosen(searched) == 2
    assert chosen(searched, model=1) == 3
    assert chosen(searched, final=5) == 5


def test_of_equals_the_older_wins(searched):
    for _ in range(3):
        add_final(searched, validation_accuracy=0.95)
    assert chosen(searched) == 1


def test_it_is_the_one_that_evaluate_would_look_with(searched):
    add_final(searched, validation_accuracy=0.5)
    add_final(searched, part=Part.TRAIN_AND_VALIDATION, validation_accuracy=None)
    add_final(searched, part=Part.TRAIN_AND_VALIDATION, validation_accuracy=None)
    with ReplayReader(searched) as reader:
        assert trained_finals(reader)[0].final == chosen(searched) == 2


def test_those_of_the_searchs_own_data_come_first(searched):
    other = {"name": "mnist"}
    add_final(searched, validation_accuracy=0.99, dataset=other)
    assert chosen(searched) == 1
    add_final(searched, validation_accuracy=0.80)
    assert chosen(searched) == 2
    add_final(searched, 2, validation_accuracy=0.98, dataset=other)
    assert chosen(searched, model=2) == 3


def test_what_cannot_be_used_is_passed_over(searched):
    add_final(searched, validation_accuracy=0.80)
    add_final(searched, status=TRAINING, validation_accuracy=None, weights=None)
    add_final(searched, status="diverged", validation_accuracy=None, weights=None)
    add_final(searched, content=None, validation_accuracy=0.99)
    assert chosen(searched) == 1


def test_a_database_without_finals_says_how_one_is_trained(searched):
    with ReplayReader(searched) as reader:
        best = best_model(reader)
        assert best == reader.query("SELECT model FROM leaderboard LIMIT 1")[1][0][0]
    assert refusal(searched) == (
        f"expected a trained network, but there is none yet; train it with `metaqnn train {searched} --top 5`"
    )
    assert refusal(searched, final=1) == "there is no final 1; nothing was trained with `metaqnn train` yet"


def test_a_model_without_finals_says_how_one_is_trained(searched):
    add_final(searched, 1)
    assert refusal(searched, model=2) == (
        "expected a trained network of model 2, but there is none yet; train it with "
        f"`metaqnn train {searched} --model 2`"
    )


def test_numbers_that_do_not_exist(searched):
    add_final(searched)
    assert refusal(searched, model=13) == "there is no model 13; its models are numbered 1 to 12"
    assert refusal(searched, final=2) == "there is no final 2; its finals are numbered 1 to 1"


def test_a_final_that_cannot_be_used_says_why(searched):
    add_final(searched, status=TRAINING, validation_accuracy=None, weights=None)
    add_final(searched, status="diverged", reason="the loss is not finite", validation_accuracy=None, weights=None)
    add_final(searched, status="crashed", validation_accuracy=None, weights=None)
    add_final(searched, content=None)
    add_final(searched, weights=None)
    training = "final 1 is still training, or was interrupted: the same `metaqnn train` goes on with it"
    path = weights_folder(searched) / "final-4.weights.h5"
    missing = f"the weights of final 4 are missing from {path}: put the file back, or use `metaqnn train --again`"
    assert refusal(searched, final=1) == training
    assert refusal(searched, final=2) == "final 2 failed (diverged: the loss is not finite)"
    assert refusal(searched, final=3) == "final 3 failed (crashed)"
    assert refusal(searched, final=4) == missing
    assert refusal(searched, final=5) == "final 5 has no file of weights"
    # Of many the newest three are named.
    assert refusal(searched) == (
        f"expected a trained network, but final 3 failed (crashed); {missing}; final 5 has no file of weights"
    )


def test_a_search_without_a_trained_network_has_no_best_model(searched):
    with closing(sqlite3.connect(searched)) as connection, connection:
        connection.execute("UPDATE evaluations SET status = 'crashed', best_accuracy = NULL")
    with ReplayReader(searched) as reader:
        assert best_model(reader) is None
