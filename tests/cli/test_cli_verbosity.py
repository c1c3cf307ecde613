"""How much a command shows: `--quiet` and `--verbose`, one meaning on every command that shows more than its result."""

import click
import pytest

from metaqnn.cli import cli

WITH_VERBOSITY = [
    *("search", "resume", "enumerate", "compare", "train", "evaluate", "ensemble", "export", "report", "datasets"),
    "replay verify",
]


def command(words: str) -> click.Command:
    found: click.Command = cli
    for word in words.split():
        found = found.commands[word]
    return found


@pytest.mark.parametrize("words", WITH_VERBOSITY)
def test_every_command_that_shows_progress_has_both(metaqnn, words):
    options = {name for each in command(words).params for name in each.opts}
    assert {"-q", "--quiet", "-v", "--verbose"} <= options
    refused = metaqnn(*words.split(), "-q", "-v", "x", "x")
    assert refused.code == 2
    assert "expected one of --quiet and --verbose, got both" in refused.err


@pytest.fixture
def searched(metaqnn, small_yaml, instant, tmp_path):
    def search(*words):
        return metaqnn("search", small_yaml, "--db", tmp_path / f"{len(words)}.sqlite", "--models", 4, *words)

    return search


def test_a_quiet_search_says_what_came_out_only(searched):
    ended = searched("-q")
    assert ended.code == 0
    assert ended.err == ""
    assert ended.out.startswith("The 4 best networks\n") or ended.out.startswith("The 5 best networks\n")


def test_a_verbose_search_has_a_line_for_everything(searched):
    out = searched("-v", "--seed", 1).out
    for number in range(1, 5):
        assert f"  episode {number} proposes model" in out
    assert out.count("  episode ") > 8  # and how each evaluation went
    assert "(epsilon " in out
    assert "[   4/4] " in out


def test_of_a_plain_one_neither(searched):
    out = searched("--seed", 1, "--strategy", "random").out
    assert "proposes" not in out
    assert "[   4/4] " in out


def test_quiet_and_verbose_verification(metaqnn, finished):
    told, quiet, verbose = (metaqnn("replay", "verify", finished, *words) for words in ([], ["-q"], ["-v"]))
    assert told.out == quiet.out == verbose.out
    assert quiet.err == ""
    assert verbose.err.count("episodes, left") >= 12


def test_a_verbose_refusal_says_what_is_behind_it(metaqnn, tmp_path):
    (tmp_path / "a.yaml").write_bytes(b"name: \xff")
    refused, verbose = (metaqnn("search", tmp_path / "a.yaml", *words) for words in ([], ["-v"]))
    assert (refused.code, verbose.code) == (2, 2)
    assert verbose.err.startswith(refused.err.rstrip("\n"))
    assert "\n  because of UnicodeDecodeError: " in verbose.err
    assert "because" not in refused.err


def test_an_option_that_cannot_be_used_is_told_as_that(metaqnn):
    told = [
        (("--strategy", "randm"), "--strategy: there is no strategy 'randm'; did you mean 'random'?"),
        (("--set", "training.epoch=5"), "--set training.epoch=5: training.epoch: there is no such key; did you mean"),
        (("--set", "search.models=x"), "--set search.models=x: search.models: expected a whole number"),
        (("--seed", "1", "--set", "training.epochs=0"), "--set training.epochs=0: training.epochs: expected"),
    ]
    for words, sentence in told:
        assert metaqnn("search", "digits", *words).err.startswith(f"metaqnn: {sentence}")


def test_what_is_wrong_in_the_file_is_told_of_the_file(metaqnn, tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("name: a\ndataset: {name: digits}\ntraining: {epoch: 1}\n", encoding="utf-8")
    assert metaqnn("search", path, "--set", "seed=1").err.startswith(f"metaqnn: {path}: training.epoch: there is no")


def test_set_changes_the_strategy_that_is_named(metaqnn):
    told = metaqnn("search", "digits", "--set", "strategy.planning=3", "--strategy", "q_learning")
    assert told.code == 2
    assert told.err.startswith("metaqnn: --set strategy.planning=3: strategy.planning: expected a section of keys")
