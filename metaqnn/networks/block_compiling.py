"""From the codes of a block to operations.

Source: Zhong et al. (CVPR 2018), section 3.1: a convolution is a ReLU, the convolution and batch normalisation; what
nobody takes is concatenated. Where the paper is silent: pooling has stride 1 and SAME padding, as everything in a block
keeps its sides; and what is added is widened by channels of zeros where it has fewer than another.
"""

from collections.abc import Callable

from metaqnn.networks import blocks
from metaqnn.networks.blocks import Block, Code
from metaqnn.networks.graph import GraphBuilder
from metaqnn.networks.operations.activation import Activation
from metaqnn.networks.operations.add import Add
from metaqnn.networks.operations.average_pooling import AveragePooling
from metaqnn.networks.operations.batch_normalization import BatchNormalization
from metaqnn.networks.operations.concatenate import Concatenate
from metaqnn.networks.operations.convolution import Convolution
from metaqnn.networks.operations.max_pooling import MaxPooling
from metaqnn.networks.operations.pad_channels import PadChannels


def add_block(builder: GraphBuilder, block: Block, filters: int, source: int, layer: int) -> int:
    """Add a block to a graph; returns the number of the node that gives what it gives.

    Args:
        builder: the graph.
        block: its codes.
        filters: of its convolutions.
        source: the node that it takes.
        layer: number of the layer of the architecture that it is.
    """
    rank, outputs = len(builder.shape(source)) - 1, [source]

    def add(operation, *inputs: int) -> int:
        return builder.add(operation, *inputs, layer=layer)

    for code in block:
        taken = [outputs[number] for number in code.predecessors]
        outputs.append(_node(code, filters, rank, taken, builder, add))
    given = [outputs[number] for number in block.unused]
    return given[0] if len(given) == 1 else add(Concatenate(), *given)


def _node(code: Code, filters: int, rank: int, taken: list[int], builder: GraphBuilder, add: Callable[..., int]) -> int:
    size, stride = (code.kernel,) * rank, (1,) * rank
    if code.type == blocks.CONVOLUTION:
        return add(
            BatchNormalization(), add(Convolution(filters, size, stride, has_bias=False), add(Activation(), *taken))
        )
    if code.type in (blocks.MAX_POOLING, blocks.AVERAGE_POOLING):
        pooling = MaxPooling if code.type == blocks.MAX_POOLING else AveragePooling
        return add(pooling(size, stride, "same"), *taken)
    if code.type == blocks.ADD:
        widest = max(builder.shape(node)[-1] for node in taken)
        return add(Add(), *(n if builder.shape(n)[-1] == widest else add(PadChannels(widest), n) for n in taken))
    if code.type == blocks.CONCATENATE:
        return add(Concatenate(), *taken)
    return taken[0]
