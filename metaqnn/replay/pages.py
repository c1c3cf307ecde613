"""Rows read out of the pages of an SQLite file one by one, where SQLite no longer finds its way through it.

The layout is that of https://www.sqlite.org/fileformat2.html: a page of a table has rows with their numbers, a page of
an index has keys, and of a table without row numbers the rows are its keys.
"""

import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from metaqnn.replay.checks import decoded

_TABLE_LEAF, _INDEX_LEAF, _INDEX_INNER = 13, 10, 2


@dataclass(frozen=True)
class RawRow:
    """A row without the name of its table.

    Attributes:
        number: of the row; None in a table without row numbers, and in an index.
        values: in the order in which they are stored; a text that is not UTF-8 is bytes.
    """

    number: int | None
    values: tuple[Any, ...]


def read_pages(path: Path) -> Iterator[RawRow]:
    """Every row of every page that can be read, in no order; some may be deleted ones."""
    content = path.read_bytes()
    size = int.from_bytes(content[16:18], "big")
    size = 65536 if size == 1 else size
    if size < 512:  # not even a header
        return
    for start in range(0, len(content), size):
        at = 100 if start == 0 else start
        kind = content[at]
        if kind not in (_TABLE_LEAF, _INDEX_LEAF, _INDEX_INNER):
            continue
        pointers = at + (12 if kind == _INDEX_INNER else 8)
        for cell in range(int.from_bytes(content[at + 3 : at + 5], "big")):
            with suppress(IndexError, ValueError, struct.error):
                pointer = int.from_bytes(content[pointers + 2 * cell : pointers + 2 * cell + 2], "big")
                yield _row(content, size, start + pointer, kind)


def _row(content: bytes, size: int, at: int, kind: int) -> RawRow:
    number = None
    if kind == _INDEX_INNER:
        at += 4
    length, at = _varint(content, at)
    if kind == _TABLE_LEAF:
        number, at = _varint(content, at)
    most = size - 35 if kind == _TABLE_LEAF else (size - 12) * 64 // 255 - 23
    if length > len(content):
        raise ValueError("no row is longer than its file")
    if length <= most:
        return RawRow(number, tuple(_values(content[at : at + length])))
    least = (size - 12) * 32 // 255 - 23
    here = least + (length - least) % (size - 4)
    here = here if here <= most else least
    payload = content[at : at + here]
    page = int.from_bytes(content[at + here : at + here + 4], "big")
    while len(payload) < length and 0 < page <= len(content) // size:  # the rest stands in a chain of pages
        start = (page - 1) * size
        payload += content[start + 4 : start + size]
        page = int.from_bytes(content[start : start + 4], "big")
    return RawRow(number, tuple(_values(payload[:length])))


def _values(record: bytes) -> Iterator[Any]:
    end, at = _varint(record, 0)
    body = end
    while at < end:
        kind, at = _varint(record, at)
        width = (0, 1, 2, 3, 4, 6, 8, 8, 0, 0)[kind] if kind < 10 else (kind - 12) // 2
        if kind in (10, 11) or body + width > len(record):
            raise ValueError("no value has this type, or its end is missing")
        part = record[body : body + width]
        body += width
        if kind in (0, 8, 9):
            yield {0: None, 8: 0, 9: 1}[kind]
        elif kind == 7:
            yield struct.unpack(">d", part)[0]
        elif kind < 7:
            yield int.from_bytes(part, "big", signed=True)
        else:
            yield decoded(part) if kind % 2 else part


def _varint(content: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(9):
        byte = content[at + place]
        if place == 8:
            value = value << 8 | byte
            break
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            break
    return (value - (1 << 64) if value >> 63 else value), at + place + 1
