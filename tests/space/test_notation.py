"""The paper's notation: read, written, and refused with a pointer at the character that is wrong."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaqnn.errors import IllegalArchitectureError, NotationError
from metaqnn.networks.architecture import Architecture, parse
from metaqnn.networks.blocks import Block
from metaqnn.networks.layers import (
    KINDS,
    AveragePooling,
    BatchNormalization,
    BlockLayer,
    Convolution,
    FullyConnected,
    GlobalAveragePooling,
    Layer,
    Pooling,
    PositionAverage,
    SeparableConvolution,
    Softmax,
    action_order,
)
from metaqnn.networks.operations.activation import ACTIVATIONS

NUMBERS = st.integers(1, 10**9 - 1)
ACTIVATION = st.sampled_from(ACTIVATIONS)
EXTENTS = NUMBERS | st.tuples(NUMBERS, NUMBERS).filter(lambda pair: pair[0] != pair[1])
IMAGE_LAYERS = st.lists(
    st.builds(Convolution, NUMBERS, EXTENTS, EXTENTS, ACTIVATION)
    | st.builds(SeparableConvolution, NUMBERS, EXTENTS, NUMBERS, ACTIVATION)
    | st.builds(Pooling, NUMBERS, NUMBERS)
    | st.builds(AveragePooling, NUMBERS, NUMBERS)
    | st.just(BatchNormalization())
)
VECTOR_LAYERS = st.lists(st.builds(FullyConnected, NUMBERS, ACTIVATION), max_size=4)


@st.composite
def joined(draw) -> list[Layer]:
    """Layers over images, some of which name their inputs."""
    layers = draw(IMAGE_LAYERS)
    for number, layer in enumerate(layers):
        if not isinstance(layer, BatchNormalization) and draw(st.booleans()):
            inputs = draw(st.sets(st.integers(0, number), min_size=1))
            layers[number] = replace(layer, inputs=tuple(sorted(inputs)))
    return layers


@st.composite
def architectures(draw) -> Architecture:
    classes = draw(NUMBERS)
    ends = VECTOR_LAYERS | st.just([GlobalAveragePooling(classes)]) | st.just([PositionAverage()])
    return Architecture([*draw(joined()), *draw(ends), Softmax(classes)])


@st.composite
def stacked(draw) -> Architecture:
    """Networks of blocks."""
    codes = []
    for number in range(1, draw(st.integers(1, 6)) + 1):
        kind = draw(st.integers(1, 6 if number > 1 else 4))
        kernel = draw(st.sampled_from((1, 3, 5))) if kind <= 3 else 0
        taken = sorted(draw(st.sets(st.integers(0, number - 1), min_size=1 + (kind > 4), max_size=1 + (kind > 4))))
        codes.append((number, kind, kernel, *taken, *([0] if kind <= 4 else [])))
    widths = draw(st.lists(NUMBERS, min_size=1, max_size=3))
    return Architecture([*(BlockLayer(width, Block(codes)) for width in widths), PositionAverage(), Softmax(3)])


def refusal(text: str) -> list[str]:
    """The lines of the message with which a text is refused."""
    with pytest.raises(NotationError) as error:
        parse(text)
    return str(error.value).split("\n")


def test_reading():
    assert parse("[C(64,3,1), P(5,3), FC(128), SM(10)]") == (
        Convolution(64, 3, 1),
        Pooling(5, 3),
        FullyConnected(128),
        Softmax(10),
    )
    assert parse("[C(64,3,1), GAP(10), SM(10)]")[1] == GlobalAveragePooling(10)
    assert parse("SM(2)") == (Softmax(2),)


def test_writing():
    layers = [Convolution(2, 3, 4), SeparableConvolution(2, 3, 4), Pooling(2, 3), AveragePooling(2, 3)]
    layers += [BatchNormalization(), BlockLayer(2, Block([(1, 4, 0, 0, 0)])), FullyConnected(2)]
    layers += [GlobalAveragePooling(2), PositionAverage(), Softmax(2)]
    assert tuple(map(type, layers)) == KINDS
    texts = ["C(2,3,4)", "SC(2,3,4)", "P(2,3)", "AP(2,3)", "BN", "B(2)", "FC(2)", "GAP(2)", "GP", "SM(2)"]
    assert list(map(str, layers)) == texts
    network = Architecture([Convolution(64, 3), Softmax(10)])
    assert str(network) == "[C(64,3,1), SM(10)]"
    assert repr(network) == "Architecture([C(64,3,1), SM(10)])"


def test_what_is_written_where_it_is_needed():
    text = "[C(8,3x5,2x1,selu), SC(8,3,2), AP(2,2), C(4,1,1)@0+1, FC(5,tanh), SM(2)]"
    assert parse(text)[:1] == (Convolution(8, (3, 5), (2, 1), "selu"),)
    assert parse(text)[3].inputs == (0, 1)
    assert str(parse(text)) == text
    assert str(parse("[C(8,3x3,1,relu), C(8,1,1)@1, SM(2)]")) == "[C(8,3,1), C(8,1,1), SM(2)]"


def test_a_block_stands_in_front():
    text = "{(1,1,3,0,0), (2,5,0,0,1)} [C(8,3,1), B(8), P(2,2), B(16), GP, SM(2)]"
    assert parse(text)[1] == BlockLayer(8, Block([(1, 1, 3, 0, 0), (2, 5, 0, 0, 1)]))
    assert str(parse(text)) == text


@given(architectures() | stacked())
@settings(deadline=None, derandomize=True)
def test_there_and_back(architecture):
    text = str(architecture)
    assert parse(text) == architecture
    assert str(parse(text)) == text
    assert hash(parse(text)) == hash(architecture)


@given(architectures(), st.data())
@settings(deadline=None, derandomize=True)
def test_spaces_and_brackets_change_nothing(architecture, data):
    blank = st.sampled_from(["", " ", "  ", "\t"])
    text = "".join(data.draw(blank) + sign if sign in "[](), " else sign for sign in str(architecture))
    assert parse(text + data.draw(blank)) == architecture
    assert parse(text.replace("[", "").replace("]", "")) == architecture


def test_leading_zeros_change_nothing():
    assert str(parse("[C(064,3,01), SM(000000010)]")) == "[C(64,3,1), SM(10)]"


@given(architectures(), st.data())
@settings(deadline=None, derandomize=True)
def test_dropout_marks_are_read_and_dropped(architecture, data):
    places = data.draw(st.lists(st.integers(0, len(architecture) - 1), max_size=4))
    texts = list(map(str, architecture))
    for number, place in enumerate(sorted(places, reverse=True), start=1):
        # The released code's n may exceed the number of marks that it places.
        texts.insert(place, f"D({number},{len(places) + 2})")
    assert parse(f"[{', '.join(texts)}]") == architecture


def test_a_network_of_the_released_code():
    text = "[C(512,5,1), C(64,5,1), D(1,2), P(3,2), C(128,3,1), D(2,2), SM(10)]"
    assert str(parse(text)) == "[C(512,5,1), C(64,5,1), P(3,2), C(128,3,1), SM(10)]"


LAYER = "a layer (C, SC, P, AP, BN, B, FC, GAP, GP, SM, D)"


@pytest.mark.parametrize(
    ("text", "expected", "column", "came"),
    [
        ("", LAYER, 1, "the end"),
        ("   ", LAYER, 4, "the end"),
        ("[]", LAYER, 2, "']'"),
        ("[,", LAYER, 2, "','"),
        ("[Q(1), SM(10)]", LAYER, 2, "'Q'"),
        ("[sm(10)]", LAYER, 2, "'s'"),
        ("[CC(64,3,1), SM(10)]", LAYER, 2, "'C'"),
        ("[64, SM(10)]", LAYER, 2, "'6'"),
        ("[C(64,3,1),]", LAYER, 12, "']'"),
        ("[C(64,3,1),, SM(10)]", LAYER, 12, "','"),
        ("[C(64,3,1), Z(1)]", LAYER, 13, "'Z'"),
        ("\u00a0SM(10)", LAYER, 1, "'\\xa0'"),
        ("[C(64,3,1) SM(10)]", "',' or ']'", 12, "'S'"),
        ("[C(64,3,1), SM(10)", "',' or ']'", 19, "the end"),
        ("C(64,3,1), SM(10)]", "the end of the network", 18, "']'"),
        ("[SM(10)] x", "the end of the network", 10, "'x'"),
        ("[SM(10)]\n", "the end of the network", 9, "'\\n'"),
        ("SM[10]", "'(' as in SM(c)", 3, "'['"),
        ("[GAP, SM(10)]", "'(' as in GAP(c)", 5, "','"),
        ("[FC(10", "')' as in FC(d)", 7, "the end"),
        ("SM(1.5)", "')' as in SM(c)", 5, "'.'"),
        ("[P(2,2,2)]", "')' as in P(f,s)", 7, "','"),
        ("[C(64,3)]", "',' as in C(d,f,s)", 8, "')'"),
        ("[C(64)]", "',' as in C(d,f,s)", 6, "')'"),
        ("[P(2;2)]", "',' as in P(f,s)", 5, "';'"),
        ("[D(1)]", "',' as in D(i,n)", 5, "')'"),
        ("[C()]", "a whole number for d in C(d,f,s)", 4, "')'"),
        ("[C(64,x,1)]", "a whole number for f in C(d,f,s)", 7, "'x'"),
        ("[C(64,3,)]", "a whole number for s in C(d,f,s)", 9, "')'"),
        ("[SM(-1)]", "a whole number for c in SM(c)", 5, "'-'"),
        ("[FC(", "a whole number for d in FC(d)", 5, "the end"),
        ("[SM(0)]", "a whole number for c in SM(c), from 1 to 999999999", 5, "'0'"),
        ("[SM(1000000000)]", "a whole number for c in SM(c), from 1 to 999999999", 5, "'1'"),
        ("[P(2,000)]", "a whole number for s in P(f,s), from 1 to 999999999", 6, "'0'"),
        ("[D(0,2), SM(10)]", "a whole number for i in D(i,n), from 1 to 999999999", 4, "'0'"),
        ("[D(3,2), SM(10)]", "a dropout mark D(i,n) with i at most n", 2, "'D'"),
    ],
)
def test_a_refusal_points_at_the_character(text, expected, column, came):
    first, shown, pointer = refusal(text)
    assert first == f"expected {expected} at character {column}, got {came}"
    assert shown == "  " + text.replace("\n", " ").replace("\u00a0", " ")
    assert pointer == "  " + " " * (column - 1) + "^"


@pytest.mark.parametrize("digit", ["\u0663", "\u00b2", "\uff11", "\u0967", "\u2460"])
def test_only_ascii_digits_are_numbers(digit):
    assert refusal(f"[SM({digit})]")[0] == f"expected a whole number for c in SM(c) at character 5, got {digit!r}"
    assert refusal(f"[SM(1{digit})]")[0] == f"expected ')' as in SM(c) at character 6, got {digit!r}"


@pytest.mark.parametrize("letter", ["\u0421", "\uff23", "\u1d04"])
def test_only_ascii_letters_are_names(letter):
    assert refusal(f"[{letter}(64,3,1), SM(10)]")[0] == f"expected {LAYER} at character 2, got {letter!r}"


def test_huge_numbers_are_refused_quickly():
    assert refusal(f"[SM({'9' * 100_000})]")[0].startswith(
        "expected a whole number for c in SM(c), from 1 to 999999999 at character 5, got '9'"
    )


def test_a_long_text_is_shown_around_the_fault():
    text = "[" + "C(64,3,1), " * 1000 + "Z(1)]"
    column = 1 + 11 * 1000 + 1
    first, shown, pointer = refusal(text)
    assert first == f"expected {LAYER} at character {column}, got 'Z'"
    assert len(shown) <= 2 + 75
    assert shown[pointer.index("^")] == "Z"


@given(st.text(alphabet="CPFGASMD(),[]0123456789 \t\nx\u0663", max_size=40) | st.text(max_size=20))
@settings(deadline=None, derandomize=True, max_examples=300)
def test_whatever_comes_is_a_network_or_refused_with_a_true_pointer(text):
    try:
        network = parse(text)
    except IllegalArchitectureError:
        return  # layers that build no network: see below
    except NotationError as error:
        message = str(error)
    else:
        assert parse(str(network)) == network
        return
    first, shown, pointer = message.split("\n")
    column = int(first.split(" at character ")[1].split(",")[0])
    assert 1 <= column <= len(text) + 1
    assert len(pointer) == min(column - 1, 50) + 3
    assert len(shown) <= 2 + 75


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[C(64,3,1)]", "[C(64,3,1)]: a network must end with SM(classes); add it"),
        ("[GAP(10)]", "[GAP(10)]: a network must end with SM(classes); add it"),
        ("[D(1,1)]", "[]: a network must end with SM(classes); add it"),
        ("[SM(10), SM(10)]", "[SM(10), SM(10)]: nothing may follow SM(10), but SM(10) does"),
        (
            "[SM(10), C(8,3,1), SM(10)]",
            "[SM(10), C(8,3,1), SM(10)]: nothing may follow SM(10), but C(8,3,1) does",
        ),
        ("[GAP(9), FC(8), SM(9)]", "[GAP(9), FC(8), SM(9)]: only SM may follow GAP(9), but FC(8) does"),
        ("[GAP(9), GAP(9), SM(9)]", "[GAP(9), GAP(9), SM(9)]: only SM may follow GAP(9), but GAP(9) does"),
        (
            "[FC(8), C(8,3,1), SM(9)]",
            "[FC(8), C(8,3,1), SM(9)]: C(8,3,1) cannot follow FC(8), which leaves no image",
        ),
        ("[FC(8), P(2,2), SM(9)]", "[FC(8), P(2,2), SM(9)]: P(2,2) cannot follow FC(8), which leaves no image"),
        ("[FC(8), GAP(9), SM(9)]", "[FC(8), GAP(9), SM(9)]: GAP(9) cannot follow FC(8), which leaves no image"),
        (
            "[C(8,1,1)@2, SM(9)]",
            "[C(8,1,1)@2, SM(9)]: C(8,1,1)@2 is layer 1 and takes layer 2, which is not before it; name 0 (the image)",
        ),
        (
            "[C(8,1,1), P(2,2)@0+3, SM(9)]",
            "[C(8,1,1), P(2,2)@0+3, SM(9)]: P(2,2)@0+3 is layer 2 and takes layer 3, which is not before it; name 0 "
            "(the image) to 1",
        ),
        (
            "[GAP(10), SM(9)]",
            "[GAP(10), SM(9)]: GAP and SM must agree on the number of classes, got 9 and 10",
        ),
    ],
)
def test_layers_that_build_no_network(text, problem):
    with pytest.raises(IllegalArchitectureError) as error:
        parse(text)
    assert str(error.value) == problem


def test_no_layer_builds_no_network():
    with pytest.raises(IllegalArchitectureError, match=r"^\[\]: a network must end with SM\(classes\); add it$"):
        Architecture([])


def test_the_fixed_order_is_by_kind_then_by_numbers():
    layers = [*map(Softmax, (2,)), Pooling(2, 2), Convolution(128, 1), Pooling(2, 1), FullyConnected(8)]
    layers += [Convolution(64, 5), Convolution(64, 3), GlobalAveragePooling(2), Convolution(8, 5)]
    texts = [str(layer) for layer in sorted(layers, key=action_order)]
    assert " ".join(texts) == "C(8,5,1) C(64,3,1) C(64,5,1) C(128,1,1) P(2,1) P(2,2) FC(8) GAP(2) SM(2)"
