"""Every layer that the section `space` allows, over images of a shape."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from metaqnn.errors import ConfigError
from metaqnn.networks.layers import (
    AveragePooling,
    BatchNormalization,
    Convolution,
    Extent,
    Filtering,
    FullyConnected,
    GlobalAveragePooling,
    Pooling,
    SeparableConvolution,
    Softmax,
    action_order,
)
from metaqnn.networks.operations.operation import Shape
from metaqnn.networks.spaces.config import SpaceConfig


class LayerChoices:
    """Layers by what they do, each in the fixed order.

    Args:
        config: the section.
        facts: `input_shape` is (height, width, channels) of an image or (length, channels) of a signal, `classes` their
            number, at least 2.

    Attributes:
        input_shape, classes: the facts.
        convolutions, pools, normalization, fully_connected, averages: the layers.
        softmax: the last one.

    Raises:
        ConfigError: the facts are not known.
    """

    def __init__(self, config: SpaceConfig, facts: Mapping[str, Any]):
        for name in ("input_shape", "classes"):
            if name not in facts:
                raise ConfigError(f"space: layers are laid over images, but nothing says their {name}; name a data set")
        self.input_shape: Shape = tuple(facts["input_shape"])
        self.classes = int(facts["classes"])
        self.convolutions: tuple[Filtering, ...] = tuple(sorted(_filtering(config), key=action_order))
        pools = [
            kind(*(_along(each, config) for each in pair))
            for kind, pairs in ((Pooling, config.pooling), (AveragePooling, config.average_pooling))
            for pair in pairs
        ]
        self.pools = tuple(sorted(pools, key=action_order))
        of = config.fully_connected
        connected = itertools.starmap(FullyConnected, itertools.product(of.neurons, of.activations))
        self.fully_connected = tuple(sorted(connected, key=action_order))
        self.normalization = (BatchNormalization(),) if config.batch_normalization else ()
        self.averages = (GlobalAveragePooling(self.classes),) if config.global_average_pooling else ()
        self.softmax = Softmax(self.classes)


def refuse_signals(options: object, shape: Sequence[int]) -> None:
    """Refuse what are no images but signals in a space of layers that run along both sides.

    Args:
        options: of a space, perhaps of another one.
        shape: (height, width, channels) of the data.

    Raises:
        ConfigError: one side has a single pixel, and the other has not.
    """
    if not isinstance(options, SpaceConfig) or options.one_dimensional or len(shape) != 3:
        return
    height, width, _ = shape
    if (height == 1) == (width == 1):
        return
    store = "" if height == 1 else "store them as (number, 1, length) and "
    raise ConfigError(
        f"space.one_dimensional: expected true for data of {height}x{width}, which are signals, got false; {store}set "
        "it to true"
    )


def _filtering(config: SpaceConfig) -> Iterable[Filtering]:
    """Every convolution of either kind."""
    of = config.convolution
    for filters, field, stride, activation in itertools.product(
        of.filters, of.receptive_fields, of.strides, of.activations
    ):
        yield Convolution(filters, _along(field, config), _along(stride, config), activation)
    if config.separable_convolution is None:
        return
    of = config.separable_convolution
    for filters, field, stride, activation in itertools.product(
        of.filters, of.receptive_fields, of.strides, of.activations
    ):
        yield SeparableConvolution(filters, _along(field, config), stride, activation)


def _along(size: int, config: SpaceConfig) -> Extent:
    """A size along both sides, or along the width alone."""
    return (1, size) if config.one_dimensional and size > 1 else size
