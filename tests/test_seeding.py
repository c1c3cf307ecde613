"""Every draw has an address, and an address gives the same draws for ever and everywhere."""

import subprocess
import sys
from hashlib import blake2b

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaqnn.seeding import Stream, integer_seed

SEEDS = st.integers(-(2**80), 2**80)
MASK = 2**64 - 1


def philox_block(key: int, counter: int) -> list[int]:
    """Four words of Philox4x64-10, written from Salmon et al. (SC 2011), section 3.3 and table 2."""
    words = [(counter >> shift) & MASK for shift in (0, 64, 128, 192)]
    key0, key1 = key & MASK, key >> 64
    for _ in range(10):
        product0, product1 = 0xD2E7470EE14C6C93 * words[0], 0xCA5A826395121157 * words[2]
        words = [
            (product1 >> 64) ^ words[1] ^ key0,
            product1 & MASK,
            (product0 >> 64) ^ words[3] ^ key1,
            product0 & MASK,
        ]
        key0, key1 = (key0 + 0x9E3779B97F4A7C15) & MASK, (key1 + 0xBB67AE8584CAA73B) & MASK
    return words


def chi_square(counts) -> float:
    """Pearson's statistic against equal probabilities."""
    expected = sum(counts) / len(counts)
    return sum((count - expected) ** 2 / expected for count in counts)


def test_golden_words():
    assert [hex(word) for word in Stream(0, "explore", 17).raw(4).tolist()] == [
        "0x9f7dd129ede7db8c",
        "0x1a373b8120e001f6",
        "0x1f49b833313c667c",
        "0x3647313dc49f53c",
    ]
    assert [hex(word) for word in Stream(-3, "x").raw(2).tolist()] == ["0xfb2fe49d85eacf95", "0x60f3b4ca189f01b8"]


def test_golden_draws():
    stream = Stream(0, "explore", 17)
    assert [stream.uniform() for _ in range(3)] == [0.6230135657660009, 0.10240528013753192, 0.12221862077534373]
    assert Stream(0, "explore", 17).integers(14, 10) == [8, 1, 1, 0, 10, 8, 4, 6, 4, 6]
    assert Stream(0, "explore", 17).permutation(10).tolist() == [3, 1, 2, 8, 6, 9, 7, 5, 0, 4]
    assert Stream(0, "explore", 17).flags(10).tolist() == [True, *[False] * 3, True, True, *[False] * 4]
    assert Stream(-3, "x").integers(1000, 4) == [981, 378, 489, 98]


def test_golden_integer_seeds():
    seeds = [integer_seed(0, "keras", 1), integer_seed(7, "keras", 1), integer_seed(2**70, "keras")]
    assert seeds == [177887726, 249804677, 96564406]


@given(SEEDS, st.lists(st.integers(0, 10**6), max_size=3))
@settings(deadline=None, derandomize=True, max_examples=50)
def test_words_are_philox_keyed_by_the_hashed_address(seed, numbers):
    address = "/".join(map(str, [seed, "explore", *numbers]))
    key = int.from_bytes(blake2b(address.encode(), digest_size=16).digest(), "little")
    # NumPy counts before it computes, so the first block has counter 1.
    expected = philox_block(key, 1) + philox_block(key, 2)
    assert Stream(seed, "explore", *numbers).raw(8).tolist() == expected


@given(SEEDS, st.integers(0, 1000))
@settings(deadline=None, derandomize=True, max_examples=50)
def test_integer_seeds_fit_31_bits(seed, number):
    assert 0 <= integer_seed(seed, "keras", number) < 2**31


def test_addresses_differ_in_every_part():
    addresses = [(0, "a"), (1, "a"), (0, "b"), (0, "a", 0), (0, "a", 1), (0, "a", 0, 1), (0, "a", 1, 0), (0, "a", 10)]
    words = {Stream(*address).raw(1)[0] for address in addresses}
    assert len(words) == len(addresses)
    assert len({integer_seed(*address) for address in addresses}) == len(addresses)


def test_uniform_is_the_upper_53_bits():
    words = Stream(5, "u").raw(1000)
    stream = Stream(5, "u")
    draws = [stream.uniform() for _ in range(1000)]
    assert draws == [(word >> 11) / 2**53 for word in words.tolist()]
    assert all(0.0 <= draw < 1.0 for draw in draws)


def test_uniform_covers_the_unit_interval_evenly():
    stream = Stream(1, "uniform")
    counts = np.bincount([int(stream.uniform() * 10) for _ in range(20_000)], minlength=10)
    # 9 degrees of freedom: a sound generator exceeds 44.8 once in a million seeds.
    assert chi_square(counts) < 44.8


