"""An ONNX graph being written: nodes, constants, and the order of axes that each output is in.

Images come in as Keras has them, channels last, and are turned where an operator wants the channels first.
"""

from typing import Any

import numpy as np


class OnnxWriter:
    """Nodes and constants so far. Outputs are known by name, and have the shapes that the network's graph says.

    Attributes:
        nodes, constants: protocol buffers of onnx, in order.
    """

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._is_first: dict[str, bool] = {}
        self._turned: dict[str, str] = {}

    def add(
        self, operator: str, *inputs: str, channels_first: bool = False, output: str | None = None, **attributes: Any
    ) -> str:
        """Add a node; returns the name of its output.

        Args:
            operator: ONNX's name.
            inputs: names of outputs and constants.
            channels_first: whether the output is an image or a signal whose channels come before its sides.
            output: its name; None makes one.
            attributes: the node's.
        """
        from onnx import helper

        name = f"{operator}_{len(self.nodes)}"
        output = output or name
        self.nodes.append(helper.make_node(operator, list(inputs), [output], name=name, **attributes))
        self._is_first[output] = channels_first
        return output

    def constant(self, name: str, values: Any, kind: str = "float32") -> str:
        """Add a constant; returns its name, which is unique."""
        from onnx import numpy_helper

        name = f"{name}_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values, dtype=kind), name))
        return name

    def known(self, name: str, shape: tuple[int, ...]) -> None:
        """Say what shape an output has for one image, channels last."""
        self._shapes[name] = shape

    def shape(self, name: str) -> tuple[int, ...]:
        """What shape an output has for one image, channels last, whatever order its axes are in."""
        return self._shapes[name]

    def is_channels_first(self, name: str) -> bool:
        """Whether the channels of an output come before its sides."""
        return self._is_first.get(name, False)

    def channels_first(self, name: str) -> str:
        """An output with the channels before the sides; turned once, whoever asks."""
        return name if self.is_channels_first(name) else self._turn(name, to_first=True)

    def channels_last(self, name: str) -> str:
        """An output with the channels after the sides."""
        return self._turn(name, to_first=False) if self.is_channels_first(name) else name

    def _turn(self, name: str, to_first: bool) -> str:
        turned = self._turned.get(name)
        if turned is None:
            rank = len(self._shapes[name])
            axes = [0, rank, *range(1, rank)] if to_first else [0, *range(2, rank + 1), 1]
            turned = self._turned[name] = self.add("Transpose", name, channels_first=to_first, perm=axes)
            self._shapes[turned] = self._shapes[name]
        return turned
