"""The reader of YAML: what it takes, and the one sentence with which it refuses."""

import dataclasses
from dataclasses import dataclass, field
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaqnn.config import (
    KeyValueError,
    as_mapping,
    differences,
    load_yaml,
    nearest,
    override,
    read_section,
    require,
)
from metaqnn.errors import ConfigError, MetaqnnError


@dataclass(frozen=True)
class Inner:
    filters: tuple[int, ...] = (64, 128)
    limit: int | None = None

    def __post_init__(self):
        require(bool(self.filters), "filters", "at least one number", list(self.filters))


@dataclass(frozen=True)
class Sample:
    count: int
    rate: float = 0.5
    fair: bool = False
    label: str = "none"
    kind: Literal["accuracy", "cost"] = "accuracy"
    failure: Literal["chance"] | float = "chance"
    pair: tuple[int, float] = (1, 2.0)
    pools: tuple[tuple[int, int], ...] = ()
    inner: Inner = field(default_factory=Inner)
    other: Inner | None = None
    made: int = field(default=0, init=False)


def read(**content):
    return read_section(Sample, {"count": 1, **content}, "sample", "a.yaml")


def refusal(**content) -> str:
    with pytest.raises(ConfigError) as error:
        read(**content)
    return str(error.value)


# Sections


def test_defaults_and_given_keys():
    assert read() == Sample(1)
    assert read(rate=2, inner={"filters": [3]}, pools=[[5, 3], [2, 2]]) == Sample(
        1, rate=2.0, inner=Inner((3,)), pools=((5, 3), (2, 2))
    )


def test_nothing_is_an_empty_section():
    assert read_section(Inner, None, "inner", "a.yaml") == Inner()
    assert read(inner=None).inner == Inner()


def test_errors_are_of_both_families():
    with pytest.raises(MetaqnnError):
        read(rat=1)
    with pytest.raises(ValueError, match="there is no such key"):
        read(rat=1)


def test_an_unknown_key_offers_the_nearest():
    assert refusal(rat=1) == "a.yaml: sample.rat: there is no such key; did you mean 'rate'?"
    assert refusal(inner={"filter": [1]}) == (
        "a.yaml: sample.inner.filter: there is no such key; did you mean 'filters'?"
    )


def test_an_unknown_key_without_a_near_one_lists_all():
    with pytest.raises(ConfigError) as error:
        read_section(Inner, {"zzz": 1}, "", "a.yaml")
    assert str(error.value) == "a.yaml: zzz: there is no such key; valid names are filters, limit"


def test_a_computed_field_is_no_key():
    assert refusal(made=3).startswith("a.yaml: sample.made: there is no such key")


def test_a_missing_key():
    with pytest.raises(ConfigError) as error:
        read_section(Sample, {}, "sample", "a.yaml")
    assert str(error.value) == "a.yaml: sample.count: this key must be given"


@pytest.mark.parametrize(("content", "kind"), [(3, "the number 3"), ([1], "a list [1]"), ("x", "the text 'x'")])
def test_a_section_that_is_none(content, kind):
    with pytest.raises(ConfigError) as error:
        read_section(Sample, content, "sample", "a.yaml")
    assert str(error.value) == f"a.yaml: sample: expected keys and values, got {kind}"
    assert refusal(inner=content) == f"a.yaml: sample.inner: expected keys and values, got {kind}"


def test_what_a_section_itself_refuses_carries_file_and_path():
    message = refusal(inner={"filters": []})
    assert message == "a.yaml: sample.inner.filters: expected at least one number, got []"


