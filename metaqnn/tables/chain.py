"""A chain of choices: one of so many options at each position. Public benchmarks of cell and macro spaces are such."""

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from metaqnn.config import require
from metaqnn.core import Space
from metaqnn.errors import NotationError, shown

_MAX_DIGITS = 9


@dataclass(frozen=True)
class ChainConfig:
    """The section `space` for `name: chain`.

    Attributes:
        choices: how many options there are at each position, which are numbered from 0.
    """

    name: Literal["chain"]
    choices: tuple[int, ...]

    def __post_init__(self):
        require(bool(self.choices), "choices", "at least one position", list(self.choices))
        require(all(1 <= count <= 10_000 for count in self.choices), "choices", "counts from 1 to 10000", self.choices)


class ChainKey(NamedTuple):
    """What an agent sees: how many choices were made, and the last one (None before the first)."""

    position: int
    last: int | None

    def __str__(self) -> str:
        return f"{self.position}:{'start' if self.last is None else self.last}"


class ChainSpace(Space):
    """Every combination of choices is a network.

    Its text is the digits in a row, `01220110`; where a position has more than ten options, `3-11-0`.
    """

    Options = ChainConfig

    def __init__(self, options: ChainConfig, facts: Mapping[str, Any] | None = None):
        super().__init__(options, facts)
        self.config = config = options
        self._separator = "" if max(config.choices) <= 10 else "-"
        ranges = {count: tuple(range(count)) for count in config.choices}
        self._legal = tuple(ranges[count] for count in config.choices)

    @property
    def all_actions(self) -> tuple[int, ...]:
        """The options of the position that has most."""
        return max(self._legal, key=len)

    @property
    def max_steps(self) -> int:
        """The number of positions."""
        return len(self._legal)

    def initial_state(self) -> tuple[int, ...]:
        """No choice yet."""
        return ()

    def is_terminal(self, state: tuple[int, ...]) -> bool:
        """Whether every position is filled."""
        return len(state) == len(self._legal)

    def actions(self, state: tuple[int, ...]) -> tuple[int, ...]:
        """The options of the next position."""
        return self._legal[len(state)]

    def step(self, state: tuple[int, ...], action: Any) -> tuple[int, ...]:
        """Fill the next position."""
        return (*state, action)

    def key(self, state: tuple[int, ...]) -> ChainKey:
        """Position and last choice."""
        return ChainKey(len(state), state[-1] if state else None)

    def parse(self, text: str) -> tuple[int, ...]:
        """The choices that a text writes: digits in a row, or numbers with anything between them."""
        if re.fullmatch(r"[0-9]+", text) and not self._separator:
            return tuple(map(int, text))
        if re.search(r"[^0-9 ,;:|_()\[\]-]", text) or not re.search(r"[0-9]", text):
            raise NotationError(f"{shown(text)}: expected choices such as {shown(self.format([0] * len(self._legal)))}")
        numbers = re.findall(r"[0-9]+", text)
        longest = max(map(len, numbers))
        if longest > _MAX_DIGITS:
            raise NotationError(f"expected choices of at most {_MAX_DIGITS} digits, got one of {longest}")
        return tuple(map(int, numbers))

    def format(self, actions: Sequence[Hashable]) -> str:
        """The canonical text."""
        return self._separator.join(map(str, actions))
