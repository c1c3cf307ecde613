"""One way to write a value as bytes, so that equal values have equal hashes on every machine.

A value is a tag of one ASCII byte and what follows it. Lengths and counts are 4 bytes, unsigned; all numbers are
big-endian.

==== ======================================= ==========================================================================
tag  value                                   what follows
==== ======================================= ==========================================================================
n    nothing (NULL, null, NaN)               nothing
t f  true, false                             nothing
i    a whole number                          a length, and so many bytes of its decimal digits, "-" before a negative
d    a double                                its 8 bytes of IEEE 754; a negative zero is written as zero
s    a text                                  a length, and so many bytes of UTF-8
b    bytes                                   a length, and so many bytes
D    a list of one or more doubles           a count, and 8 bytes each as of `d`
I    a list of one or more whole numbers     a count, and 8 bytes each in two's complement
l    any other list                          a count, and each item with its tag
m    names and values                        a count, and each name as an `s` and its value with its tag, sorted by the
                                             code points of the names
==== ======================================= ==========================================================================

A list is a `D` only where every item is a double and none is NaN, and an `I` only where every item is a whole number,
neither true nor false, from -2**63 to 2**63 - 1. So [1.0, 2.0] is 44 00000002 3ff0000000000000
4000000000000000, and {"a": 1, "": null} is 6d 00000002, 73 00000000, 6e, 73 00000001 61, 69 00000001 31.
"""

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from types import NoneType
from typing import Any

_double = struct.Struct(">cd").pack
_length = struct.Struct(">cI").pack


def encode(value: Any) -> bytes:
    """A value as this module's docstring says.

    Args:
        value: None, a bool, int, float, str or bytes, a list or tuple, or a mapping from str, of such; values of
            subclasses, such as NumPy's double or a `StrEnum`, count as what they are of.

    Raises:
        TypeError: it is something else.
    """
    its_type: Any = type(value)
    kind = _kind(its_type)
    if kind is None:
        raise TypeError(f"expected a plain value, got {value!r:.100} of {type(value).__name__}")
    return _WRITERS[kind](value)


def _float(value: float) -> bytes:
    return b"n" if math.isnan(value) else _double(b"d", value + 0.0)


@lru_cache(1024)
def _int(value: int) -> bytes:
    return _with_length(b"i", b"%d" % value)


@lru_cache(1024)
def _str(text: str) -> bytes:
    return _with_length(b"s", str(text).encode("utf-8", "surrogatepass"))


def _list(values: Sequence[Any]) -> bytes:
    kinds, count = set(map(type, values)), len(values)
    if len(kinds) > 1 or not kinds <= {float, int}:
        kinds = {_kind(kind) for kind in kinds}
    # A sum that is finite has no NaN in it; where one is not, each is looked at.
    if kinds == {float} and (math.isfinite(sum(values)) or not any(map(math.isnan, values))):
        return _row(f">cI{count}d")(b"D", count, *([value + 0.0 for value in values] if 0.0 in values else values))
    if kinds == {int} and min(values) >= -(2**63) and max(values) < 2**63:
        return _row(f">cI{count}q")(b"I", count, *values)
    return _length(b"l", count) + b"".join(map(encode, values))


@lru_cache(1024)
def _kind(kind: Any) -> Any:
    """The kind of value that a type is of; None where there is none."""
    return next((known for known in _WRITERS if issubclass(kind, known)), None)


@lru_cache(1024)
def _row(layout: str) -> Callable[..., bytes]:
    return struct.Struct(layout).pack


def _mapping(values: Mapping[str, Any]) -> bytes:
    items = [_str(name) + encode(values[name]) for name in sorted(values)]
    return _length(b"m", len(items)) + b"".join(items)


def _with_length(tag: bytes, content: bytes) -> bytes:
    return _length(tag, len(content)) + content


_WRITERS: Mapping[type, Callable[[Any], bytes]] = {
    float: _float,
    str: _str,
    NoneType: lambda value: b"n",
    bool: lambda value: b"t" if value else b"f",  # before int, which it is a kind of
    int: _int,
    list: _list,
    tuple: _list,
    Mapping: _mapping,
    bytes: lambda value: _with_length(b"b", value),
}
