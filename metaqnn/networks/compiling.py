"""From an architecture to its graph of operations: what every layer of the notation stands for."""

from functools import lru_cache

from metaqnn.networks import layers as notation
from metaqnn.networks.architecture import Architecture
from metaqnn.networks.dropout import dropout_rates
from metaqnn.networks.graph import Graph, GraphBuilder
from metaqnn.networks.operations.activation import Activation, ActivationName
from metaqnn.networks.operations.batch_normalization import BatchNormalization
from metaqnn.networks.operations.convolution import Convolution
from metaqnn.networks.operations.dropout import Dropout
from metaqnn.networks.operations.flatten import Flatten
from metaqnn.networks.operations.fully_connected import FullyConnected
from metaqnn.networks.operations.global_average_pooling import GlobalAveragePooling
from metaqnn.networks.operations.max_pooling import MaxPooling
from metaqnn.networks.operations.operation import Operation, Shape


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
    builder, last = GraphBuilder(input_shape, tuple(map(str, architecture))), 0
    for number, layer in enumerate(architecture):
        last = add_layer(builder, layer, last, number, batch_normalization)
        if number in rates:
            last = builder.add(Dropout(rates[number]), last, layer=number)
    return builder.graph()


def add_layer(builder: GraphBuilder, layer: notation.Layer, source: int, number: int, batch_normalization: bool) -> int:
    """Add the operations that a layer stands for to a graph; returns the number of the last one."""
    rank = len(builder.shape(source)) - 1

    def add(operation: Operation, *inputs: int) -> int:
        return builder.add(operation, *inputs, layer=number)

    def normalised(make: type, *sizes: object, activation: ActivationName = "relu", inputs: int) -> int:
        if not batch_normalization:
            return add(make(*sizes, activation=activation), inputs)
        return add(Activation(activation), add(BatchNormalization(), add(make(*sizes, has_bias=False), inputs)))

    # An image may come in; on a vector these are refused, by an operation of one side at least.
    square = max(rank, 1)
    if isinstance(layer, notation.Convolution):
        size, stride = (layer.receptive_field,) * square, (layer.stride,) * square
        return normalised(Convolution, layer.filters, size, stride, inputs=source)
    if isinstance(layer, notation.Pooling):
        return add(MaxPooling((layer.receptive_field,) * square, (layer.stride,) * square), source)
    if isinstance(layer, notation.GlobalAveragePooling):
        convolved = add(Convolution(layer.classes, (1,) * square, (1,) * square, activation="relu"), source)
        return add(GlobalAveragePooling(), convolved)
    flat = source if rank == 0 else add(Flatten(), source)
    if isinstance(layer, notation.FullyConnected):
        return normalised(FullyConnected, layer.neurons, inputs=flat)
    return add(FullyConnected(layer.classes, is_output=True), flat)
