"""What waits, has no end, or is far too long ends a command in one short sentence, and nothing is left behind."""

import os

import pytest

LONG = "x" * 120_000
TABLE = "space: {name: chain, choices: [2, 2]}\ntable: {file: PIPE}\n"


@pytest.mark.parametrize(
    "words",
    [
        ["search", "PIPE.yaml"],
        ["resume", "PIPE.yaml"],
        ["enumerate", "PIPE.yaml"],
        ["search", "digits", "--set", "dataset.name=PIPE.npz"],
        ["search", "digits", "--set", "dataset.name=pets", "--set", "dataset.validation_size=1"],
        ["replay", "import", "PIPE.csv", "new.sqlite", "--experiment", "svhn"],
        ["replay", "import", "PIPE.csv", "new.sqlite", "--experiment", "PIPE.yaml"],
        ["compare", "table.yaml"],
        ["compare", "packed.yaml"],
        ["compare", "PIPE.yaml"],
    ],
    ids=" ".join,
)
def test_a_pipe_is_no_file(refused, tmp_path, words):
    for ending in (".yaml", ".npz", ".csv", ".csv.gz"):
        os.mkfifo(tmp_path / f"PIPE{ending}")
    for part in ("ant", "bee"):
        (tmp_path / "pets" / part).mkdir(parents=True)
        for number in range(10):
            os.mkfifo(tmp_path / "pets" / part / f"{number}.png")
    (tmp_path / "table.yaml").write_text(TABLE.replace("PIPE", "PIPE.csv"), encoding="utf-8")
    (tmp_path / "packed.yaml").write_text(TABLE.replace("PIPE", "PIPE.csv.gz"), encoding="utf-8")
    before = {path.name for path in tmp_path.iterdir()}
    assert "it is a named pipe, and only regular files are read" in refused(*words)
    assert {path.name for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    "words",
    [
        ["search", LONG],
        ["search", f"./{LONG}.yaml"],
        ["search", "digits", "--workers", LONG],
        ["search", "digits", f"--max-time={LONG}"],
        ["search", "digits", "--gpus", LONG],
        ["search", "digits", "--set", f"{LONG}=1"],
        ["search", "digits", "--set", f"dataset.name={LONG}"],
        ["search", "digits", "--set", f"dataset.name=./{LONG}"],
        ["search", "digits", "--set", f"dataset.name={LONG}.npz"],
        ["search", "digits", "--set", f"training.epochs='{LONG}'"],
        ["search", "digits", f"--{LONG}"],
        ["replay", "summary", LONG],
        ["replay", "import", f"{LONG}.csv", "new.sqlite", "--experiment", "svhn"],
        ["compare", LONG],
        ["describe", "[SM(10)]", "--input", LONG],
        [LONG],
    ],
    ids=lambda words: " ".join(words).replace(LONG, "LONG"),
)
def test_no_argument_is_repeated_whole(refused, words):
    said = refused(*words)
    assert len(said) < 700
    assert "x" * 200 not in said


@pytest.mark.parametrize("network", [LONG, f"[{'C(64,3,1), ' * 10_000}SM(10)", "[SM(10), " * 10_000])
def test_a_network_is_not_repeated_whole(metaqnn, network):
    result = metaqnn("describe", network)  # which points at the place, below the sentence
    assert (result.code, result.out) == (2, "")
    assert len(result.err) < 500
