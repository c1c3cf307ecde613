"""The paper's decision process, fact by fact (PAPER.md, "The decision process")."""

import itertools

import pytest
from contracts.spaces import facts, paper, small, tiny

from metaqnn.config import as_mapping, read_section
from metaqnn.errors import ConfigError, IllegalArchitectureError, NotationError
from metaqnn.networks.spaces.config import ConvolutionChoices, FullyConnectedChoices, Limits, SpaceConfig
from metaqnn.networks.spaces.layer_space import LayerSpace

CONVOLUTIONS = [f"C({d},{f},1)" for d in (64, 128, 256, 512) for f in (1, 3, 5)]
POOLS = ["P(2,2)", "P(3,2)", "P(5,3)"]
FULLY_CONNECTED = ["FC(128)", "FC(256)", "FC(512)"]
ENDS = ["GAP(10)", "SM(10)"]

# From 32: P(5,3) leaves 10, which is still in the top bin; then P(2,2) leaves 5, and again 2.
TOP_POOL = "C(64,3,1) P(5,3)"
MIDDLE_POOL = f"{TOP_POOL} C(64,3,1) P(2,2)"
LOWEST_POOL = f"{MIDDLE_POOL} C(64,3,1) P(2,2)"


def after(space, layers: str):
    """The state behind some layers, each of them legal."""
    state = space.initial_state()
    for wanted in layers.split():
        legal = {str(action): action for action in space.actions(state)}
        assert wanted in legal
        state = space.step(state, legal[wanted])
    return state


def legal(space, layers: str = "") -> list[str]:
    return list(map(str, space.actions(after(space, layers))))


# The choices of Table 1, bin by bin


def test_fourteen_actions_from_the_start():
    assert legal(paper()) == CONVOLUTIONS + ENDS
    assert len(legal(paper())) == 14


def test_the_top_bin():
    assert legal(paper(), "C(64,3,1)") == CONVOLUTIONS + POOLS + ENDS
    assert len(legal(paper(), "C(512,5,1)")) == 17
    assert legal(paper(), TOP_POOL) == CONVOLUTIONS + ENDS
    assert len(legal(paper(), TOP_POOL)) == 14


def test_the_middle_bin():
    fitting = [c for c in CONVOLUTIONS if ",5," not in c]
    assert legal(paper(), f"{MIDDLE_POOL} C(64,1,1)") == [*fitting, "P(2,2)", "P(3,2)", *FULLY_CONNECTED, *ENDS]
    assert len(legal(paper(), f"{MIDDLE_POOL} C(64,1,1)")) == 15
    assert legal(paper(), MIDDLE_POOL) == fitting + FULLY_CONNECTED + ENDS
    assert len(legal(paper(), MIDDLE_POOL)) == 13


def test_the_lowest_bin():
    fitting = [c for c in CONVOLUTIONS if ",1,1)" in c]
    for layers in (LOWEST_POOL, f"{LOWEST_POOL} C(64,1,1)"):
        assert legal(paper(), layers) == fitting + FULLY_CONNECTED + ENDS
        assert len(legal(paper(), layers)) == 9


def test_the_order_does_not_follow_the_file():
    shuffled = read_section(
        SpaceConfig,
        {
            "convolution": {"filters": [512, 64, 256, 128], "receptive_fields": [5, 1, 3]},
            "pooling": [[3, 2], [5, 3], [2, 2]],
            "fully_connected": {"neurons": [128, 512, 256]},
        },
        "space",
        "a.yaml",
    )
    space = LayerSpace(shuffled, facts(32, 32, 3, 10))
    assert list(map(str, space.all_actions)) == CONVOLUTIONS + POOLS + FULLY_CONNECTED + ENDS
    assert space.all_actions == paper().all_actions
    for layers in ("", "C(64,3,1)", TOP_POOL, MIDDLE_POOL, LOWEST_POOL, f"{MIDDLE_POOL} FC(512)"):
        assert legal(space, layers) == legal(paper(), layers)


