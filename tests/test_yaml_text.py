"""YAML is what is written: both readings are named where there are two, and nothing grows that was not written."""

import re
import time
import tracemalloc
from dataclasses import dataclass, field

import pytest
from patience import is_within

from metaqnn.config import load_yaml, override, read_section
from metaqnn.core.plugins import find
from metaqnn.errors import ConfigError, MetaqnnError
from metaqnn.networks.training.config import TrainingConfig
from metaqnn.workflows import load_experiment
from metaqnn.yaml_text import Ambiguous, NotYamlError, read_yaml

HEAD = "name: x\ndataset: {name: digits}\n"


def refusal(tmp_path, text: str, *overrides: str) -> str:
    """The sentence with which an experiment is refused, without the name of its file; it is one, and it is short."""
    path = tmp_path / "a.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(MetaqnnError) as error:
        load_experiment(path, overrides)
    sentence = str(error.value).removeprefix(f"{path}: ")
    assert len(sentence) < 500
    assert "\n" not in sentence
    return sentence


def refused_value(text: str) -> str:
    with pytest.raises(ConfigError) as error:
        read_yaml(text)
    assert len(str(error.value)) < 300
    return str(error.value)


# Two readings


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        ("010", "the number 8", "the number 10"),
        ("-010", "the number -8", "the number -10"),
        ("0o10", "a text", "the number 8"),
        ("08", "a text", "the number 8"),
        ("1:30", "the number 90", "a text"),
        ("1:30:00", "the number 5400", "a text"),
        ("1:30.5", "the number 90.5", "a text"),
        ("1_000", "the number 1000", "a text"),
        ("1_0.5", "the number 10.5", "a text"),
        ("0b101", "the number 5", "a text"),
        ("0x_1F", "the number 31", "a text"),
        ("1e3", "a text", "the number 1000.0"),
        ("1.5e3", "a text", "the number 1500.0"),
        ("2020-01-02", "the date 2020-01-02", "a text"),
        ("2020-01-02 03:04:05", "the date 2020-01-02 03:04:05", "a text"),
        *((word, "true", "a text") for word in ("yes", "Yes", "YES", "on", "On")),
        *((word, "false", "a text") for word in ("no", "NO", "off", "Off")),
    ],
)
def test_a_value_that_the_versions_of_yaml_read_differently_names_both(tmp_path, text, old, new):
    said = (
        f"got {text}, which is {old} in YAML 1.1 and {new} in YAML 1.2; write the one that is meant, a text in quotes"
    )
    whole = f"training.epochs: expected a whole number, {said}"
    assert refusal(tmp_path, f"{HEAD}training: {{epochs: {text}}}") == whole
    assert refusal(tmp_path, HEAD, f"training.epochs={text}") == f"--set training.epochs={text}: {whole}"
    assert refusal(tmp_path, f"{HEAD}training:\n  epochs: {text}\n") == whole
    assert refusal(tmp_path, HEAD, f"name={text}") == f"--set name={text}: name: expected a text, {said}"
    if text not in ("1e3", "1.5e3"):
        option = f"training.learning_rate={text}"
        told = refusal(tmp_path, HEAD, option)
        assert told == f"--set {option}: training.learning_rate: expected a number, {said}"
    if not isinstance(read_yaml(text).truth, bool):
        told = refusal(tmp_path, HEAD, f"dataset.mirror={text}")
        assert told == f"--set dataset.mirror={text}: dataset.mirror: expected true or false, {said}"
    assert read_yaml(f"[{text}]") == [text]  # as it is written, until it is known what is due
    assert type(read_yaml(f"'{text}'")) is str


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(
            ("12", 12),
            ("-3", -3),
            ("+4", 4),
            ("0", 0),
            ("007", 7),
            ("0x1F", 31),
            ("1.5", 1.5),
            ("1.", 1.0),
            (".5", 0.5),
        ),
        *(("1.0e-8", 1e-8), ("1.e+3", 1000.0), (".inf", float("inf")), ("-.INF", float("-inf")), ("true", True)),
        *(("False", False), ("TRUE", True), ("null", None), ("~", None), ("Null", None), ("", None), ("x", "x")),
        *(("inf", "inf"), ("y", "y"), ("1.2.3", "1.2.3"), ("a:b", "a:b"), ("=", "="), ("tRue", "tRue"), ("- 1", [1])),
        *(
            ("!!str 1", "1"),
            ("!!int '3'", 3),
            ("!!float 2", 2.0),
            ("{a: [1, x]}", {"a": [1, "x"]}),
            ("|\n 010\n", "010\n"),
        ),
    ],
)
def test_a_value_that_they_read_the_same_is_that(text, value):
    found = read_yaml(text)
    assert found == value
    assert type(found) is (Ambiguous if text == "!!str 1" else type(value))  # the text is the same there


