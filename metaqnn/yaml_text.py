"""YAML as plain values that are what is written: nothing is built before its size, depth and aliases are known.

YAML 1.1, which the library reads, takes `010` for 8, `1:30` for 90, `yes` for true and `1e3` for a text; YAML 1.2 does
not. A value of which the two make something different is kept as it is written, and whoever knows what is due decides.
"""

import re
from functools import cache
from typing import Any

from metaqnn.errors import ConfigError, brief, shown

MOST_BYTES = 2**18
"""Of a file; the longest experiment that comes with the package has some 3,000."""

_MOST_VALUES = 10_000
"""Of a file, those behind an alias counted each time; a long text counts as one more for each 100 characters."""

_MOST_DEPTH = 30
_MOST_DIGITS = 400
"""More than any double or any whole number that is stored needs."""

_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


class NotYamlError(ConfigError):
    """A text that is no YAML."""


class Ambiguous(str):
    """A value as it is written, which YAML 1.1 and YAML 1.2 read differently.

    Attributes:
        readings: what YAML 1.1 and YAML 1.2 make of it.
    """

    readings: tuple[Any, Any]

    def __new__(cls, text: str, *readings: Any) -> "Ambiguous":
        """Keep both readings beside the text."""
        self = super().__new__(cls, text)
        self.readings = readings
        return self

    @property
    def truth(self) -> bool | None:
        """What `yes`, `no`, `on` or `off` says; None of anything else."""
        return self.readings[0] if isinstance(self.readings[0], bool) else None

    @property
    def number(self) -> float | None:
        """The number in scientific notation, the only one that it can be; None of anything else."""
        old, new = self.readings
        return new if isinstance(old, str) and isinstance(new, float) else None

    def told(self) -> str:
        """What came, and both readings, for a message."""
        readings = "{} in YAML 1.1 and {} in YAML 1.2".format(*map(_reading, self.readings))
        return f"{brief(self)}, which is {readings}; write the one that is meant, a text in quotes"


def _reading(value: Any) -> str:
    if value is None or isinstance(value, bool | str):
        return "nothing" if value is None else "a text" if isinstance(value, str) else str(value).lower()
    return f"{'the number' if isinstance(value, int | float) else 'the date'} {brief(str(value), 40)}"


def read_yaml(text: str) -> Any:
    """The content of one YAML document: mappings, lists, texts, numbers, truth values, None and `Ambiguous` ones.

    Raises:
        NotYamlError: it is no YAML, or holds something else.
        ConfigError: it is too large, with its aliases written out, or too deep, or repeats a key.
    """
    import yaml

    if len(text) > MOST_BYTES:
        raise ConfigError(f"expected at most {MOST_BYTES:,} characters, got {len(text):,}")
    try:
        return yaml.load(text, _loader())  # a subclass of SafeLoader: it builds plain values only
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        place = f" in line {where.line + 1}, column {where.column + 1}" if where else ""
        problem = " ".join((getattr(error, "problem", None) or str(error)).split())
        raise NotYamlError(f"this is not YAML: {brief(problem, 150)}{place}") from error
    except ConfigError:
        raise
    except ValueError as error:  # an impossible date, or a number of no digits
        raise NotYamlError(f"a value in it cannot be read: {brief(str(error))}") from error


