"""Randomness without a global generator: every draw has an address.

A `Stream` is addressed by (seed, purpose, numbers), for example (0, "explore", 17) for the choices of episode 17.
The address is hashed to the key of a Philox4x64-10 generator (Salmon et al., SC 2011), so two addresses never
share a sequence, nothing depends on the order in which streams are opened, and an interrupted search needs no
generator state to go on. NumPy keeps the raw output of its bit generators across versions but not the methods
of `Generator`, so the distributions below are our own.
"""

import secrets
from hashlib import blake2b

import numpy as np

_TWO_TO_64 = 1 << 64


def _digest(seed: int, purpose: str, numbers: tuple[int, ...]) -> int:
    address = "/".join([str(seed), purpose, *map(str, numbers)])
    return int.from_bytes(blake2b(address.encode(), digest_size=16).digest(), "little")


def integer_seed(seed: int, purpose: str, *numbers: int) -> int:
    """A seed in [0, 2**31) for a library that wants an integer (Keras initialisers and dropout)."""
    return _digest(seed, purpose, numbers) & 0x7FFFFFFF


def entropy() -> int:
    """A seed in [0, 2**31) from the operating system, for a user who names none."""
    return secrets.randbits(31)


class Stream:
    """The random sequence at one address.

    Args:
        seed: the search's seed, any integer.
        purpose: what the draws are for; streams of different purposes are independent.
        numbers: further coordinates, such as an episode or an epoch.
    """

    def __init__(self, seed: int, purpose: str, *numbers: int):
        self._philox = np.random.Philox(key=_digest(seed, purpose, numbers))

    def raw(self, count: int) -> np.ndarray:
        """The next `count` words, uint64 of shape (count,)."""
        return self._philox.random_raw(count)

    def uniform(self) -> float:
        """A double in [0, 1): the upper 53 bits of one word."""
        return (self._philox.random_raw() >> 11) * 2.0**-53

    def integer(self, bound: int) -> int:
        """An unbiased integer in [0, bound), by multiplication with rejection (Lemire, 2019).

        Raises:
            ValueError: if bound is below 1.
        """
        if bound < 1:
            raise ValueError(f"a random integer needs a bound of at least 1, got {bound}")
        threshold = (_TWO_TO_64 - bound) % bound
        while True:
            product = self._philox.random_raw() * bound
            if product % _TWO_TO_64 >= threshold:
                return product >> 64

    def integers(self, bound: int, count: int) -> list[int]:
        """`count` independent draws of `integer(bound)`."""
        return [self.integer(bound) for _ in range(count)]

    def permutation(self, length: int) -> np.ndarray:
        """A uniformly random order of range(length), int64 of shape (length,).

        It sorts random words; the sort is stable, so the result is one function of the words on every machine.
        """
        return np.argsort(self.raw(length), kind="stable")

    def flags(self, count: int) -> np.ndarray:
        """`count` fair coin flips, bool of shape (count,)."""
        return (self.raw(count) >> np.uint64(63)).astype(bool)
