"""From an architecture to its graph of operations: what every layer of the notation stands for."""

from collections.abc import Sequence
from functools import lru_cache
from typing import cast

from metaqnn.networks import layers as notation
from metaqnn.networks.architecture import Architecture
from metaqnn.networks.block_compiling import add_block
from metaqnn.networks.dropout import dropout_rates
from metaqnn.networks.graph import Graph, GraphBuilder
from metaqnn.networks.layers import Body, sides
from metaqnn.networks.operations.activation import Activation, ActivationName
from metaqnn.networks.operations.average_pooling import AveragePooling
from metaqnn.networks.operations.batch_normalization import BatchNormalization
from metaqnn.networks.operations.concatenate import Concatenate
from metaqnn.networks.operations.convolution import Convolution
from metaqnn.networks.operations.dropout import Dropout
from metaqnn.networks.operations.flatten import Flatten
from metaqnn.networks.operations.fully_connected import FullyConnected
from metaqnn.networks.operations.global_average_pooling import GlobalAveragePooling
from metaqnn.networks.operations.max_pooling import MaxPooling
from metaqnn.networks.operations.operation import Operation, Shape
from metaqnn.networks.operations.pad import Pad
from metaqnn.networks.operations.separable_convolution import SeparableConvolution


@lru_cache(256)  # what is trained is asked for its memory, its weights and its model one after another
def compile_network(
    architecture: Architecture, input_shape: Shape, has_dropout: bool = False, batch_normalization: bool = False
) -> Graph:
    """The graph of a network over images or signals of a shape.

    Args:
        architecture: its layers.
        input_shape: (height, width, channels), or (length, channels).
        has_dropout: whether dropout i / (2n) follows every two layers.
        batch_normalization: whether it stands between every convolution or fully connected layer and its ReLU, in
            place of the bias (Ioffe & Szegedy, 2015).

    Raises:
        IllegalArchitectureError: the network cannot stand on that shape.
    """
    rates = dropout_rates(architecture) if has_dropout else {}
    builder = GraphBuilder(input_shape, tuple(map(str, architecture)))
    outputs, taken = [0], set[int]()  # the node of the image and of every layer; layers whose outputs another one takes
    is_image = True
    for number, layer in enumerate(architecture):
        sources = layer.inputs or (number,)
        if is_image and not isinstance(layer, Body):
            is_image, sources = False, tuple(sorted({*range(1, number + 1)} - taken)) or (0,)
        taken.update(sources)
        source = join(builder, [outputs[each] for each in sources], number)
        last = add_layer(builder, layer, source, number, batch_normalization)
        outputs.append(builder.add(Dropout(rates[number]), last, layer=number) if number in rates else last)
    return builder.graph()


def join(builder: GraphBuilder, nodes: Sequence[int], layer: int) -> int:
    """All channels of some nodes beside each other, smaller images with zeros around them; returns the node.

    As in Zoph & Le (ICLR 2017), section 3.3.
    """
    if len(nodes) == 1:
        return nodes[0]
    largest = tuple(map(max, *(builder.shape(node)[:-1] for node in nodes)))
    padded = [
        node if builder.shape(node)[:-1] == largest else builder.add(Pad(largest), node, layer=layer) for node in nodes
    ]
    return builder.add(Concatenate(), *padded, layer=layer)


def add_layer(builder: GraphBuilder, layer: notation.Layer, source: int, number: int, batch_normalization: bool) -> int:
    """Add the operations that a layer stands for to a graph; returns the number of the last one."""
    rank = len(builder.shape(source)) - 1

    def add(operation: Operation, *inputs: int) -> int:
        return builder.add(operation, *inputs, layer=number)

    def normalised(make: type, *sizes: object, activation: str, inputs: int) -> int:
        if not batch_normalization:
            return add(make(*sizes, activation=activation), inputs)
        kernel = add(make(*sizes, has_bias=False), inputs)
        return add(Activation(cast(ActivationName, activation)), add(BatchNormalization(), kernel))

    # An image may come in; on a vector these are refused, by an operation of one side at least.
    square = max(rank, 1)
    if isinstance(layer, notation.Convolution):
        size, stride = sides(layer.receptive_field, square), sides(layer.stride, square)
        return normalised(Convolution, layer.filters, size, stride, activation=layer.activation, inputs=source)
    if isinstance(layer, notation.SeparableConvolution):
        size = sides(layer.receptive_field, square)
        kernel = (layer.filters, size, layer.stride)
        return normalised(SeparableConvolution, *kernel, activation=layer.activation, inputs=source)
    if isinstance(layer, notation.Pooling | notation.AveragePooling):
        pooling = MaxPooling if isinstance(layer, notation.Pooling) else AveragePooling
        return add(pooling(sides(layer.receptive_field, square), sides(layer.stride, square)), source)
    if isinstance(layer, notation.BlockLayer):
        return add_block(builder, layer.block, layer.filters, source, number)
    if isinstance(layer, notation.BatchNormalization):
        return add(BatchNormalization(), source)
    if isinstance(layer, notation.GlobalAveragePooling):
        convolved = add(Convolution(layer.classes, (1,) * square, (1,) * square, activation="relu"), source)
        return add(GlobalAveragePooling(), convolved)
    if isinstance(layer, notation.PositionAverage):
        return add(GlobalAveragePooling(), source)
    flat = source if rank == 0 else add(Flatten(), source)
    if isinstance(layer, notation.FullyConnected):
        return normalised(FullyConnected, layer.neurons, activation=layer.activation, inputs=flat)
    return add(FullyConnected(layer.classes, is_output=True), flat)