@pytest.mark.parametrize(
    ("size", "convolutions"), [(8, 12), (9, 12), (100, 12), (7, 8), (4, 8), (5, 8), (3, 4), (1, 4)]
)
def test_a_receptive_field_fits_every_size_of_its_bin(size, convolutions):
    actions = legal(paper(side=size))
    assert len(actions) == convolutions + 2
    assert [a for a in actions if a.startswith("FC")] == []  # from the start there is none, however small the image


# Restrictions


def test_the_first_layer_is_no_pool_and_no_pool_follows_a_pool():
    space = paper()
    assert not set(POOLS) & set(legal(space))
    assert not set(POOLS) & set(legal(space, TOP_POOL))
    assert set(POOLS) <= set(legal(space, f"{TOP_POOL} C(64,1,1)"))


def test_fully_connected_layers_wait_for_sizes_below_eight():
    # 32 -> 15 -> 7 by P(3,2): ceil(30 / 2) and ceil(13 / 2).
    space = paper()
    assert not set(FULLY_CONNECTED) & set(legal(space, "C(64,3,1) P(3,2)"))
    assert set(FULLY_CONNECTED) <= set(legal(space, "C(64,3,1) P(3,2) C(64,3,1) P(3,2)"))
    assert not set(FULLY_CONNECTED) & set(legal(paper(side=8), "C(64,3,1)"))
    assert set(FULLY_CONNECTED) <= set(legal(paper(side=7), "C(64,3,1)"))


def test_fully_connected_layers_do_not_grow_and_are_two_in_a_row_at_most():
    space = paper(side=7)
    assert legal(space, "C(64,3,1) FC(512)") == ["FC(128)", "FC(256)", "FC(512)", "SM(10)"]
    assert legal(space, "C(64,3,1) FC(256)") == ["FC(128)", "FC(256)", "SM(10)"]
    assert legal(space, "C(64,3,1) FC(128)") == ["FC(128)", "SM(10)"]
    for first, second in [(512, 512), (512, 128), (128, 128)]:
        assert legal(space, f"C(64,3,1) FC({first}) FC({second})") == ["SM(10)"]


def test_more_in_a_row_where_the_file_says_so():
    space = paper(side=7, fully_connected=FullyConnectedChoices(max_in_row=3))
    assert legal(space, "C(64,3,1) FC(512) FC(256)") == ["FC(128)", "FC(256)", "SM(10)"]
    assert legal(space, "C(64,3,1) FC(512) FC(256) FC(256)") == ["SM(10)"]


def test_only_softmax_follows_global_average_pooling():
    for layers in ("GAP(10)", "C(64,3,1) GAP(10)", f"{LOWEST_POOL} GAP(10)"):
        assert legal(paper(), layers) == ["SM(10)"]


def test_without_global_average_pooling():
    space = paper(global_average_pooling=False)
    assert legal(space) == [*CONVOLUTIONS, "SM(10)"]
    assert "GAP(10)" not in map(str, space.all_actions)


def test_at_the_maximum_depth_only_softmax_is_left():
    space = paper(max_depth=3)
    assert legal(space, "C(64,3,1) C(64,3,1)") == CONVOLUTIONS + POOLS + ENDS
    assert legal(space, "C(64,3,1) C(64,3,1) C(64,3,1)") == ["SM(10)"]
    assert legal(space, "C(64,3,1) C(64,3,1) GAP(10)") == ["SM(10)"]
    assert space.max_steps == 4


@pytest.mark.parametrize("depth", [12, 18])
def test_the_paper_s_depths(depth):
    space = paper(max_depth=depth)
    deep = " ".join(["C(64,1,1)"] * (depth - 1))
    assert "GAP(10)" in legal(space, deep)
    assert legal(space, f"{deep} C(64,1,1)") == ["SM(10)"]
    assert space.max_steps == depth + 1


