"""A network as an immutable graph of operations, from which all that is known of it is read.

Its costs, the memory of its training, its picture, its Keras model, the fast engine's network and its ONNX graph.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from metaqnn.errors import IllegalArchitectureError
from metaqnn.networks.operations.operation import Input, Operation, Shape


@dataclass(frozen=True)
class Node:
    """An operation in its place.

    Attributes:
        operation: what it does.
        inputs: numbers of the nodes whose outputs it takes, in order; all smaller than its own.
        shape: of what it gives for one image.
        layer: number, from 0, of the layer of the architecture that it belongs to; its weights and dropout masks are
            drawn by it. That of the input is -1.
    """

    operation: Operation
    inputs: tuple[int, ...]
    shape: Shape
    layer: int


@dataclass(frozen=True)
class Graph:
    """A network: the first node is its input, the last one its output, and each comes after those that it takes.

    Attributes:
        nodes: in the order in which they are computed.
        layers: texts of the layers of the architecture, which nodes name by their number.
    """

    nodes: tuple[Node, ...]
    layers: tuple[str, ...]

    @property
    def input_shape(self) -> Shape:
        """(height, width, channels) of an image, or (length, channels) of a signal."""
        return self.nodes[0].shape

    @property
    def is_chain(self) -> bool:
        """Whether every node takes the one before it alone."""
        return all(node.inputs == (number - 1,) for number, node in enumerate(self.nodes) if number)

    def shapes_into(self, node: Node) -> tuple[Shape, ...]:
        """The shapes of what a node takes."""
        return tuple(self.nodes[number].shape for number in node.inputs)

    def computed(self) -> Iterator[tuple[int, Node]]:
        """Every node but the input, with its number."""
        return iter(list(enumerate(self.nodes))[1:])

    @property
    def parameters(self) -> int:
        """Numbers in all weights, as Keras's `count_params()` counts."""
        return sum(node_parameters(self, node) for _, node in self.computed())

    @property
    def flops(self) -> int:
        """Operations of one image's forward pass."""
        return sum(node.operation.flops(*self.shapes_into(node)) for _, node in self.computed())


def node_parameters(graph: Graph, node: Node) -> int:
    """Numbers in the weights of one node."""
    total = 0
    for weight in node.operation.weights(*graph.shapes_into(node)):
        count = 1
        for extent in weight.shape:
            count *= extent
        total += count
    return total


class GraphBuilder:
    """A graph that grows node by node.

    Args:
        input_shape: of an image or a signal.
        layers: texts of the layers, by which errors name them.
    """

    def __init__(self, input_shape: Shape, layers: tuple[str, ...]):
        shape = tuple(input_shape)
        self.layers = layers
        self.nodes = [Node(Input(shape), (), shape, -1)]

    def shape(self, number: int) -> Shape:
        """What a node gives."""
        return self.nodes[number].shape

    def add(self, operation: Operation, *inputs: int, layer: int) -> int:
        """Add a node that takes the outputs of others; returns its number.

        Raises:
            IllegalArchitectureError: the operation cannot stand on them.
        """
        try:
            shape = operation.shape(*(self.nodes[number].shape for number in inputs))
        except IllegalArchitectureError as error:
            raise IllegalArchitectureError(f"{self.layers[layer]} {error}") from None
        self.nodes.append(Node(operation, inputs, shape, layer))
        return len(self.nodes) - 1

    def graph(self) -> Graph:
        """What was built."""
        return Graph(tuple(self.nodes), self.layers)
