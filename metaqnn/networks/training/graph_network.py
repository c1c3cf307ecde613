"""A network's graph by the primitives of a backend, a few for each node: the fast engines' own network."""

from typing import Any

import numpy as np

from metaqnn.networks.graph import Graph
from metaqnn.networks.operations.dropout import Dropout
from metaqnn.networks.operations.operation import Run
from metaqnn.networks.primitives.primitives import Primitives
from metaqnn.networks.training.network import weight_seed
from metaqnn.seeding import integer_seed


class GraphNetwork:
    """A graph with its weights, which begin as those of a `KerasNetwork` do.

    Args:
        graph: of the network.
        seed: weights and dropout derive from it, the attempt and the layer's number.
        attempt: from 1.
        primitives: what computes; weights are in single precision, whatever the nodes compute in.

    Attributes:
        weights: variables of each node that has any, by its number.
        trained: the weights that an optimizer changes, in order.
        decaying: those of them that weight decay pulls to zero.
        running: the others, which are measured.
        dropout_seeds: of each node that draws masks, by its number.
    """

    def __init__(self, graph: Graph, seed: int, attempt: int, primitives: Primitives):
        self.graph, self.primitives = graph, primitives
        self.weights: dict[int, list[Any]] = {}
        self.trained: list[Any] = []
        self.decaying: list[Any] = []
        self.running: list[Any] = []
        self.dropout_seeds: dict[int, int] = {}
        for number, node in graph.computed():
            if isinstance(node.operation, Dropout):
                self.dropout_seeds[number] = integer_seed(seed, "dropout", attempt, node.layer)
            for part, weight in enumerate(node.operation.weights(*graph.shapes_into(node))):
                if weight.initial == "glorot":
                    numbers = primitives.glorot_uniform(weight_seed(seed, attempt, node.layer, part), weight.shape)
                else:
                    numbers = np.full(weight.shape, 0 if weight.initial == "zeros" else 1, np.float32)
                variable = primitives.variable(numbers, weight.is_trained)
                self.weights.setdefault(number, []).append(variable)
                (self.trained if weight.is_trained else self.running).append(variable)
                self.decaying += [variable] if weight.decays else []

    def logits(self, images: Any, step: Any = None) -> Any:
        """What the network gives of preprocessed images, in single precision.

        Args:
            images: a tensor (N, height, width, channels).
            step: of training, from 0, a whole number or a tensor; picks the dropout masks. None is use.
        """
        primitives = self.primitives
        values = [primitives.to_compute(images)]
        for number, node in self.graph.computed():
            operation, weights = node.operation, self.weights.get(number, [])
            if operation.casts_weights:
                weights = [primitives.to_compute(variable) for variable in weights]
            run = Run(primitives, step, self.dropout_seeds.get(number, 0))
            values.append(operation.run(run, weights, *(values[source] for source in node.inputs)))
        return primitives.to_single(values[-1])

    def numpy_weights(self) -> list[np.ndarray]:
        """All weights in the order of the nodes, as `KerasNetwork.get_weights` has them."""
        return [self.primitives.numpy(variable) for arrays in self.weights.values() for variable in arrays]