@given(SEEDS, st.integers(1, 2**64))
@settings(deadline=None, derandomize=True, max_examples=100)
def test_integers_stay_below_their_bound(seed, bound):
    assert all(0 <= draw < bound for draw in Stream(seed, "n").integers(bound, 20))


@pytest.mark.parametrize("bound", [6, 14, 17])
def test_integers_are_uniform(bound):
    counts = np.bincount(Stream(2, "integer").integers(bound, 30_000), minlength=bound)
    # 5, 13 and 16 degrees of freedom: exceeded once in a million seeds each.
    assert chi_square(counts) < {6: 35.9, 14: 52.8, 17: 58.4}[bound]


def test_large_bounds_are_unbiased():
    # Without the rejection step, 3 * 2**62 would give every third value twice as often as its neighbours.
    counts = np.bincount([draw % 3 for draw in Stream(3, "integer").integers(3 << 62, 12_000)], minlength=3)
    # 2 degrees of freedom: exceeded once in a million seeds.
    assert chi_square(counts) < 27.7


def test_rejection_draws_again():
    # For bound 3 * 2**62 a word is refused when the low half of its product is below 2**62: one in four.
    bound, words, expected = 3 << 62, iter(Stream(3, "integer").raw(400).tolist()), []
    for word in words:
        high, low = divmod(word * bound, 2**64)
        if low >= 2**62:
            expected.append(high)
    assert 250 < len(expected) < 350
    assert Stream(3, "integer").integers(bound, 200) == expected[:200]


def test_a_bound_of_one_leaves_no_choice():
    assert Stream(0, "n").integers(1, 5) == [0] * 5
    assert Stream(0, "n").integers(7, 0) == []


@pytest.mark.parametrize("bound", [0, -1])
def test_a_bound_below_one(bound):
    with pytest.raises(ValueError, match=f"^a random integer needs a bound of at least 1, got {bound}$"):
        Stream(0, "n").integer(bound)


@given(SEEDS, st.integers(0, 200))
@settings(deadline=None, derandomize=True, max_examples=50)
def test_a_permutation_holds_each_number_once(seed, length):
    order = Stream(seed, "shuffle").permutation(length)
    assert order.dtype == np.int64
    assert sorted(order.tolist()) == list(range(length))


def test_permutations_are_uniform():
    counts: dict[tuple, int] = {}
    for number in range(6000):
        order = tuple(Stream(4, "shuffle", number).permutation(3).tolist())
        counts[order] = counts.get(order, 0) + 1
    assert len(counts) == 6
    # 5 degrees of freedom: exceeded once in a million seeds.
    assert chi_square(counts.values()) < 35.9


def test_flags_are_fair_coins():
    flags = Stream(6, "mirror").flags(10_000)
    assert flags.dtype == bool
    assert flags.shape == (10_000,)
    # Within five standard deviations of 50: sound coins fail once in 1.7 million seeds.
    assert abs(int(flags.sum()) - 5000) < 250
    assert flags.tolist() == [bool(word >> 63) for word in Stream(6, "mirror").raw(10_000).tolist()]


def test_streams_are_independent_of_the_order_in_which_they_are_opened():
    alone = {number: Stream(9, "explore", number).integers(100, 5) for number in range(5)}
    streams = {number: Stream(9, "explore", number) for number in reversed(range(5))}
    mixed: dict[int, list[int]] = {number: [] for number in range(5)}
    for _ in range(5):
        for number, stream in streams.items():
            mixed[number].append(stream.integer(100))
    assert mixed == alone


def test_neighbouring_streams_do_not_resemble_each_other():
    firsts = [Stream(8, "explore", number).integer(10) for number in range(10_000)]
    # 9 degrees of freedom: exceeded once in a million seeds.
    assert chi_square(np.bincount(firsts, minlength=10)) < 44.8
    pairs = np.bincount([10 * a + b for a, b in zip(firsts[::2], firsts[1::2], strict=True)], minlength=100)
    # 99 degrees of freedom: exceeded once in a million seeds.
    assert chi_square(pairs) < 180.8


def test_no_global_generator_is_touched():
    before = np.random.get_state()[1].tolist()
    Stream(0, "x").permutation(10)
    assert np.random.get_state()[1].tolist() == before


def test_another_process_draws_the_same():
    code = (
        "from metaqnn.seeding import Stream, integer_seed\n"
        "s = Stream(11, 'replay', 3)\n"
        "print(s.uniform(), s.integers(99, 5), s.permutation(5).tolist(), integer_seed(11, 'replay', 3))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    stream = Stream(11, "replay", 3)
    here = [stream.uniform(), stream.integers(99, 5), stream.permutation(5).tolist(), integer_seed(11, "replay", 3)]
    assert ran.stdout.strip() == " ".join(map(str, here))
