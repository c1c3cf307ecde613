"""Networks of other papers, and the sizes that these state."""

import pytest

from metaqnn.networks.architecture import parse
from metaqnn.networks.compiling import compile_network
from metaqnn.networks.spaces.config import ConvolutionChoices, FullyConnectedChoices, SpaceConfig
from metaqnn.networks.spaces.layer_space import LayerSpace

# Zoph & Le (ICLR 2017), figure 7: the network without strides and pooling; filters, height x width, and which layers
# each one takes.
NAS_RL = (
    "[C(36,3,1), C(48,3,1), C(36,3,1)@1+2, C(36,5,1)@1+2+3, C(48,3x7,1)@3+4, C(48,7,1)@2+3+4+5, C(48,7,1)@2+3+4+5+6, "
    "C(36,7x3,1)@1+6+7, C(36,7x1,1)@1+5+6+8, C(36,7,1)@1+3+4+5+6+7+8+9, C(36,5x7,1)@1+2+5+6+7+8+9+10, "
    "C(48,7,1)@1+2+3+4+6+11, C(48,7x5,1)@1+3+6+7+8+9+10+11+12, C(48,7x5,1)@3+7+12+13, C(48,7x5,1)@6+7+11+12+13+14, "
    "GP, SM(10)]"
)


def test_the_network_of_nas_rl_has_the_parameters_that_its_paper_states():
    graph = compile_network(parse(NAS_RL), (32, 32, 3), batch_normalization=True)
    assert sum(len(node.inputs) > 1 for node in graph.nodes) == 13  # all but the first two layers join several outputs
    # Table 1 says 4.2 M. The average over all positions before the softmax is what makes it so: a softmax over all
    # 49,152 numbers would have 491,530 weights and biases in place of 490.
    assert graph.parameters == pytest.approx(4.2e6, rel=0.001)


def test_the_network_of_nas_rl_is_in_the_space_of_its_experiment():
    options = SpaceConfig(
        max_depth=15,
        convolution=ConvolutionChoices((24, 36, 48, 64), (1, 3, 5, 7)),
        pooling=(),
        fully_connected=FullyConnectedChoices(()),
        skip_connections=True,
    )
    space = LayerSpace(options, {"input_shape": (32, 32, 3), "classes": 10})
    assert space.trajectory(NAS_RL).architecture == NAS_RL
    assert len(space.trajectory(NAS_RL).steps) == 15 * 4 + 15 * 14 // 2 + 2