def test_where_one_reading_alone_is_due_it_is_that_one(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text(f"{HEAD}training: {{learning_rate: 1e-3, dropout: no}}", encoding="utf-8")
    experiment = load_experiment(path, ["dataset.mirror=yes", "training.weight_decay=5e-4"])
    assert experiment.dataset.mirror is True
    assert experiment.training.dropout is False
    assert experiment.training.learning_rate == 0.001
    assert experiment.training.weight_decay == 5e-4
    assert type(experiment.training.learning_rate) is float


@pytest.mark.parametrize("rate", ["1_000.0", "1_0e2", "\u0661"])
def test_a_number_in_quotes_is_as_strict(rate):
    with pytest.raises(ConfigError, match="expected a number, got the text"):
        read_section(TrainingConfig, {"learning_rate": rate}, "training", "a.yaml")


def test_values_that_go_on_as_they_are_have_one_reading():
    @dataclass(frozen=True)
    class Free:
        settings: dict
        choices: list = field(default_factory=list)

    fine = "{settings: {rate: 0.5, names: [a, 'yes'], more: {on_: true}}, choices: [1, {a: null}]}"
    assert read_section(Free, read_yaml(fine), "", "a.yaml").settings["more"] == {"on_": True}
    for content, path in (
        ("{settings: {a: {b: [1, yes]}}}", "settings"),
        ("{settings: {}, choices: [yes]}", "choices"),
    ):
        with pytest.raises(ConfigError) as error:
            read_section(Free, read_yaml(content), "", "a.yaml")
        assert str(error.value).startswith(
            f"a.yaml: {path}: expected values that can be read in one way only, got yes, which is true in YAML 1.1 and "
        )


def test_a_part_s_name_is_a_text(tmp_path):
    assert "there is no strategy 'on'" in refusal(tmp_path, f"{HEAD}strategy: {{name: on}}")


# What does not fit


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefghijkl", "bcdefghijklm", strict=True)
)
"""Nine to the power of thirteen texts."""

WIDE = f"a: &a {'x' * 20_000}\nb: [{', '.join(['*a'] * 9000)}]\n"
"""180 million characters, were it written out."""

MANY = "expected at most 10,000 values, those behind an alias counted each time, got more in line "


@pytest.mark.parametrize("text", [BOMB, WIDE], ids=["values", "characters"])
@pytest.mark.parametrize("place", ["name", "strategy", "new", "set"])
def test_aliases_are_counted_before_anything_is_built(tmp_path, text, place):
    tracemalloc.start()
    try:
        if place == "set":
            flow = "{" + ", ".join(text.splitlines()) + "}"
            assert MANY in refusal(tmp_path, HEAD, f"strategy={flow}")
        else:
            below = "".join(f"  {line}\n" for line in text.splitlines())
            assert MANY in refusal(tmp_path, f"dataset: {{name: digits}}\n{place}:\n{below}")
        assert tracemalloc.get_traced_memory()[1] < 50 * 2**20
    finally:
        tracemalloc.stop()


def test_an_alias_that_is_small_is_fine():
    assert read_yaml("a: &x [1, 2]\nb: *x\nc: [*x, *x]\n") == {"a": [1, 2], "b": [1, 2], "c": [[1, 2], [1, 2]]}


def test_depth_is_bounded():
    for text in ("[" * 31 + "]" * 31, "{a: " * 31 + "1" + "}" * 31, "- " * 31 + "x", "[" * 100_000):
        assert refused_value(text) == "expected at most 30 levels, got more in line 1"
    assert read_yaml("[" * 29 + "1" + "]" * 29) is not None
    with pytest.raises(ConfigError, match="expected KEY=VALUE with a dotted key"):
        override({}, "a." * 50_000 + "a=1")