def test_a_depth_of_one():
    assert legal(paper(max_depth=1)) == CONVOLUTIONS + ENDS
    assert legal(paper(max_depth=1), "C(64,3,1)") == ["SM(10)"]


# States


@pytest.mark.parametrize(("field", "stride"), [(5, 3), (3, 2), (2, 2), (3, 5), (4, 4), (2, 1), (7, 2)])
def test_the_size_after_a_pool(field, stride):
    for size in range(field, 60):
        space = LayerSpace(
            SpaceConfig(
                convolution=ConvolutionChoices(receptive_fields=(1,)),
                pooling=((field, stride),),
                representation_bins=tuple(sorted({field, 1}, reverse=True)),
            ),
            facts(size, size + 3, 1, 2),
        )
        height, width, channels = after(space, f"C(64,1,1) P({field},{stride})").shape
        # One output for each place where the window fits.
        assert height == len(range(0, size - field + 1, stride)) == -(-(size - field + 1) // stride)
        assert width == len(range(0, size + 3 - field + 1, stride))
        assert channels == 64


@pytest.mark.parametrize(("size", "stride", "result"), [(32, 1, 32), (32, 2, 16), (9, 2, 5), (10, 4, 3), (1, 3, 1)])
def test_the_size_after_a_convolution(size, stride, result):
    space = LayerSpace(SpaceConfig(convolution=ConvolutionChoices((8,), (1,), (stride,))), facts(size, size, 1, 2))
    assert after(space, f"C(8,1,{stride})").shape == (result, result, 8)


@pytest.mark.parametrize(
    ("layers", "text"),
    [
        ("", "0:start:8+"),
        ("C(64,3,1)", "1:C(64,3,1):8+"),
        (MIDDLE_POOL, "4:P(2,2):4-7"),
        (LOWEST_POOL, "6:P(2,2):1-3"),
        (f"{LOWEST_POOL} FC(512)", "7:FC(512)x1"),
        (f"{LOWEST_POOL} FC(512) FC(512)", "8:FC(512)x2"),
        ("GAP(10)", "1:GAP(10)x1"),
        ("GAP(10) SM(10)", "2:SM(10)x1"),
    ],
)
def test_what_the_agent_sees(layers, text):
    space = paper()
    assert str(space.key(after(space, layers))) == text


def test_the_true_size_is_hidden_in_its_bin():
    # 32 -> 15 -> 7 and 32 -> 16 -> 8 -> 4 differ in size, but a state of one depth and layer is one state.
    space = paper()
    seven = after(space, "C(64,3,1) P(3,2) C(64,3,1) P(3,2) C(64,3,1) C(64,3,1)")
    four = after(space, "C(64,3,1) P(2,2) C(64,3,1) P(5,3) C(64,3,1) C(64,3,1)")
    assert (seven.shape[0], four.shape[0]) == (7, 4)
    assert space.key(seven) == space.key(four)
    assert space.actions(seven) == space.actions(four)


def test_the_shorter_side_decides():
    oblong = LayerSpace(SpaceConfig(), facts(32, 7, 3, 10))
    assert str(oblong.key(oblong.initial_state())) == "0:start:4-7"
    assert legal(oblong) == legal(paper(side=7))
    assert set(FULLY_CONNECTED) <= set(legal(oblong, "C(64,3,1)"))


def test_bins_of_one_s_own():
    space = paper(representation_bins=(30, 1))
    assert str(space.key(after(space, "C(64,1,1)"))) == "1:C(64,1,1):30+"
    assert str(space.key(after(space, "C(64,1,1) P(2,2)"))) == "2:P(2,2):1-29"
    # The lower bin reaches up to 29, so no fully connected layer is "below 8" there.
    assert legal(space, "C(64,1,1) P(2,2)") == [c for c in CONVOLUTIONS if ",1,1)" in c] + ENDS


def test_fully_connected_layers_need_every_size_of_the_bin_below_the_bound():
    # A bin from 1 to 8 holds the size 8, which is not below 8; a bin from 1 to 7 does not.
    for bins, allowed in (((9, 1), False), ((8, 1), True)):
        space = paper(side=7, representation_bins=bins)
        assert set(FULLY_CONNECTED).issubset(legal(space, "C(64,1,1)")) is allowed


def test_a_terminal_state_is_one_behind_the_softmax():
    space = paper()
    assert not space.is_terminal(space.initial_state())
    assert not space.is_terminal(after(space, "C(64,3,1) GAP(10)"))
    assert space.is_terminal(after(space, "C(64,3,1) SM(10)"))


def test_an_image_without_any_pixel():
    with pytest.raises(ValueError, match=r"^a representation size is at least 1, got 0$"):
        paper(side=0).actions(paper(side=0).initial_state())


# All networks of a tiny space


def networks(space, state=None) -> list[str]:
    state = space.initial_state() if state is None else state
    if space.is_terminal(state):
        return [space.format(state.layers)]
    return list(
        itertools.chain.from_iterable(networks(space, space.step(state, action)) for action in space.actions(state))
    )


def test_every_network_of_a_tiny_space():
    assert networks(tiny()) == [
        "[C(8,1,1), C(8,1,1), SM(3)]",
        "[C(8,1,1), P(2,2), SM(3)]",
        "[C(8,1,1), GAP(3), SM(3)]",
        "[C(8,1,1), SM(3)]",
        "[GAP(3), SM(3)]",
        "[SM(3)]",
    ]


def test_the_networks_of_a_small_space_are_counted_by_hand():
    # From the start: 4 convolutions, GAP, SM. At depth 3 only SM. Sizes: 8, and 4 behind a pool.
    # Behind C at depth 1: 4 C, P, GAP, SM. Behind C C: 4 C, P, GAP, SM, each then complete: 7.
    # Behind C P at depth 2 (size 4, middle bin): 4 C, 2 FC, GAP, SM: 8.
    behind_one_convolution = 4 * 7 + 8 + 1 + 1
    assert len(networks(small())) == 4 * behind_one_convolution + 1 + 1 == 154
    assert len(set(networks(small()))) == 154


# Architectures of the space, and those that are none


def test_a_trajectory_holds_states_actions_and_choices():
    space = small()
    trajectory = space.trajectory("C(8,3,1), P(2,2), FC(16), SM(3)")
    assert trajectory.architecture == "[C(8,3,1), P(2,2), FC(16), SM(3)]"
    assert [(step.state, step.action) for step in trajectory.steps] == [
        ("0:start:8+", "C(8,3,1)"),
        ("1:C(8,3,1):8+", "P(2,2)"),
        ("2:P(2,2):4-7", "FC(16)"),
        ("3:FC(16)x1", "SM(3)"),
    ]
    convolutions = ("C(8,1,1)", "C(8,3,1)", "C(16,1,1)", "C(16,3,1)")
    assert [step.choices for step in trajectory.steps] == [
        (*convolutions, "GAP(3)", "SM(3)"),
        (*convolutions, "P(2,2)", "GAP(3)", "SM(3)"),
        (*convolutions, "FC(8)", "FC(16)", "GAP(3)", "SM(3)"),
        ("SM(3)",),
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[P(2,2), SM(3)]", "P(2,2) is not legal in state 0:start:8+; legal there: C(8,1,1), C(8,3,1), C(16,1,1), "),
        ("[C(8,5,1), SM(3)]", "C(8,5,1) is not legal in state 0:start:8+; legal there: C(8,1,1), "),
        ("[C(8,3,1), SM(4)]", "SM(4) is not legal in state 1:C(8,3,1):8+; legal there: C(8,1,1), "),
        ("[C(8,3,1), FC(16), SM(3)]", "FC(16) is not legal in state 1:C(8,3,1):8+; legal there: "),
        (
            "[C(8,3,1), C(8,3,1), C(8,3,1), C(8,3,1), SM(3)]",
            "C(8,3,1) is not legal in state 3:C(8,3,1):8+; legal there: SM(3)",
        ),
    ],
)
def test_an_architecture_that_the_space_does_not_contain(text, problem):
    with pytest.raises(IllegalArchitectureError) as error:
        small().trajectory(text)
    assert str(error.value).startswith(f"{text}: {problem}")


