"""The section `space` of networks of layers: which layers there are, and what restricts them."""

import itertools
from dataclasses import dataclass, field
from typing import Literal

from metaqnn.config import require
from metaqnn.networks.operations.activation import ActivationName

MOST_ANCHORED = 10_000
"""Layers with skip connections: a space keeps two decisions for each, and no memory holds a billion."""


@dataclass(frozen=True)
class ConvolutionChoices:
    """Which convolutions there are: every combination of the three lists.

    Attributes:
        filters: numbers of filters.
        receptive_fields: sides of the receptive field, in pixels.
        strides: of the convolution, in pixels.
        activations: of what comes out.
    """

    filters: tuple[int, ...] = (64, 128, 256, 512)
    receptive_fields: tuple[int, ...] = (1, 3, 5)
    strides: tuple[int, ...] = (1,)
    activations: tuple[ActivationName, ...] = ("relu",)

    def __post_init__(self):
        for name in ("filters", "receptive_fields", "strides"):
            _require_distinct_positive(name, getattr(self, name), may_be_empty=False)
        _require_distinct("activations", self.activations)
        number = len(self.filters) * len(self.receptive_fields) * len(self.strides) * len(self.activations)
        require(number <= 10_000, "filters", "at most 10,000 convolutions in all", number)


@dataclass(frozen=True)
class FullyConnectedChoices:
    """Which fully connected layers there are.

    Attributes:
        neurons: numbers of neurons; one may be followed by at most as many.
        max_in_row: so many may follow each other.
        below_size: they may begin where the representation is smaller than this, in pixels.
        activations: of what comes out.
    """

    neurons: tuple[int, ...] = (512, 256, 128)
    max_in_row: int = 2
    below_size: int = 8
    activations: tuple[ActivationName, ...] = ("relu",)

    def __post_init__(self):
        _require_distinct_positive("neurons", self.neurons, may_be_empty=True)
        require(self.max_in_row >= 1, "max_in_row", "at least 1", self.max_in_row)
        require(self.below_size >= 2, "below_size", "at least 2", self.below_size)
        _require_distinct("activations", self.activations)


@dataclass(frozen=True)
class Limits:
    """The most that a network may cost; actions that would break a limit are masked.

    Attributes:
        parameters: of the network; None is no limit.
        flops: of one image's forward pass, two a multiply-add; None is no limit.
    """

    parameters: int | None = None
    flops: int | None = None

    def __post_init__(self):
        for name in ("parameters", "flops"):
            value = getattr(self, name)
            require(value is None or value >= 1, name, "at least 1, or nothing", value)

    def allow(self, parameters: int, flops: int) -> bool:
        """Whether a network of so many parameters and FLOPs keeps them."""
        return (self.parameters is None or parameters <= self.parameters) and (
            self.flops is None or flops <= self.flops
        )


@dataclass(frozen=True)
class SpaceConfig:
    """The section `space`; the defaults are the paper's for CIFAR-10 (Table 1).

    Attributes:
        max_depth: layers before SM; with skip connections at most 10,000.
        convolution: which convolutions there are.
        separable_convolution: which depthwise separable convolutions there are; nothing for none.
        pooling: pairs [receptive field, stride] of max pooling.
        average_pooling: pairs [receptive field, stride] of average pooling.
        batch_normalization: whether BN may follow a convolution or a fully connected layer; it counts as a layer.
        fully_connected: which fully connected layers there are.
        global_average_pooling: whether a network may end by GAP, too; with skip connections, whether it ends by GP,
            the average over all positions, unless by fully connected layers.
        representation_bins: lower edges of the bins of representation sizes that the agent sees, descending to 1.
        limits: the most that a network may cost.
        minimum_convolutions: a network has so many, of either kind, before it may leave the image.
        one_dimensional: whether receptive fields, strides and pools run along the width alone, written such as
            C(8,1x11,1): for signals, which are images of one row.
        skip_connections: whether every layer chooses its inputs among all layers before it, and the height and width
            of its receptive field and stride one by one (`SkipLayerSpace`).
    """

    name: Literal["layers"] = "layers"
    max_depth: int = 18
    convolution: ConvolutionChoices = field(default_factory=ConvolutionChoices)
    separable_convolution: ConvolutionChoices | None = None
    pooling: tuple[tuple[int, int], ...] = ((5, 3), (3, 2), (2, 2))
    average_pooling: tuple[tuple[int, int], ...] = ()
    batch_normalization: bool = False
    fully_connected: FullyConnectedChoices = field(default_factory=FullyConnectedChoices)
    global_average_pooling: bool = True
    representation_bins: tuple[int, ...] = (8, 4, 1)
    limits: Limits = field(default_factory=Limits)
    minimum_convolutions: int = 0
    one_dimensional: bool = False
    skip_connections: bool = False

    def __post_init__(self):
        require(self.max_depth >= 1, "max_depth", "at least 1 layer before SM", self.max_depth)
        is_written = not self.skip_connections or self.max_depth <= MOST_ANCHORED
        require(is_written, "max_depth", f"at most {MOST_ANCHORED:,} layers with skip connections", self.max_depth)
        for name in ("pooling", "average_pooling"):
            pools = getattr(self, name)
            for pool in pools:
                require(min(pool) >= 1, name, "pairs [receptive field, stride] of at least 1", list(pool))
            require(len(set(pools)) == len(pools), name, "different pairs", pools)
        least = self.minimum_convolutions
        expected = f"from 0 to max_depth, {self.max_depth}"
        require(0 <= least <= self.max_depth, "minimum_convolutions", expected, least)
        bins = self.representation_bins
        is_possible = bins[-1:] == (1,) and all(a > b for a, b in itertools.pairwise(bins))
        require(is_possible, "representation_bins", "the lower edges of the bins, descending to 1", list(bins))


def _require_distinct_positive(key: str, values: tuple[int, ...], may_be_empty: bool) -> None:
    require(bool(values) or may_be_empty, key, "at least one number", list(values))
    require(all(value >= 1 for value in values), key, "numbers of at least 1", list(values))
    require(len(set(values)) == len(values), key, "different numbers", list(values))


def _require_distinct(key: str, values: tuple[str, ...]) -> None:
    require(bool(values), key, "at least one", list(values))
    require(len(set(values)) == len(values), key, "different ones", list(values))
