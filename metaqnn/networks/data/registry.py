"""Which data sets there are by name, and what is known of each before it is read."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from metaqnn.config import nearest
from metaqnn.errors import DataError
from metaqnn.networks.data.archives import Archive
from metaqnn.networks.data.digits import Digits
from metaqnn.networks.data.downloads import Download, fetch_with_keras
from metaqnn.networks.data.folders import ImageFolder
from metaqnn.networks.data.sources import Source
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


@dataclass(frozen=True)
class _Entry:
    """What is known of a data set without reading it, and how to open it."""

    input_shape: tuple[int, int, int]
    classes: int
    num_train: int
    num_test: int
    open: Callable[[], Source]


def _download(name: str, shape, class_names, num_train: int, num_test: int, fetch=fetch_with_keras) -> _Entry:
    return _Entry(shape, len(class_names), num_train, num_test, lambda: Download(name, class_names, fetch))


_REGISTRY = {
    "digits": _Entry((8, 8, 1), 10, 1_347, 450, Digits),
    "mnist": _download("mnist", (28, 28, 1), _DIGITS, 60_000, 10_000),
    "fashion_mnist": _download("fashion_mnist", (28, 28, 1), _CLOTHES, 60_000, 10_000),
    "cifar10": _download("cifar10", (32, 32, 3), _CIFAR10, 50_000, 10_000),
    "cifar100": _download("cifar100", (32, 32, 3), _CIFAR100, 50_000, 10_000),
    "svhn": _download("svhn", (32, 32, 3), _DIGITS, 73_257, 26_032, fetch_svhn),
}


@dataclass(frozen=True)
class CatalogueRow:
    """One named data set, as `metaqnn datasets` shows it.

    Attributes:
        name: what `dataset.name` takes.
        input_shape: (height, width, channels).
        classes: how many.
        num_train: images of the training part, of which a search holds some out.
        num_test: images of the test part.
        location: where it would be read from.
        available: whether it is there; else a search downloads it.
    """

    name: str
    input_shape: tuple[int, int, int]
    classes: int
    num_train: int
    num_test: int
    location: str
    available: bool


def catalogue() -> list[CatalogueRow]:
    """All named data sets; instant, as none is read and no library imported."""
    rows = []
    for name, entry in _REGISTRY.items():
        source = entry.open()
        known = (name, entry.input_shape, entry.classes, entry.num_train, entry.num_test)
        rows.append(CatalogueRow(*known, source.location(), source.available()))
    return rows


def open_source(name: str) -> Source:
    """The data set of a name, of a path to an .npz file, or of a path to a folder of images; reads nothing.

    A registered name wins over a folder of that name, which './NAME' still reaches.

    Raises:
        DataError: it is none of these.
    """
    if name in _REGISTRY:
        return _REGISTRY[name].open()
    path = Path(name).expanduser()
    if path.suffix.lower() == ".npz":
        return Archive(path)
    if path.is_dir() or len(path.parts) > 1:
        return ImageFolder(path)
    raise DataError(
        f"{name!r} is neither a data set nor a path to an .npz file or a folder of images; {nearest(name, _REGISTRY)}"
    )


def image_facts(name: str) -> tuple[tuple[int, int, int], int]:
    """The shape (height, width, channels) of a data set's images, and the number of its classes.

    Of a named data set they are known without it; only of a path is the training part read.

    Raises:
        DataError: there is no such data set, or it cannot be read.
    """
    if name in _REGISTRY:
        return _REGISTRY[name].input_shape, _REGISTRY[name].classes
    split = open_source(name).train()
    return split.images.shape[1:], len(split.class_names)
