"""The public data sets that have names: each is read from this machine, or downloaded once."""

from typing import Any, ClassVar

from metaqnn.networks.data.downloads import Download, fetch_with_keras
from metaqnn.networks.data.svhn import fetch_svhn

_DIGITS = tuple("0123456789")
_CLOTHES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
_CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_CIFAR100 = tuple(
    """
    apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly
    camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup
    dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower
    leopard lion lizard lobster man maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid
    otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine possum rabbit raccoon ray
    road rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel streetcar
    sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle
    wardrobe whale willow_tree wolf woman worm
    """.split()  # noqa: SIM905 (as a list it would fill a hundred lines)
)


class _Named(Download):
    """A data set whose facts are known before it is read.

    Attributes:
        KNOWN: its name, (height, width, channels) of an image, class names, and how many images train and test.
    """

    KNOWN: ClassVar[tuple[str, tuple[int, int, int], tuple[str, ...], int, int]]
    FETCH: ClassVar[Any] = staticmethod(fetch_with_keras)

    def __init__(self, options: Any = None):
        super().__init__(self.KNOWN[0], self.KNOWN[2], self.FETCH)


class MNIST(_Named):
    """Handwritten digits (LeCun et al., 1998)."""

    KNOWN = ("mnist", (28, 28, 1), _DIGITS, 60_000, 10_000)


class FashionMNIST(_Named):
    """Clothes (Xiao et al., 2017)."""

    KNOWN = ("fashion_mnist", (28, 28, 1), _CLOTHES, 60_000, 10_000)


class CIFAR10(_Named):
    """Small photographs in ten classes (Krizhevsky, 2009)."""

    KNOWN = ("cifar10", (32, 32, 3), _CIFAR10, 50_000, 10_000)


class CIFAR100(_Named):
    """Small photographs in a hundred classes (Krizhevsky, 2009)."""

    KNOWN = ("cifar100", (32, 32, 3), _CIFAR100, 50_000, 10_000)


class SVHN(_Named):
    """House numbers (Netzer et al., 2011)."""

    KNOWN = ("svhn", (32, 32, 3), _DIGITS, 73_257, 26_032)
    FETCH = staticmethod(fetch_svhn)
