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
l    any other list                          a count, and each item with its tag
m    names and values                        a count, and each name as an `s` and its value with its tag, sorted by the
                                             code points of the names
==== ======================================= ==========================================================================

A list is a `D` only where every item is a double and none is NaN. So [1.0, 2.0] is 44 00000002 3ff0000000000000
4000000000000000, and {"a": 1, "": null} is 6d 00000002, 73 00000000, 6e, 73 00000001 61, 69 00000001 31.
"""

import struct
from collections.abc import Mapping
from functools import lru_cache

_double = struct.Struct(">cd").pack
_length = struct.Struct(">cI").pack


def encode(value: object) -> bytes:
    """A value as this module's docstring says.

    Args:
        value: None, a bool, int, float, str or bytes, a list or tuple, or a mapping from str, of such; values of
            subclasses, such as NumPy's double or a `StrEnum`, count as what they are of.

    Raises:
        TypeError: it is something else.
    """
    if isinstance(value, float):
        return _double(b"d", value + 0.0) if value == value else b"n"
    if isinstance(value, str):
        return _text(str(value))
    if value is None:
        return b"n"
    if isinstance(value, bool):
        return b"t" if value else b"f"
    if isinstance(value, int):
        return _with_length(b"i", b"%d" % value)
    if isinstance(value, list | tuple):
        if value and all(isinstance(item, float) and item == item for item in value):
            count = len(value)
            return _length(b"D", count) + struct.pack(f">{count}d", *[item + 0.0 for item in value])
        return _length(b"l", len(value)) + b"".join(map(encode, value))
    if isinstance(value, Mapping):
        items = [_text(name) + encode(value[name]) for name in sorted(value)]
        return _length(b"m", len(items)) + b"".join(items)
    if isinstance(value, bytes):
        return _with_length(b"b", value)
    raise TypeError(f"expected a plain value, got {value!r:.100} of {type(value).__name__}")


@lru_cache(1024)
def _text(text: str) -> bytes:
    return _with_length(b"s", text.encode("utf-8", "surrogatepass"))


def _with_length(tag: bytes, content: bytes) -> bytes:
    return _length(tag, len(content)) + content