# Types


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("count", 2.0, "expected a whole number, got the number 2.0"),
        ("count", "1e3", "expected a whole number, got the text '1e3'"),
        ("count", True, "expected a whole number, got the truth value True"),
        ("count", None, "expected a whole number, got nothing"),
        ("count", {}, "expected a whole number, got a section"),
        ("rate", "fast", "expected a number, got the text 'fast'"),
        ("rate", True, "expected a number, got the truth value True"),
        ("rate", [1], "expected a number, got a list [1]"),
        ("rate", None, "expected a number, got nothing"),
        ("fair", 1, "expected true or false, got the number 1"),
        ("fair", "yes", "expected true or false, got the text 'yes'"),
        ("label", 5, "expected a text, got the number 5"),
        ("kind", "acuracy", "'acuracy' is not one of its values; did you mean 'accuracy'?"),
        ("kind", 7, "7 is not one of its values; valid names are accuracy, cost"),
        ("failure", "chnace", "expected 'chance' or a number, got the text 'chnace'"),
        ("failure", None, "expected 'chance' or a number, got nothing"),
        ("pair", [1], "expected a list of 2 items (a whole number, a number), got a list [1]"),
        ("pair", [1, 2, 3], "expected a list of 2 items (a whole number, a number), got a list [1, 2, 3]"),
        ("pair", 1, "expected a list of 2 items (a whole number, a number), got the number 1"),
        (
            "pools",
            5,
            "expected a list in which each item is a list of 2 items (a whole number, a whole number), "
            "got the number 5",
        ),
        ("other", 5, "expected a section of keys and values or nothing, got the number 5"),
    ],
)
def test_a_wrong_type(key, value, problem):
    assert refusal(**{key: value}) == f"a.yaml: sample.{key}: {problem}"


@pytest.mark.parametrize(
    ("content", "path", "problem"),
    [
        ({"pair": ["x", 2]}, "pair[0]", "expected a whole number, got the text 'x'"),
        ({"pools": [[5, 3], [2]]}, "pools[1]", "expected a list of 2 items (a whole number, a whole number)"),
        ({"pools": [[5, 3], [2, "x"]]}, "pools[1][1]", "expected a whole number, got the text 'x'"),
        ({"inner": {"filters": [1, None]}}, "inner.filters[1]", "expected a whole number, got nothing"),
        ({"inner": {"limit": "x"}}, "inner.limit", "expected a whole number or nothing, got the text 'x'"),
        ({"other": {"filters": []}}, "other.filters", "expected at least one number, got []"),
        ({"other": {"flters": [1]}}, "other.flters", "there is no such key; did you mean 'filters'?"),
    ],
)
def test_the_path_leads_to_the_inner_value(content, path, problem):
    assert refusal(**content).startswith(f"a.yaml: sample.{path}: {problem}")


@pytest.mark.parametrize(("text", "value"), [("1e-3", 0.001), ("2E3", 2000.0), ("1.0e-8", 1e-8), (" 5 ", 5.0)])
def test_scientific_notation_is_a_number(text, value):
    # YAML 1.1 takes 1e-3 for a text, because it has no point.
    assert read(rate=text).rate == value
    assert read(failure=text).failure == value


def test_whole_numbers_become_floats_where_those_are_wanted():
    rate = read(rate=3).rate
    assert rate == 3.0
    assert isinstance(rate, float)
    assert read(pair=[3, 4]).pair == (3, 4.0)


def test_unions_take_each_of_their_kinds():
    assert read(failure="chance").failure == "chance"
    assert read(failure=0.25).failure == 0.25
    assert read(inner={"limit": None}).inner.limit is None
    assert read(inner={"limit": 3}).inner.limit == 3
    assert read(other={"filters": [5]}).other == Inner((5,))
    assert read().other is None


def test_an_optional_section_may_be_nothing():
    # As it is stored: as_mapping writes None, which must not come back as a section of defaults.
    assert as_mapping(Sample(1))["other"] is None
    assert read(other=None).other is None


@pytest.mark.parametrize("value", [float("nan"), "nan", "-nan"])
def test_what_is_no_number_is_refused(value):
    assert refusal(rate=value).startswith("a.yaml: sample.rate: expected a number, got ")


def test_a_number_too_large_for_a_float_is_refused():
    message = refusal(rate=10**400)
    assert message.startswith("a.yaml: sample.rate: expected ")


