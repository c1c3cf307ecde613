"""The contract of an operation: one class says all that there is to say of one kind of node in a network's graph."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from metaqnn.errors import IllegalArchitectureError
from metaqnn.networks.primitives.primitives import Primitives

if TYPE_CHECKING:
    import keras

    from metaqnn.networks.export.onnx_writer import OnnxWriter

Shape = tuple[int, ...]
"""(height, width, channels) of an image, (length, channels) of a signal, or (neurons,) of a vector."""


@dataclass(frozen=True)
class Weight:
    """An array of numbers that belongs to an operation, as Keras has it.

    Attributes:
        shape: of the array.
        initial: how it begins: Glorot-uniform (Glorot & Bengio, 2010), zeros or ones.
        is_trained: whether steps of the optimizer change it; the moving averages of batch normalisation are measured.
        decays: whether weight decay pulls it to zero.
    """

    shape: Shape
    initial: Literal["glorot", "zeros", "ones"]
    is_trained: bool = True
    decays: bool = False


@dataclass(frozen=True)
class KerasSettings:
    """What a Keras layer is made with beside what its operation says.

    Attributes:
        initializer: given the number of one of the operation's Glorot weights, from 0, its initializer.
        regularizer: of its kernels, or None.
        dropout_seed: of its dropout.
        dtype: Keras's dtype policy; None is the default's.
        name: of the layer; None lets Keras choose.
        masks: whose dropout masks are drawn; None are Keras's own.
    """

    initializer: Callable[[int], Any]
    regularizer: Any = None
    dropout_seed: Any = 0
    dtype: str | None = None
    name: str | None = None
    masks: Primitives | None = None

    def common(self) -> dict[str, Any]:
        """The arguments of every layer."""
        return {"dtype": self.dtype, "name": self.name}


@dataclass(frozen=True)
class Run:
    """How a fast engine runs an operation: in validation and use, or in one step of training.

    Attributes:
        primitives: of its backend.
        step: of training, from 0, a whole number or a tensor. None: neither drops dropout, nor does batch normalisation
            look at the batch.
        dropout_seed: of the operation, where it draws masks; they are those of this seed and step. A whole number, or a
            tensor.
    """

    primitives: Primitives
    step: Any = None
    dropout_seed: Any = 0

    @property
    def is_training(self) -> bool:
        """Whether this is a step of training."""
        return self.step is not None


@dataclass(frozen=True)
class Operation(ABC):
    """One kind of node. All methods take the shapes, tensors or names of the node's inputs, in order.

    Attributes:
        name: in words.
        color: of its picture.
        kept: so many numbers are kept for the backward pass for each number that it gives.
        casts_weights: whether `run` takes its weights in the type of the inputs, and not as the variables they are.
    """

    name: ClassVar[str]
    color: ClassVar[str] = "#999999"
    kept: ClassVar[float] = 1.0
    casts_weights: ClassVar[bool] = True

    @abstractmethod
    def shape(self, *inputs: Shape) -> Shape:
        """What comes out.

        Raises:
            IllegalArchitectureError: it cannot stand on such inputs; the message says why, to follow its name.
        """

    @abstractmethod
    def keras_layer(self, settings: KerasSettings, *inputs: Shape) -> "keras.Layer":
        """The layer of Keras that computes it, on inputs of these shapes."""

    @abstractmethod
    def run(self, run: Run, weights: Sequence[Any], *inputs: Any) -> Any:
        """The same by the primitives of any backend; weights are in the type of the inputs, or the variables."""

    @abstractmethod
    def write_onnx(self, writer: "OnnxWriter", weights: Sequence[np.ndarray], *inputs: str) -> str:
        """The same by ONNX: adds nodes and returns the name of what the last one gives."""

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        """Its arrays, in Keras's order."""
        return ()

    def flops(self, *inputs: Shape) -> int:
        """2 x the multiply-adds of its kernels for one image."""
        return 0

    def text(self) -> str:
        """What stands under its picture."""
        return self.name


@dataclass(frozen=True)
class Input(Operation):
    """What comes in."""

    of: Shape = field(default=())

    name: ClassVar[str] = "input"
    kept: ClassVar[float] = 1.0

    def shape(self, *inputs: Shape) -> Shape:
        """That of an image."""
        return self.of

    def keras_layer(self, settings: KerasSettings, *inputs: Shape) -> "keras.Layer":
        """Whoever runs a graph has its input already."""
        raise NotImplementedError

    def run(self, run: Run, weights: Sequence[Any], *inputs: Any) -> Any:
        """Whoever runs a graph has its input already."""
        raise NotImplementedError

    def write_onnx(self, writer: "OnnxWriter", weights: Sequence[np.ndarray], *inputs: str) -> str:
        """Whoever runs a graph has its input already."""
        raise NotImplementedError


def require_image(shape: Shape) -> None:
    """Refuse a vector where positions are needed."""
    if len(shape) not in (2, 3):
        size = 1
        for extent in shape:
            size *= extent
        raise IllegalArchitectureError(f"needs an image, but a vector of {size} comes in")


def positions(shape: Shape) -> int:
    """How many positions an image or a signal has."""
    count = 1
    for extent in shape[:-1]:
        count *= extent
    return count


def sides(values: Sequence[int]) -> str:
    """Sides as people write them: `3x5`, or `3` where all are alike."""
    return str(values[0]) if len(set(values)) == 1 else "x".join(map(str, values))