def test_a_text_that_is_no_architecture():
    with pytest.raises(NotationError, match="at character 2, got 'X'"):
        small().trajectory("[X(1)]")


# Limits


def test_limits_leave_out_what_would_exceed_them():
    # [C(16,3,1), SM(3)] has 9 * 16 + 16 + 8 * 8 * 16 * 3 + 3 = 3,235 parameters, C(8,3,1) half of that and less.
    space = small(limits=Limits(parameters=3000))
    assert legal(space) == ["C(8,1,1)", "C(8,3,1)", "GAP(3)", "SM(3)"]
    space = small(limits=Limits(parameters=3235))
    assert legal(space) == ["C(8,1,1)", "C(8,3,1)", "C(16,1,1)", "C(16,3,1)", "GAP(3)", "SM(3)"]
    space = small(limits=Limits(parameters=3234))
    assert legal(space) == ["C(8,1,1)", "C(8,3,1)", "C(16,1,1)", "GAP(3)", "SM(3)"]


def test_a_limit_of_flops():
    # C(8,3,1): 2 * 64 * 9 * 8 = 9,216 FLOPs, and SM(3) behind it 2 * 512 * 3 = 3,072.
    assert "C(8,3,1)" in legal(small(limits=Limits(flops=12_288)))
    assert "C(8,3,1)" not in legal(small(limits=Limits(flops=12_287)))