@cache
def _loader() -> Any:
    import yaml

    class Loader(yaml.SafeLoader):
        """Counts what it composes as if every alias were written out, and has no tags but those of plain values."""

        def __init__(self, stream: str):
            super().__init__(stream)
            self.spent, self.depth, self.sizes = 0, 0, dict[int, int]()

        def compose_node(self, parent: Any, index: Any) -> Any:
            """A value with what is in it."""
            before, is_alias = self.spent, self.check_event(yaml.AliasEvent)
            self.spent, self.depth = self.spent + 1, self.depth + 1
            if self.spent > _MOST_VALUES or self.depth > _MOST_DEPTH:
                self.refuse()
            node = super().compose_node(parent, index)
            self.depth -= 1
            if is_alias:
                self.spent += self.sizes.get(id(node), 0)  # nothing for one that holds itself: it is not built
            elif isinstance(node, yaml.ScalarNode):
                self.spent += len(node.value) // 100
            if self.spent > _MOST_VALUES:
                self.refuse()
            if not is_alias:
                self.sizes[id(node)] = self.spent - before
            return node

        def refuse(self) -> None:
            line = f"in line {self.line + 1}"
            if self.depth > _MOST_DEPTH:
                raise ConfigError(f"expected at most {_MOST_DEPTH} levels, got more {line}")
            raise ConfigError(
                f"expected at most {_MOST_VALUES:,} values, those behind an alias counted each time, got more {line}"
            )

        yaml_constructors = {  # noqa: RUF012 - of the library's own form
            **{f"tag:yaml.org,2002:{name}": _scalar for name in _SCALARS},
            "tag:yaml.org,2002:map": _mapping,
            "tag:yaml.org,2002:seq": lambda loader, node: loader.construct_sequence(node, deep=True),
            None: yaml.SafeLoader.yaml_constructors[None],
        }

    return Loader


_SCALARS = ("null", "bool", "int", "float", "timestamp", "str", "value", "merge")


def _mapping(loader: Any, node: Any) -> dict[str, Any]:
    import yaml

    if not isinstance(node, yaml.MappingNode):  # a tag says so
        raise NotYamlError(f"this is not YAML: expected a mapping in line {node.start_mark.line + 1}")
    content: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str):
            raise ConfigError(f"expected names as keys, got {shown(key)} in line {node.start_mark.line + 1}")
        if key in content:
            raise ConfigError(f"the key {shown(str(key))} stands twice; keep one of the two")
        content[str(key)] = loader.construct_object(value_node, deep=True)
    return content


def _scalar(loader: Any, node: Any) -> Any:
    """A value that both versions of YAML read the same, else an `Ambiguous` one."""
    import yaml

    if not isinstance(node, yaml.ScalarNode):  # a tag says so
        raise NotYamlError(f"this is not YAML: expected a plain value in line {node.start_mark.line + 1}")
    kind = node.tag.rpartition(":")[2]
    try:
        text = node.value.encode("utf-16", "surrogatepass").decode("utf-16")  # JSON escapes a character in two halves
    except UnicodeDecodeError:
        raise NotYamlError(f"this is not YAML: half of a character in line {node.start_mark.line + 1}") from None
    if kind == "str" and node.style is not None:  # in quotes, or a block
        return text
    new = _of_yaml_1_2(text)
    if kind in ("str", "value", "merge"):
        old: Any = text
    elif len(text) > _MOST_DIGITS:
        raise NotYamlError(f"a value in it cannot be read: a number of {len(text):,} characters")
    else:
        try:
            old = yaml.SafeLoader.yaml_constructors[node.tag](loader, node)
        except (LookupError, AttributeError, OverflowError):  # a tag says what it is not
            raise NotYamlError(f"a value in it cannot be read: {shown(text)}") from None
    is_same = repr(old) == repr(new) or (isinstance(old, float) and old == new)  # of NaN and of what a tag makes 2.0
    return old if is_same else Ambiguous(text, old, new)


def _of_yaml_1_2(text: str) -> Any:
    """A value without quotes in the core schema of YAML 1.2."""
    word = text.lower() if text in (text.lower(), text.upper(), text.capitalize()) else "another"
    if word in _WORDS:
        return _WORDS[word]
    if _INTEGER.fullmatch(text) and len(text) <= _MOST_DIGITS:
        return int(text[2:], {"o": 8, "x": 16}[text[1]]) if text[1:2] in ("o", "x") else int(text)
    if _FLOAT.fullmatch(text) and len(text) <= _MOST_DIGITS:
        return float(re.sub(r"\.(?=[a-zA-Z])", "", text))  # Python writes inf and nan without a point
    return text
