"""Pictures of what takes what."""

from metaqnn.core import QValue
from metaqnn.networks.architecture import parse
from metaqnn.networks.compiling import compile_network
from metaqnn.reports.networks.diagrams import diagram_of, legend
from metaqnn.reports.networks.domain import NetworkDomain
from metaqnn.reports.networks.wiring import STEP, wiring_of

SKIPS = "[C(8,3,1), C(4,1,1)@0, C(8,3,1)@1+2, GP, SM(2)]"
BLOCKS = "{(1,1,3,0,0), (2,5,0,0,1), (3,2,3,1,0)} [C(8,3,1), B(8), GP, SM(2)]"


def wiring(text: str):
    return wiring_of(parse(text), compile_network(parse(text), (8, 8, 3)))


def spans(text: str) -> list[tuple[int, int]]:
    """The ends of each arc as numbers of parts."""
    drawn = wiring(text)
    places = [part.x for part in drawn.parts]
    return [(places.index(arc.start), places.index(arc.end)) for arc in drawn.arcs]


def test_a_chain_has_no_wiring():
    assert wiring("[C(8,3,1), P(2,2), FC(8), SM(2)]") is None
    assert diagram_of("[C(8,3,1), SM(2)]", (8, 8, 3)).wiring is None


def test_each_input_of_a_layer_is_an_arc():
    assert spans(SKIPS) == [(0, 1), (0, 2), (1, 3), (2, 3), (3, 4), (4, 5)]
    drawn = wiring(SKIPS)
    assert [arc.rise > 0 for arc in drawn.arcs] == [False, True, True, False, False, False]
    assert drawn.parts[1].x - drawn.parts[0].x == STEP
    assert drawn.alternative.startswith(
        "Inputs of each layer: 1 C(8,3,1) takes 0; 2 C(4,1,1) takes 0; 3 C(8,3,1) takes 1, 2; "
    )


def test_outputs_that_nobody_takes_go_to_the_end():
    assert (1, 4) in spans("[C(8,3,1), C(4,1,1)@0, C(8,3,1)@2, GP, SM(2)]")


def test_a_block_is_drawn_by_its_codes():
    assert spans(BLOCKS) == [(0, 1), (0, 2), (1, 2), (1, 3), (2, 4), (3, 4)]
    assert [part.kind for part in wiring(BLOCKS).parts] == [
        "input",
        "convolution 3x3",
        "add",
        "max pooling 3x3",
        "output",
    ]


def test_a_legend_has_what_is_drawn():
    assert [code for code, _, _ in legend([diagram_of(BLOCKS, (8, 8, 3))])] == ["C", "B", "GP", "SM"]


def test_q_values_of_decisions_and_codes_are_grouped():
    def groups(*actions: str) -> list[str]:
        entries = [QValue(f"{place}:x", action, 0.5, 1) for place, action in enumerate(actions)]
        return [line.label for line in NetworkDomain().values(3, entries).groupings[0].lines]

    assert groups("C(8,3,1)", "P(2,2)", "C(8,3,1,selu)", "SM(2)") == ["C", "P", "SM"]
    assert groups("C", "@1", "@2", "-", "filters 8", "height 3") == ["-", "C", "filters", "height", "join"]
    assert groups("(1,1,3,0,0)", "(2,5,0,0,1)", "(3,7,0,0,0)") == ["1", "5", "7"]