# There and back


@given(
    st.builds(
        Sample,
        count=st.integers(),
        rate=st.floats(allow_nan=False),
        fair=st.booleans(),
        label=st.text(),
        kind=st.sampled_from(["accuracy", "cost"]),
        failure=st.just("chance") | st.floats(allow_nan=False),
        pair=st.tuples(st.integers(), st.floats(allow_nan=False)),
        pools=st.lists(st.tuples(st.integers(), st.integers()), max_size=3).map(tuple),
        inner=st.builds(Inner, st.lists(st.integers(), min_size=1, max_size=3).map(tuple), st.none() | st.integers()),
        other=st.builds(Inner),
    )
)
@settings(deadline=None, derandomize=True)
def test_as_mapping_is_the_reverse_of_read_section(sample):
    plain = as_mapping(sample)
    assert set(plain) == {f.name for f in dataclasses.fields(Sample) if f.init}
    assert isinstance(plain["pools"], list)
    assert read_section(Sample, plain, "sample", "a.yaml") == sample


def test_differences_names_the_leaves():
    old = {"a": 1, "b": {"c": [1, 2], "d": None, "e": 0.5}, "gone": True}
    new = {"a": 1, "b": {"c": [1, 3], "d": None, "e": 0.25}, "new": {"x": 1}}
    assert differences(old, new) == [
        ("b.c", [1, 2], [1, 3]),
        ("b.e", 0.5, 0.25),
        ("gone", True, None),
        ("new", None, {"x": 1}),
    ]
    assert differences(old, old) == []
    assert differences({"a": {"b": 1}}, {"a": 2}) == [("a", {"b": 1}, 2)]


def test_an_absent_key_is_nothing():
    assert differences({"a": None}, {}) == []


# Sentences


def test_require():
    require(True, "key", "anything", 0)
    with pytest.raises(KeyValueError) as error:
        require(False, "epochs", "at least 1", 0)
    assert str(error.value) == "epochs: expected at least 1, got 0"
    assert (error.value.key, error.value.expected, error.value.got) == ("epochs", "at least 1", 0)


def test_nearest():
    assert nearest("q_learnin", ["q_learning", "random"]) == "did you mean 'q_learning'?"
    assert nearest("xyz", ["b", "a"]) == "valid names are a, b"
    assert nearest(5, ["a"]) == "valid names are a"


# Files


@pytest.fixture
def write(tmp_path):
    def write(text: str):
        path = tmp_path / "a.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_a_file(write):
    path = write("name: x  # a comment\nspace: {max_depth: 6}\nlist: [1, 2.5, true, null, 1e-3]\n")
    assert load_yaml(path) == {"name": "x", "space": {"max_depth": 6}, "list": [1, 2.5, True, None, "1e-3"]}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\na: 2\n", "the key 'a' stands twice; keep one of the two"),
        ("s:\n  b: 1\n  c: 1\n  b: 2\n", "the key 'b' stands twice; keep one of the two"),
        ("a: 1\n3: 2\n", "expected names as keys, got 3 in line 1"),
        ("a: 1\ns:\n  true: 2\n", "expected names as keys, got True in line 3"),
        ("? [a]\n: 1\n", "expected names as keys, got ['a'] in line 1"),
        ("", "expected sections such as 'dataset:' and 'space:', got nothing"),
        ("- 1\n", "expected sections such as 'dataset:' and 'space:', got a list [1]"),
        ("just words\n", "expected sections such as 'dataset:' and 'space:', got the text 'just words'"),
        ("a: 1\n b: 2\n", "this is not YAML: mapping values are not allowed here in line 2, column 3"),
        ("a: 1\nb: @x\n", "this is not YAML: found character '@' that cannot start any token in line 2, column 4"),
        (
            "a: !!python/object:os.system 1\n",
            "this is not YAML: could not determine a constructor for the tag "
            "'tag:yaml.org,2002:python/object:os.system' in line 1, column 4",
        ),
        ("a: &x [*x]\n", "this is not YAML: found unconstructable recursive node in line 1, column 4"),
    ],
)
def test_a_file_that_cannot_be_used(write, text, problem):
    path = write(text)
    with pytest.raises(ConfigError) as error:
        load_yaml(path)
    assert str(error.value) == f"{path}: {problem}"


