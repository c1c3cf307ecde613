"""What every fuzz test holds to: whatever comes ends in a result or in one sentence, soon, and changes no file.

One file for each kind of input. `make test` runs 2,000 cases, always the same, and `make fuzz` fifty times as many.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from patience import is_within

from metaqnn.errors import MetaqnnError

_TIMES = int(os.environ.get("FUZZ", "1"))


def fuzzed(cases: int) -> settings:
    """Settings for so many cases in `make test`; they follow from the test alone."""
    checks = list(HealthCheck)
    return settings(
        max_examples=cases * _TIMES, derandomize=True, database=None, deadline=None, suppress_health_check=checks
    )


_SECONDS = 20.0
"""Of a case; most take a few milliseconds, but a machine with much else to do may stop for seconds."""

_LONGEST = 2000
"""Characters of a sentence with all the names of files and of choices in it."""


def state(folder: Path) -> dict[str, bytes | str | None]:
    """Every file of a folder with its bytes, every link with where it leads."""
    return {
        str(path.relative_to(folder)): os.readlink(path)
        if path.is_symlink()
        else path.read_bytes()
        if path.is_file()
        else None
        for path in sorted(folder.rglob("*"))
    }


@contextmanager
def only_sentences(folder: Path) -> Iterator[None]:
    """Let an error of this package pass, and nothing else; see that it is readable, in time, and changed nothing."""
    before, began = state(folder), time.monotonic()
    try:
        yield
    except MetaqnnError as error:
        said = str(error)
        assert said.strip()
        assert len(said) < _LONGEST, said[:_LONGEST]
        assert "Traceback" not in said
    assert is_within(began, _SECONDS)
    assert state(folder) == before


def mutated(original: bytes, tokens: tuple[bytes, ...] = ()) -> st.SearchStrategy[bytes]:
    """Some bytes of an original replaced, removed, repeated or put in."""
    few = (
        st.binary(max_size=8)
        if not tokens
        else st.one_of(*[st.sampled_from(tokens)] * 9, st.text(max_size=4).map(str.encode))
    )
    edit = st.tuples(st.integers(0, max(0, len(original))), st.integers(0, 12), few, st.integers(1, 3))
    cut = st.just(None) | st.integers(0, len(original))

    def apply(edits: list, end: int | None) -> bytes:
        content = bytearray(original[:end])
        for at, removed, put, times in edits:
            content[at : at + removed] = put * times
        return bytes(content)

    return st.builds(apply, st.lists(edit, max_size=4), cut if not tokens else st.just(None))
