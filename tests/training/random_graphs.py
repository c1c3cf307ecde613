"""Random graphs over all operations, of images and of signals."""

from collections.abc import Callable

from metaqnn.errors import IllegalArchitectureError
from metaqnn.networks.graph import Graph, GraphBuilder
from metaqnn.networks.operations.activation import ACTIVATIONS, Activation
from metaqnn.networks.operations.add import Add
from metaqnn.networks.operations.average_pooling import AveragePooling
from metaqnn.networks.operations.batch_normalization import BatchNormalization
from metaqnn.networks.operations.concatenate import Concatenate
from metaqnn.networks.operations.convolution import Convolution
from metaqnn.networks.operations.dropout import Dropout
from metaqnn.networks.operations.flatten import Flatten
from metaqnn.networks.operations.fully_connected import FullyConnected
from metaqnn.networks.operations.global_average_pooling import GlobalAveragePooling
from metaqnn.networks.operations.max_pooling import MaxPooling
from metaqnn.networks.operations.multiply import Multiply
from metaqnn.networks.operations.operation import Operation
from metaqnn.networks.operations.pad import Pad
from metaqnn.networks.operations.pad_channels import PadChannels
from metaqnn.networks.operations.separable_convolution import SeparableConvolution
from metaqnn.seeding import Stream

SHAPES = [(9, 7, 2), (8, 8, 1), (12, 3), (15, 1)]
"""Of images and of signals."""

MOST_TRIES = 60


def random_graph(number: int) -> Graph:
    """A graph of some ten operations, chosen by the number; what cannot stand where it was drawn is drawn again."""
    stream = Stream(11, "graphs", number)

    def one(*choices):
        return choices[stream.integer(len(choices))]

    shape = one(*SHAPES)
    sides = len(shape) - 1
    builder = GraphBuilder(shape, tuple(map(str, range(MOST_TRIES + 3))))

    def each(*choices):
        return tuple(one(*choices) for _ in range(sides))

    makers: tuple[Callable[[], Operation], ...] = (
        lambda: Convolution(one(1, 3, 4), each(1, 2, 3, 5), each(1, 1, 2), (), one(*ACTIVATIONS), one(True, False)),
        lambda: Convolution(one(2, 3), each(2, 3), (1,) * sides, each(1, 2, 3), "relu"),
        lambda: SeparableConvolution(one(2, 4), each(1, 3), one(1, 2), one(*ACTIVATIONS), one(True, False)),
        lambda: MaxPooling(each(1, 2, 3), each(1, 2), one("valid", "same")),
        lambda: AveragePooling(each(1, 2, 3), each(1, 2), one("valid", "same")),
        lambda: BatchNormalization(),
        lambda: Activation(one(*ACTIVATIONS)),
        lambda: Dropout(one(0.25, 0.5)),
        lambda: Add(),
        lambda: Multiply(),
        lambda: Concatenate(),
        lambda: PadChannels(2 + stream.integer(6)),
        lambda: Pad(tuple(side + stream.integer(3) for side in shape[:-1])),
        lambda: FullyConnected(one(3, 5), one(*ACTIVATIONS), one(True, False)),
        lambda: Flatten(),
        lambda: GlobalAveragePooling(),
    )
    wanted = 3 + stream.integer(8)
    for layer in range(MOST_TRIES):
        if len(builder.nodes) > wanted:
            break
        operation = one(*makers)()
        count = 2 + stream.integer(2) if isinstance(operation, Add | Multiply | Concatenate) else 1
        inputs = [max(0, len(builder.nodes) - 1 - stream.integer(3)) for _ in range(count)]
        if _is_beyond_onednn(operation, builder.shape(inputs[0])):
            continue
        try:
            builder.add(operation, *inputs, layer=layer)
        except IllegalArchitectureError:
            continue
    # Whatever nobody took goes to the output.
    taken = {source for node in builder.nodes for source in node.inputs}
    ends = [number for number in range(len(builder.nodes)) if number not in taken]
    layer = MOST_TRIES
    for at, end in enumerate(ends):
        if len(builder.shape(end)) > 1:
            ends[at] = builder.add(one(Flatten(), GlobalAveragePooling()), end, layer=layer)
    last = builder.add(Concatenate(), *ends, layer=layer) if len(ends) > 1 else ends[0]
    builder.add(FullyConnected(3, is_output=True), last, layer=layer + 1)
    return builder.graph()


def _is_beyond_onednn(operation: Operation, shape: tuple[int, ...]) -> bool:
    """Whether oneDNN (of TensorFlow 2.21 and of PyTorch 2.13) would read memory that is not the image's.

    It does so, for Keras's layer too, where one channel is strided more along its width than along its height and a
    width of one is left: each run gives other numbers. Without oneDNN (`TF_ENABLE_ONEDNN_OPTS=0`) they are right.
    """
    if not isinstance(operation, Convolution) or len(shape) != 3 or shape[-1] != 1:
        return False
    height, width = operation.stride
    return width > height and shape[1] <= width
