"""A network's graph by plain operations of TensorFlow, a few for each node: the fast engine's own network."""

from typing import Any

import numpy as np

from metaqnn.networks.graph import Graph
from metaqnn.networks.operations.dropout import Dropout
from metaqnn.networks.operations.operation import INFERENCE, Run
from metaqnn.networks.training.network import weight_seed
from metaqnn.seeding import integer_seed


class TensorFlowNetwork:
    """A graph with its weights, which begin as those of a `KerasNetwork` do.

    Args:
        graph: of the network.
        seed: weights and dropout derive from it, the attempt and the layer's number.
        attempt: from 1.
        compute_type: TensorFlow's type that nodes compute in; weights are in single precision. None is that, too.

    Attributes:
        trained: the weights that an optimizer changes, in order.
        decaying: those of them that weight decay pulls to zero.
    """

    def __init__(self, graph: Graph, seed: int, attempt: int, compute_type: Any = None):
        import tensorflow as tf
        from keras import initializers

        self.graph, self.compute_type = graph, compute_type or tf.float32
        self.weights: dict[int, list[Any]] = {}
        self.trained: list[Any] = []
        self.decaying: list[Any] = []
        self._dropout_seeds: dict[int, int] = {}
        for number, node in graph.computed():
            if isinstance(node.operation, Dropout):
                self._dropout_seeds[number] = integer_seed(seed, "dropout", attempt, node.layer)
            for part, weight in enumerate(node.operation.weights(*graph.shapes_into(node))):
                if weight.initial == "glorot":
                    initializer = initializers.GlorotUniform(weight_seed(seed, attempt, node.layer, part))
                    numbers = initializer(weight.shape, "float32")
                else:
                    numbers = tf.zeros(weight.shape) if weight.initial == "zeros" else tf.ones(weight.shape)
                variable = tf.Variable(numbers, trainable=weight.is_trained)
                self.weights.setdefault(number, []).append(variable)
                self.trained += [variable] if weight.is_trained else []
                self.decaying += [variable] if weight.decays else []

    def logits(self, images: Any, step: Any = None) -> Any:
        """What the network gives of preprocessed images, in single precision.

        Args:
            images: a tensor (N, height, width, channels).
            step: of training, from 0, a whole number or a tensor; picks the dropout masks. None is use.
        """
        import tensorflow as tf

        values = [tf.cast(images, self.compute_type)]
        for number, node in self.graph.computed():
            operation, weights = node.operation, self.weights.get(number, [])
            if operation.casts_weights:
                weights = [tf.cast(variable, self.compute_type) for variable in weights]
            run = INFERENCE
            if step is not None:
                seed = self._dropout_seeds.get(number)
                run = Run(True, None if seed is None else tf.stack([seed, step]))
            values.append(operation.run(run, weights, *(values[source] for source in node.inputs)))
        return tf.cast(values[-1], tf.float32)

    def numpy_weights(self) -> list[np.ndarray]:
        """All weights in the order of the nodes, as `KerasNetwork.get_weights` has them."""
        return [variable.numpy() for arrays in self.weights.values() for variable in arrays]