def test_a_character_that_yaml_forbids_has_no_line(write):
    path = write("a: \x00\n")
    with pytest.raises(ConfigError) as error:
        load_yaml(path)
    assert str(error.value).startswith(f"{path}: this is not YAML: unacceptable character #x0000")


@pytest.mark.parametrize("value", ["2020-13-45", "0b_", "1" * 5000, "[" * 3000], ids=["date", "binary", "long", "deep"])
def test_a_value_that_yaml_reads_but_cannot_build(write, value):
    path = write(f"a: {value}\n")
    with pytest.raises(ConfigError) as error:
        load_yaml(path)
    assert str(error.value).startswith(f"{path}: ")


def test_a_file_that_is_absent(tmp_path):
    path = tmp_path / "b.yaml"
    with pytest.raises(ConfigError) as error:
        load_yaml(path)
    assert str(error.value) == f"{path}: there is no such file"


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(ConfigError) as error:
        load_yaml(tmp_path)
    assert str(error.value).startswith(f"{tmp_path}: expected a readable YAML file in UTF-8, but ")
    path = tmp_path / "latin.yaml"
    path.write_bytes("name: caf\u00e9".encode("latin-1"))
    with pytest.raises(ConfigError) as error:
        load_yaml(path)
    assert str(error.value).startswith(f"{path}: expected a readable YAML file in UTF-8, but 'utf-8' codec")


# Overrides


@pytest.mark.parametrize(
    ("assignment", "result"),
    [
        ("seed=3", {"seed": 3, "space": {"max_depth": 6}}),
        ("space.max_depth=8", {"seed": 0, "space": {"max_depth": 8}}),
        ("space.limits.flops=5", {"seed": 0, "space": {"max_depth": 6, "limits": {"flops": 5}}}),
        ("new.key=[1, {a: b}]", {"seed": 0, "space": {"max_depth": 6}, "new": {"key": [1, {"a": "b"}]}}),
        (" seed = 4", {"seed": 4, "space": {"max_depth": 6}}),
        ("seed=", {"seed": None, "space": {"max_depth": 6}}),
        ("name=a=b", {"seed": 0, "space": {"max_depth": 6}, "name": "a=b"}),
        ("space=null", {"seed": 0, "space": None}),
    ],
)
def test_an_override(assignment, result):
    content = {"seed": 0, "space": {"max_depth": 6}}
    assert override(content, assignment) == result
    assert content == {"seed": 0, "space": {"max_depth": 6}}


@pytest.mark.parametrize("assignment", ["seed", "=3", "a..b=1", ".a=1", "a.=1", ""])
def test_an_override_that_is_no_assignment(assignment):
    with pytest.raises(ConfigError) as error:
        override({}, assignment)
    assert str(error.value) == (f"--set {assignment}: expected KEY=VALUE with a dotted key, such as training.epochs=5")


@pytest.mark.parametrize("value", ["[", "{a", "@", "2020-13-45", "0b_"])
def test_an_override_whose_value_is_not_yaml(value):
    with pytest.raises(ConfigError) as error:
        override({}, f"a={value}")
    assert str(error.value) == f"--set a={value}: the value after '=' is not YAML"


def test_an_override_below_a_value():
    with pytest.raises(ConfigError) as error:
        override({"seed": 0}, "seed.sub.key=1")
    assert str(error.value) == "--set seed.sub.key=1: the keys above 'sub' hold a value, not a section"


def test_an_override_below_an_empty_section():
    # `reward:` with nothing under it is an empty section to the reader, so it is one to --set.
    assert override({"reward": None}, "reward.failure=0.5") == {"reward": {"failure": 0.5}}
