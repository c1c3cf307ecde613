"""SAME padding: as many windows as steps fit into a side, and zeros where they reach over its ends."""

from collections.abc import Sequence


def strided(shape: Sequence[int], strides: Sequence[int]) -> tuple[int, ...]:
    """Sides after a step of these strides with SAME padding: ceil(n / s)."""
    return tuple(-(-extent // stride) for extent, stride in zip(shape, strides, strict=True))


def same_pads(shape: Sequence[int], sizes: Sequence[int], strides: Sequence[int]) -> list[int]:
    """Rows and columns that SAME padding adds before and after; the odd one goes after, as TensorFlow has it."""
    totals = [
        max((-(-extent // stride) - 1) * stride + size - extent, 0)
        for extent, size, stride in zip(shape, sizes, strides, strict=True)
    ]
    return [total // 2 for total in totals] + [total - total // 2 for total in totals]
