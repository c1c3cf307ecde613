"""The spaces over which contracts and random networks are tested."""

from collections.abc import Callable, Mapping
from itertools import islice

from contracts.anchors import Skips

from metaqnn.core import Space
from metaqnn.networks.spaces.block_space import BlockSpace, BlockSpaceConfig
from metaqnn.networks.spaces.config import ConvolutionChoices, FullyConnectedChoices, Limits, SpaceConfig
from metaqnn.networks.spaces.layer_space import LayerSpace
from metaqnn.tables.chain import ChainConfig, ChainSpace
from metaqnn.tables.listed import ListedSpace


def facts(height: int, width: int, channels: int, classes: int) -> dict:
    """What an evaluator says of images of one size."""
    return {"input_shape": (height, width, channels), "classes": classes}


def paper(max_depth: int = 18, side: int = 32, channels: int = 3, **changes) -> LayerSpace:
    """The paper's space over images of one size."""
    return LayerSpace(SpaceConfig(max_depth=max_depth, **changes), facts(side, side, channels, 10))


def small(max_depth: int = 3, **changes) -> LayerSpace:
    """A space of a few hundred networks, all kinds of layer among them, over 8x8 images in three classes."""
    config = {
        "convolution": ConvolutionChoices(filters=(8, 16), receptive_fields=(1, 3)),
        "pooling": ((2, 2),),
        "fully_connected": FullyConnectedChoices(neurons=(16, 8), below_size=8),
    }
    return LayerSpace(SpaceConfig(max_depth=max_depth, **{**config, **changes}), facts(8, 8, 1, 3))


def tiny() -> LayerSpace:
    """Six networks: see `tests/space/test_layer_space.py`."""
    return LayerSpace(
        SpaceConfig(
            max_depth=2,
            convolution=ConvolutionChoices(filters=(8,), receptive_fields=(1,)),
            pooling=((2, 2),),
            fully_connected=FullyConnectedChoices(neurons=()),
        ),
        facts(8, 8, 1, 3),
    )


def chain(*choices: int) -> ChainSpace:
    """A chain with so many choices at each position."""
    return ChainSpace(ChainConfig("chain", choices))


def listed() -> ListedSpace:
    """Every third network of the small space."""
    return ListedSpace(small(), islice(small().architectures(), 0, None, 3))


def skips(**options) -> LayerSpace:
    """Networks with skip connections over small images."""
    section = {
        "max_depth": 6,
        "convolution": ConvolutionChoices((8, 16), (1, 3), (1, 2)),
        "pooling": ((2, 2),),
        "fully_connected": FullyConnectedChoices(()),
        "skip_connections": True,
    }
    return LayerSpace(SpaceConfig(**(section | options)), facts(9, 12, 1, 5))


SPACES: Mapping[str, Callable[[], Space]] = {
    "paper": paper,
    "mnist": lambda: paper(max_depth=12, side=28, channels=1),
    "small": small,
    "tiny": tiny,
    "limited": lambda: paper(limits=Limits(parameters=2_000_000, flops=60_000_000)),
    "digits": lambda: LayerSpace(
        SpaceConfig(
            max_depth=6,
            convolution=ConvolutionChoices(filters=(16, 32, 64)),
            pooling=((3, 2), (2, 2)),
            fully_connected=FullyConnectedChoices(neurons=(128, 64)),
        ),
        facts(8, 8, 1, 10),
    ),
    "all kinds of layer": lambda: LayerSpace(
        SpaceConfig(
            max_depth=5,
            convolution=ConvolutionChoices((8, 16), (1, 3), activations=("relu", "selu")),
            separable_convolution=ConvolutionChoices((8,), (3,), (1, 2)),
            pooling=((2, 2),),
            average_pooling=((2, 2), (3, 2)),
            batch_normalization=True,
            fully_connected=FullyConnectedChoices((16, 8), activations=("tanh", "relu")),
            minimum_convolutions=2,
            limits=Limits(parameters=20_000),
        ),
        facts(12, 12, 3, 4),
    ),
    "signals": lambda: LayerSpace(
        SpaceConfig(
            max_depth=6,
            convolution=ConvolutionChoices((4, 8), (3, 11)),
            pooling=(),
            average_pooling=((2, 2), (25, 25)),
            minimum_convolutions=1,
        ),
        {"input_shape": (300, 1), "classes": 9},
    ),
    "one row": lambda: LayerSpace(
        SpaceConfig(
            max_depth=6,
            convolution=ConvolutionChoices((4, 8), (3, 11), (1, 2)),
            pooling=((2, 2),),
            average_pooling=((25, 25),),
            representation_bins=(100, 25, 8, 1),
            one_dimensional=True,
        ),
        facts(1, 300, 1, 9),
    ),
    "skips of one row": lambda: skips(one_dimensional=True),
    "skips": lambda: skips(minimum_convolutions=3),
    "skips within limits": lambda: skips(
        separable_convolution=ConvolutionChoices((8,), (3, 5), (1, 2), ("relu", "selu")),
        average_pooling=((4, 2),),
        fully_connected=FullyConnectedChoices((16, 8)),
        global_average_pooling=False,
        limits=Limits(parameters=6_000, flops=2_000_000),
    ),
    "skips of signals": lambda: LayerSpace(
        SpaceConfig(
            max_depth=5,
            convolution=ConvolutionChoices((4, 8), (3, 11), (1, 2)),
            limits=Limits(flops=500_000),
            skip_connections=True,
        ),
        {"input_shape": (60, 2), "classes": 3},
    ),
    "blocks": lambda: BlockSpace(
        BlockSpaceConfig(max_layers=5, filters=(4, 8), repeats=2, stem=4), {"input_shape": (8, 8, 3), "classes": 3}
    ),
    "blocks within limits": lambda: BlockSpace(
        BlockSpaceConfig(
            max_layers=5, max_pooling=(3,), average_pooling=(), filters=(4,), repeats=1, limits=Limits(8_000, 900_000)
        ),
        {"input_shape": (8, 8, 3), "classes": 3},
    ),
    "chain": lambda: chain(3, 2, 4, 1, 3),
    "long chain": lambda: chain(*[12] * 9),
    "listed": listed,
    "anchors": Skips,
    "oblong": lambda: LayerSpace(SpaceConfig(max_depth=8), facts(20, 11, 3, 5)),
    "strided": lambda: LayerSpace(
        SpaceConfig(
            max_depth=7,
            convolution=ConvolutionChoices(filters=(8, 32), receptive_fields=(2, 7), strides=(1, 2, 3)),
            pooling=((4, 4), (2, 1), (3, 5)),
            fully_connected=FullyConnectedChoices(neurons=(10, 30, 20), max_in_row=3, below_size=16),
            global_average_pooling=False,
            representation_bins=(16, 7, 2, 1),
        ),
        facts(40, 40, 2, 4),
    ),
}
"""By name; each is made anew, so that no test sees another's caches."""
