"""The checked reader of YAML: from a mapping to a frozen dataclass that each package owns.

A section's dataclass declares its keys by its fields and types, and checks its values with `require` in
`__post_init__`. This module finds what does not fit and says it in one sentence: the file, the path of the key,
what was expected, what came and, for a misspelt name, the nearest valid one.
"""

import dataclasses
import math
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Union

from metaqnn.errors import ConfigError, brief, shown
from metaqnn.files import read_whole
from metaqnn.yaml_text import MOST_BYTES, Ambiguous, NotYamlError, read_yaml

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Section = TypeVar("Section", bound="DataclassInstance")

_MOST_NAMES = 30
"""Of a dotted key."""


class KeyValueError(ConfigError):
    """A key whose value cannot be used; `read_section` completes it with the file and the path."""

    def __init__(self, key: str, expected: str, got: Any):
        super().__init__(f"{key}: expected {expected}, got {shown(got)}")
        self.key, self.expected, self.got = key, expected, got


def require(condition: bool, key: str, expected: str, got: Any) -> None:
    """Refuse a value.

    Raises:
        KeyValueError: unless `condition` holds.
    """
    if not condition:
        raise KeyValueError(key, expected, got)


def nearest(name: str, choices: Iterable[str]) -> str:
    """The end of a sentence that offers the nearest valid name, or lists them all."""
    choices = sorted(choices)
    close = get_close_matches(str(name), choices, n=1)
    return f"did you mean {close[0]!r}?" if close else f"valid names are {', '.join(choices)}"


def load_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file whose top level is a mapping.

    Raises:
        ConfigError: the file is absent, unreadable, not YAML, repeats a key, or holds something else.
    """
    try:
        content = read_yaml(read_whole(path, MOST_BYTES).decode())
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror or error if isinstance(error, OSError) else error
        raise ConfigError(f"{path}: expected a readable YAML file in UTF-8, but {reason}") from error
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: expected sections such as 'dataset:' and 'space:', got {_kind(content)}")
    return content


def override(content: Mapping[str, Any], assignment: str, option: str = "--set") -> dict[str, Any]:
    """Apply one `a.b=value` of the command line to a mapping, the value read as YAML; returns a copy.

    Args:
        content: is not changed.
        assignment: a dotted key and a value.
        option: of the command line, to name in errors.

    Raises:
        ConfigError: the text is no assignment, its value no YAML, or its path runs through a plain value.
    """
    path, equals, text = assignment.partition("=")
    names, place = path.strip().split("."), f"{option} {brief(assignment)}"
    if not equals or not all(names) or len(names) > _MOST_NAMES:
        raise ConfigError(f"{place}: expected KEY=VALUE with a dotted key, such as training.epochs=5")
    try:
        value = read_yaml(text)
    except NotYamlError as error:
        raise ConfigError(f"{place}: the value after '=' is not YAML") from error
    except ConfigError as error:
        raise ConfigError(f"{place}: {error}") from error

    def assign(level: Any, names: list[str]) -> dict[str, Any]:
        if not isinstance(level, Mapping):
            raise ConfigError(f"{place}: the keys above {shown(names[0])} hold a value, not a section")
        copy = dict(level)
        below = copy.get(names[0])
        copy[names[0]] = value if len(names) == 1 else assign({} if below is None else below, names[1:])
        return copy

    return assign(content, names)


def read_section(section: type[Section], content: Any, path: str, file: str) -> Section:
    """Build the dataclass `section` from the mapping `content`.

    Args:
        section: a frozen dataclass; a field without default is a key that must be given.
        content: what the YAML holds at `path`; None counts as an empty mapping.
        path: dotted path of the section, for messages; empty at the top.
        file: name of the file, for messages.

    Raises:
        ConfigError: an unknown or missing key, a wrong type, or a value that the section refuses.
    """
    content = {} if content is None else content
    if not isinstance(content, Mapping):
        raise ConfigError(f"{file}: {path}: expected keys and values, got {_kind(content)}")
    hints = typing.get_type_hints(section)
    fields = {field.name: field for field in dataclasses.fields(section) if field.init}
    for key in content:
        if key not in fields:
            raise ConfigError(f"{file}: {_join(path, brief(str(key)))}: there is no such key; {nearest(key, fields)}")
    values = {}
    for name, field in fields.items():
        if name in content:
            values[name] = _convert(content[name], hints[name], _join(path, name), file)
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise ConfigError(f"{file}: {_join(path, name)}: this key must be given")
    try:
        made = section(**values)
        for name, value in values.items():  # it would never equal what is recorded of it
            is_number = not isinstance(value, float) or not math.isnan(value)
            require(is_number, name, type_words(hints[name]), value)
        return made
    except KeyValueError as error:
        raise ConfigError(
            f"{file}: {_join(path, error.key)}: expected {error.expected}, got {shown(error.got)}"
        ) from error


def as_mapping(section: Any) -> Any:
    """The reverse of `read_section`: a dataclass as plain, JSON-like values."""
    if dataclasses.is_dataclass(section):
        return {f.name: as_mapping(getattr(section, f.name)) for f in dataclasses.fields(section) if f.init}
    if isinstance(section, Mapping):
        return {key: as_mapping(value) for key, value in section.items()}
    if isinstance(section, tuple | list):
        return [as_mapping(item) for item in section]
    return section


def differences(old: Any, new: Any, path: str = "") -> list[tuple[str, Any, Any]]:
    """The leaves in which two plain mappings differ, as (dotted key, old value, new value); None where absent."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        keys = [*old, *(key for key in new if key not in old)]
        return [d for key in keys for d in differences(old.get(key), new.get(key), _join(path, key))]
    return [] if old == new else [(path, old, new)]


