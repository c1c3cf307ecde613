"""Parameters and FLOPs of stacked blocks by arithmetic alone: a walk asks for those of hundreds of blocks."""

import math
from collections.abc import Sequence

from metaqnn.networks import blocks
from metaqnn.networks.blocks import Code
from metaqnn.networks.operations.operation import Shape


class StackCosts:
    """Of networks that differ in their block alone; tests hold it to those that are read from the graph.

    Args:
        filters: of each stack.
        repeats: blocks of each stack.
        stem: filters of the convolution that stands first; 0 for none.
        input_shape: of the images or signals.
        classes: how many.
    """

    def __init__(self, filters: Sequence[int], repeats: int, stem: int, input_shape: Shape, classes: int):
        self._filters, self._repeats, self._stem, self._classes = filters, repeats, stem, classes
        self._extents, self._channels = input_shape[:-1], input_shape[-1]

    def of(self, codes: Sequence[Code]) -> tuple[int, int]:
        """Parameters and FLOPs of the network whose block has these codes, the terminal one left out."""
        rank, extents, channels, parameters, products = len(self._extents), self._extents, self._channels, 0, 0
        taken = {number for code in codes for number in code.predecessors}
        unused = [code.number for code in codes if code.number not in taken]
        if self._stem:
            kernel = 3**rank * channels * self._stem
            parameters, products = kernel + self._stem, kernel * math.prod(extents)
            channels = self._stem
        for number, filters in enumerate(self._filters):
            if number:
                extents = tuple(extent // 2 for extent in extents)
            positions = math.prod(extents)
            for _ in range(self._repeats):
                widths = [channels]
                for code in codes:
                    if code.type == blocks.CONVOLUTION:
                        kernel = code.kernel**rank * widths[code.first] * filters
                        parameters += kernel + 4 * filters
                        products += kernel * positions
                        widths.append(filters)
                    elif code.type == blocks.ADD:
                        widths.append(max(widths[code.first], widths[code.second]))
                    elif code.type == blocks.CONCATENATE:
                        widths.append(widths[code.first] + widths[code.second])
                    else:
                        widths.append(widths[code.first])
                channels = sum([widths[index] for index in unused])
        kernel = channels * self._classes
        return parameters + kernel + self._classes, 2 * (products + kernel)