def test_a_hundred_thousand_keys_take_no_time(tmp_path):
    path = tmp_path / "a.yaml"
    for text, sentence in (
        ("".join(f"k{i}: 1\n" for i in range(100_000)), "than 262,144"),
        ("".join(f"{i:x}:\n" for i in range(40_000)), MANY),
    ):
        path.write_text(text, encoding="utf-8")
        began = time.monotonic()
        with pytest.raises(ConfigError, match=re.escape(sentence)):
            load_yaml(path)
        assert is_within(began, 3.0)
        began = time.monotonic()
        with pytest.raises(ConfigError):
            override({}, "space={" + text.replace("\n", ", ") + "}")
        assert is_within(began, 3.0)


@pytest.mark.parametrize(
    ("text", "key"),
    [("{a: 1, a: 2}", "a"), ("[{b: {c: 1, c: 1}}]", "c"), ("{x: {010: 1, '010': 2}}", "010"), ("{on: 1, on: 2}", "on")],
)
def test_a_key_that_stands_twice_is_refused_at_every_level(tmp_path, text, key):
    sentence = f"the key '{key}' stands twice; keep one of the two"
    assert refused_value(text) == sentence
    assert refusal(tmp_path, HEAD, f"strategy={text}") == f"--set strategy={text}: {sentence}"
    assert refusal(tmp_path, f"{HEAD}strategy: {text}") == sentence


@pytest.mark.parametrize(
    "text",
    [
        *("!!set {a}", "!!binary aGVq", "!!omap [a: 1]", "!!pairs [a: 1]", "!!python/name:os.system x", "!mine 1"),
        *("!!int [1]", "!!str {=: x}", "!!map [1]", "!!seq {a: 1}", "!!int +", "!!int ''", "!!float ''", "!!float x"),
        *("!!bool maybe", "!!timestamp x", "2020-13-45", "0b_", "9" * 5000, "0x" + "f" * 9000, '"\\ud800"'),
        *("1" + ":59" * 40_000, "a: b: c", "*nobody", "&a [*a]", "a\n---\nb", "%YAML 9.9\n---\na", "\x01"),
    ],
)
def test_what_is_no_plain_value_is_refused(text):
    with pytest.raises(NotYamlError) as error:
        read_yaml(text)
    assert len(str(error.value)) < 250
    assert "\n" not in str(error.value)


def test_an_ambiguous_value_says_so():
    value = read_yaml("1:30")
    assert isinstance(value, Ambiguous)
    assert value.readings == (90, "1:30")
    assert (value.truth, value.number) == (None, None)


# Short sentences

LONG = "x" * 12_000


@pytest.mark.parametrize(
    "text",
    [
        *(
            f"{LONG}: 1",
            f"training: {{{LONG}: 1}}",
            f"name: {LONG}/",
            f"strategy: {LONG}",
            f"strategy: {{name: {LONG}}}",
        ),
        *(f"strategy: {{preset: {LONG}}}", f"training: {{epochs: {LONG}}}", f"training: {{epochs: [{LONG}]}}"),
        *(f"dataset: {{preprocessing: {LONG}}}", f"reward: {{name: 'a:{LONG}'}}", f"final: {LONG}"),
        *(
            f"final: {{name: {LONG}}}",
            f"evaluator: {{name: {LONG}}}",
            f"search: [{LONG}]",
            f"a: !{LONG} 1",
            f"a: *{LONG}",
        ),
    ],
    ids=lambda text: text.replace(LONG, "LONG"),
)
def test_no_refusal_repeats_much_of_what_came(tmp_path, text):
    head = {"name": "name: x\n", "dataset": "dataset: {name: digits}\n"}
    refusal(tmp_path, "".join(line for key, line in head.items() if not text.startswith(key)) + text)
    if text.partition(":")[0].isidentifier() and text.partition(":")[0] != LONG:
        refusal(tmp_path, HEAD, text.replace(": ", "=", 1))


@pytest.mark.parametrize("assignment", [LONG, f"{LONG}=1", f"a={LONG}: b: c", f"name.{LONG}=1", f"name={LONG}/"])
def test_no_refusal_repeats_much_of_an_option(tmp_path, assignment):
    refusal(tmp_path, HEAD, assignment)


def test_no_refusal_repeats_much_of_a_name():
    for call in (lambda: load_experiment(LONG), lambda: find("space", LONG, "a.yaml: space.name")):
        with pytest.raises(ConfigError) as error:
            call()
        assert len(str(error.value)) < 400