def _convert(value: Any, hint: Any, path: str, file: str) -> Any:
    """`value` as the type `hint`; numbers in scientific notation, which YAML takes for text, included."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        sections = [option for option in arguments if dataclasses.is_dataclass(option)]
        if len(sections) > 1 and isinstance(value, Mapping):
            return read_section(_named(sections, value, path, file), value, path, file)
        for option in arguments:
            try:
                return _convert(value, option, path, file)
            except ConfigError:
                if dataclasses.is_dataclass(option) and isinstance(value, Mapping):
                    raise  # its own sentence is the better one
        raise ConfigError(f"{file}: {path}: expected {type_words(hint)}, got {_kind(value)}")
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return read_section(hint, value, path, file)
    if origin is Literal:
        if value in arguments:
            return arguments[arguments.index(value)]
        raise ConfigError(f"{file}: {path}: {shown(value)} is not one of its values; {nearest(value, arguments)}")
    if origin is tuple and isinstance(value, list | tuple):
        items = arguments[:1] * len(value) if arguments[-1] is Ellipsis else arguments
        if len(items) == len(value):
            return tuple(
                _convert(v, h, f"{path}[{i}]", file) for i, (v, h) in enumerate(zip(value, items, strict=True))
            )
    elif isinstance(value, Ambiguous):
        fitting = {bool: value.truth, float: value.number}.get(hint)
        if fitting is not None:
            return fitting
    elif hint is float and isinstance(value, str):
        with suppress(ValueError):
            if "_" not in value and value.isascii():  # Python takes 1_000, and the digits of every script
                return float(value)
    elif hint is float and isinstance(value, int) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            raise ConfigError(f"{file}: {path}: expected a number below 1e308, got a larger one") from None
    elif hint is type(None) and value is None:
        return None
    elif isinstance(hint, type) and type(value) is hint:
        if (unclear := _first_ambiguous(value)) is None:
            return value
        raise ConfigError(f"{file}: {path}: expected values that can be read in one way only, got {unclear.told()}")
    raise ConfigError(f"{file}: {path}: expected {type_words(hint)}, got {_kind(value)}")


def _named(sections: Sequence[Any], content: Mapping[str, Any], path: str, file: str) -> Any:
    """The one of several sections whose `name` is given; the first where none is."""
    names = {section.name: section for section in sections}
    name = content.get("name", next(iter(names)))
    if not isinstance(name, str) or name not in names:
        raise ConfigError(f"{file}: {path}.name: {shown(name)} is not one of its values; {nearest(name, names)}")
    return names[name]


def _first_ambiguous(value: Any) -> Ambiguous | None:
    """A value of two readings in a mapping or a list that goes as it is to whoever knows its keys."""
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    found = (item if isinstance(item, Ambiguous) else _first_ambiguous(item) for item in items)
    return next((item for item in found if item is not None), None)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else str(name)


def type_words(hint: Any) -> str:
    """A type in a user's words."""
    names = {
        int: "a whole number",
        float: "a number",
        bool: "true or false",
        str: "a text",
        type(None): "nothing",
    }
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(map(type_words, arguments)))
    if origin is tuple:
        if arguments[-1] is Ellipsis:
            return f"a list in which each item is {type_words(arguments[0])}"
        return f"a list of {len(arguments)} items ({', '.join(map(type_words, arguments))})"
    if origin is Literal:
        return " or ".join(map(repr, arguments))
    return names.get(hint, "a section of keys and values")


def _kind(value: Any) -> str:
    """What came, in a user's words."""
    if value is None or isinstance(value, Ambiguous):
        return "nothing" if value is None else value.told()
    name = {dict: "a section", list: "a list", str: "the text", bool: "the truth value"}.get(type(value), "the number")
    return name if isinstance(value, dict) else f"{name} {shown(value)}"