def test_limits_look_at_this_path_not_at_the_state():
    # 1,024 + 8,192 FLOPs so far on the one path, 2,048 + 16,384 on the other: the same state of the agent.
    space = small(limits=Limits(flops=25_000))
    cheap, dear = "C(8,1,1) C(8,1,1)", "C(16,1,1) C(8,1,1)"
    assert space.key(after(space, cheap)) == space.key(after(space, dear))
    # One more C(8,1,1) and the softmax are 8,192 + 3,072 further.
    assert legal(space, cheap) == ["C(8,1,1)", "P(2,2)", "GAP(3)", "SM(3)"]
    assert legal(space, dear) == ["P(2,2)", "GAP(3)", "SM(3)"]


def test_an_architecture_over_the_limit_is_not_of_the_space():
    with pytest.raises(IllegalArchitectureError, match=r"C\(16,3,1\) is not legal in state 0:start:8\+"):
        small(limits=Limits(parameters=3000)).trajectory("[C(16,3,1), SM(3)]")


def test_a_limit_that_softmax_alone_exceeds():
    # 8 * 8 * 3 + 3 = 195 parameters, 2 * 192 = 384 FLOPs.
    with pytest.raises(ConfigError) as error:
        small(limits=Limits(parameters=194))
    assert str(error.value) == (
        "space.limits: [SM(3)] alone has 195 parameters and 384 FLOPs, over the limit; raise space.limits"
    )
    assert legal(small(limits=Limits(parameters=195))) == ["GAP(3)", "SM(3)"]


def test_a_limit_that_global_average_pooling_alone_exceeds():
    # 1 * 3 + 3 + 3 * 3 + 3 = 18 parameters; 2 * 64 * 3 + 2 * 9 = 402 FLOPs, against 384 of the softmax alone.
    with pytest.raises(ConfigError) as error:
        small(limits=Limits(flops=401))
    assert str(error.value) == (
        "space.limits: [GAP(3), SM(3)] alone has 18 parameters and 402 FLOPs, over the limit; "
        "raise space.limits or set space.global_average_pooling to false"
    )
    assert legal(small(limits=Limits(flops=401), global_average_pooling=False)) == ["SM(3)"]


# The section of the file


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({"max_depth": 0}, "max_depth: expected at least 1 layer before SM, got 0"),
        (
            {"max_depth": 10**9, "skip_connections": True},
            "max_depth: expected at most 10,000 layers with skip connections, got 1000000000",
        ),
        ({"name": "chains"}, "name: 'chains' is not one of its values; valid names are layers"),
        ({"convolution": {"filters": []}}, "convolution.filters: expected at least one number, got []"),
        ({"convolution": {"filters": [8, 0]}}, "convolution.filters: expected numbers of at least 1, got [8, 0]"),
        ({"convolution": {"strides": [2, 2]}}, "convolution.strides: expected different numbers, got [2, 2]"),
        (
            {"convolution": {"receptive_fields": [-1]}},
            "convolution.receptive_fields: expected numbers of at least 1, got [-1]",
        ),
        (
            {"convolution": {"filters": [*range(1, 3001)], "receptive_fields": [*range(1, 3001)]}},
            "convolution.filters: expected at most 10,000 convolutions in all, got 9000000",
        ),
        ({"pooling": [[0, 2]]}, "pooling: expected pairs [receptive field, stride] of at least 1, got [0, 2]"),
        ({"pooling": [[2, 2], [2, 2]]}, "pooling: expected different pairs, got ((2, 2), (2, 2))"),
        ({"fully_connected": {"neurons": [8, 8]}}, "fully_connected.neurons: expected different numbers, got [8, 8]"),
        ({"fully_connected": {"max_in_row": 0}}, "fully_connected.max_in_row: expected at least 1, got 0"),
        ({"fully_connected": {"below_size": 1}}, "fully_connected.below_size: expected at least 2, got 1"),
        (
            {"representation_bins": [8, 4]},
            "representation_bins: expected the lower edges of the bins, descending to 1, got [8, 4]",
        ),
        (
            {"representation_bins": [4, 8, 1]},
            "representation_bins: expected the lower edges of the bins, descending to 1, got [4, 8, 1]",
        ),
        (
            {"representation_bins": []},
            "representation_bins: expected the lower edges of the bins, descending to 1, got []",
        ),
        ({"limits": {"parameters": 0}}, "limits.parameters: expected at least 1, or nothing, got 0"),
        ({"limits": {"flops": -5}}, "limits.flops: expected at least 1, or nothing, got -5"),
    ],
)
def test_a_section_that_is_refused(content, problem):
    with pytest.raises(ConfigError) as error:
        read_section(SpaceConfig, content, "space", "a.yaml")
    assert str(error.value) == f"a.yaml: space.{problem}"


def test_the_defaults_are_the_paper_s():
    assert as_mapping(SpaceConfig()) == {
        "name": "layers",
        "max_depth": 18,
        "convolution": {
            "filters": [64, 128, 256, 512],
            "receptive_fields": [1, 3, 5],
            "strides": [1],
            "activations": ["relu"],
        },
        "separable_convolution": None,
        "pooling": [[5, 3], [3, 2], [2, 2]],
        "average_pooling": [],
        "batch_normalization": False,
        "fully_connected": {"neurons": [512, 256, 128], "max_in_row": 2, "below_size": 8, "activations": ["relu"]},
        "global_average_pooling": True,
        "representation_bins": [8, 4, 1],
        "limits": {"parameters": None, "flops": None},
        "minimum_convolutions": 0,
        "one_dimensional": False,
        "skip_connections": False,
    }


def test_no_pools_and_no_fully_connected_layers():
    config = read_section(SpaceConfig, {"pooling": [], "fully_connected": {"neurons": []}}, "space", "a.yaml")
    assert (
        legal(LayerSpace(config, facts(5, 5, 3, 10)), "C(64,1,1)") == [c for c in CONVOLUTIONS if ",5," not in c] + ENDS
    )
