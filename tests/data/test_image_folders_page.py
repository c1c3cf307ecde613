"""Every row of the tables in docs/reference/image-folders.md."""

import io
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from metaqnn.errors import DataError
from metaqnn.networks.data import DatasetConfig, open_dataset

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "image-folders.md"
TITLES = ("Layout", "File", "Image")


def rows() -> dict[str, tuple[str, str]]:
    """What the page says: a row's first cell -> what happens, and with which words."""
    found: dict[str, tuple[str, str]] = {}
    title = ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if cells[1:2] == ["What happens"]:
            title = cells[0]
        elif not cells:
            title = ""
        elif title in TITLES and not cells[0].startswith("---"):
            assert cells[0] not in found
            found[cells[0]] = (cells[1], cells[2].strip("`"))
    return found


ROWS = rows()
CASES: dict[str, tuple[Callable, dict, str]] = {}


def case(row: str, parts: str = "train test", **keys):
    """How the folder of a row is made; the function may answer with the first training image."""

    def decorate(build: Callable) -> Callable:
        CASES[row] = (build, keys, parts)
        return build

    return decorate


def grey(value: int = 7) -> Image.Image:
    return Image.new("L", (3, 2), value)


def put(file: Path, image: Image.Image | bytes | None = None, **options) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(image, bytes):
        file.write_bytes(image)
    else:
        # Copies, as Pillow leaves what it saved an image as with the image, which is then saved otherwise.
        others = [other.copy() for other in options.pop("append_images", ())]
        (image or grey()).copy().save(file, **options, **({"append_images": others} if others else {}))


def classes(folder: Path, names: str = "ant bee", number: int = 5) -> None:
    for name in names.split():
        for index in range(number):
            put(folder / name / f"{index}.png")


def parts(folder: Path, *names: str) -> None:
    for name in names or ("train", "test"):
        classes(folder / name)


def layout(row: str, *names: str, then: Callable[[Path], object] = lambda folder: None, **said) -> None:
    @case(row, **said)
    def build(folder: Path) -> None:
        parts(folder, *names)
        then(folder)


layout("`train/CLASS` and `test/CLASS`")
layout("`Train/CLASS` and `TEST/CLASS`", "Train", "TEST")
layout("`train`, `val` and `test` with classes", "train", "val", "test")
layout("`train` and `val` with classes (ImageNet)", "train", "val")
layout("`train` and `test` with classes, flat `val`", then=lambda folder: put(folder / "val" / "0.png"))
layout("`train` with classes, and nothing else", "train", parts="train")
layout("`train` and `Training` with classes", "train", "Training")
layout("class folders beside `train` and `test`", then=classes)
layout("class folders beside parts, `layout: parts`", then=classes, layout="parts")
layout("a class of `test` that `train` lacks", then=lambda folder: put(folder / "test" / "wasp" / "0.png"))
layout("a class of `val` that `train` lacks", then=lambda folder: put(folder / "valid" / "wasp" / "0.png"))
layout("a class without images", then=lambda folder: (folder / "train" / "cat").mkdir())
layout("images in folders within a class", then=lambda folder: put(folder / "train" / "ant" / "red" / "0.png"))
layout("images beside the folders of classes", then=lambda folder: put(folder / "train" / "0.png"))
layout("linked folders within a class", then=lambda folder: (folder / "train/ant/all").symlink_to("/"))
layout("a class linked twice", then=lambda folder: (folder / "train/wasp").symlink_to(folder / "train/ant"))
layout("`.heic` or `.svg` beside `.png`", then=lambda folder: put(folder / "train/ant/0.heic", b"x"))
layout("`.txt` beside `.png`", then=lambda folder: put(folder / "train/ant/0.txt", b"x"))
layout("a file that is no image", then=lambda folder: put(folder / "train/ant/0.png", b"x"))
layout("images of two sizes", then=lambda folder: put(folder / "train/bee/0.png", Image.new("L", (9, 9))))
layout("a folder called `0.png`", then=lambda folder: (folder / "train/ant/x/0.png").mkdir(parents=True))


@case("`CLASS` alone")
def _(folder):
    classes(folder)


@case("`test` beside class folders")
@case("`test` beside class folders, `layout: classes`", layout="classes")
def _(folder):
    classes(folder, "ant bee test")


@case("`val` beside class folders")
def _(folder):
    classes(folder, "ant bee Val")


@case("classes called `train` and `tram`")
def _(folder):
    classes(folder, "train tram")


@case("classes called `train`, `tram` and `test`")
def _(folder):
    classes(folder, "train tram test")


@case("`CLASS/train` and `CLASS/test`")
@case("`CLASS/train` and `CLASS/test`, `layout: classes`", layout="classes")
def _(folder):
    for name in ("ant", "bee"):
        classes(folder / name, "train test")


@case("flat `train/cat.0.jpg` and `test/0.jpg` (Kaggle)")
def _(folder):
    put(folder / "train" / "cat.0.jpg")
    put(folder / "train" / "dog.0.jpg")
    put(folder / "test" / "0.jpg")


@case("flat `train` with `labels.csv` beside it")
def _(folder):
    for number in range(20):
        put(folder / "train" / f"{number}.png", grey(number))
    lines = [f"{number}.png,{('cat', 'dog')[number % 2]}" for number in range(20)]
    put(folder / "labels.csv", "\n".join(("file,label", *lines)).encode())


@case("images alone, without folders")
def _(folder):
    put(folder / "cat.0.jpg")


@case("`layout: parts` without `train`", layout="parts")
def _(folder):
    parts(folder, "test", "val")


@case("one folder that holds the classes")
def _(folder):
    classes(folder / "pets")


@case("a test part that is the training part, linked")
def _(folder):
    parts(folder, "train")
    (folder / "test").symlink_to(folder / "train")


@case("a class of one image beside fifty")
def _(folder):
    classes(folder, "ant", 50)
    classes(folder, "bee", 1)


@case("a class of which none is left to train on")
def _(folder):
    for number in range(10):  # a fifth of ten is two, and of ten classes of one image the first give theirs
        classes(folder, f"class{number}", 1)


@case("a `.zip` of a folder")
def _(folder):
    with zipfile.ZipFile(folder.with_name("pets.zip"), "w") as file:
        file.writestr("ant/0.png", b"x")
    return folder.with_name("pets.zip")


@case("a `.tar.gz` of a folder")
def _(folder):
    with tarfile.open(folder.with_name("pets.tar.gz"), "w:gz"):
        pass
    return folder.with_name("pets.tar.gz")


@case("hidden files and folders, `__MACOSX`, `Thumbs.db`")
def _(folder):
    parts(folder)
    put(folder / "__MACOSX" / "ant" / "0.png")
    put(folder / ".cache" / "0.png")
    put(folder / "train" / "ant" / "Thumbs.db", b"x")
    put(folder / "train" / "ant" / "._0.png", b"x")
    put(folder / "train" / ".hidden" / "0.png", b"x")


@case("`.png`, `.jpg`, `.jpeg`, `.bmp`, `.gif`, `.webp`")
def _(folder):
    parts(folder)
    for ending in ("jpg", "jpeg", "bmp", "gif", "webp", "PNG"):
        put(folder / "train" / "ant" / f"a.{ending}")


@case("`.tif`, `.tiff`, `.jfif`, `.avif`")
def _(folder):
    parts(folder)
    for ending, kind in (("tif", "TIFF"), ("TIFF", "TIFF"), ("jfif", "JPEG"), ("avif", "AVIF")):
        put(folder / "train" / "bee" / f"a.{ending}", format=kind)


@case("a damaged image")
def _(folder):
    parts(folder)
    put(folder / "train/ant/0.png", Image.effect_noise((30, 20), 50))
    content = (folder / "train/ant/0.png").read_bytes()
    for file in folder.rglob("*.png"):
        put(file, Image.effect_noise((30, 20), 50))
    (folder / "train/ant/0.png").write_bytes(content[: len(content) // 2])


def pixels(row: str, first: Image.Image | bytes, expected, ending: str = "png", others=None, options=None, **keys):
    """A data set whose first training image is this, and what must come of it: a value, or an array."""

    @case(row, **keys)
    def build(folder: Path):
        size = Image.open(io.BytesIO(first)).size if isinstance(first, bytes) else first.size
        for part in ("train", "test"):
            for name in ("ant", "bee"):
                put(folder / part / name / "1.png", others or Image.new("L", size, 9))
        put(folder / "train" / "ant" / f"0.{ending}", first, **(options or {}))
        return expected


def png16(values: np.ndarray, colour: int) -> bytes:
    """A PNG of 16 bits a channel, of which Pillow writes only grey ones."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    lines = b"".join(b"\0" + line.astype(">u2").tobytes() for line in values)
    header = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], 16, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


def tiff16(values: np.ndarray) -> bytes:
    """A TIFF of 16 bits a channel in one strip, not compressed, the high byte of a value last."""
    height, width, channels = values.shape
    tags = (
        *((256, 3, 1, width), (257, 3, 1, height), (258, 3, 3, 8), (259, 3, 1, 1), (262, 3, 1, 2), (273, 4, 1, 140)),
        *((277, 3, 1, channels), (278, 3, 1, height), (279, 4, 1, values.size * 2)),
    )
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    head = b"II*\0" + struct.pack("<I", 14) + b"\x10\0" * 3 + struct.pack("<H", len(tags)) + entries + b"\0" * 4
    return head.ljust(140, b"\0") + values.astype("<u2").tobytes()


def clear(mode: str) -> Image.Image:
    """An image whose colour is hidden: without transparency it would be dark."""
    return Image.new("LA", (3, 2), (50, 0)) if mode == "LA" else Image.new("RGBA", (3, 2), (50, 60, 70, 0))


def palette() -> Image.Image:
    image = Image.new("P", (3, 2), 1)
    image.putpalette([0, 0, 0, 10, 20, 30])
    return image


TIFF32 = Image.fromarray(np.full((2, 3), 70_000, np.int32))
RAMP = np.arange(4096, dtype=np.uint16).reshape(64, 64)
FRAMES = {"save_all": True, "append_images": [Image.new("RGB", (3, 2), "red")]}
pixels("grey of 8 bits", grey(), 7)
pixels("black and white of 1 bit", Image.new("1", (3, 2), 1), 255)
pixels("RGB of 8 bits", Image.new("RGB", (3, 2), (1, 2, 3)), [1, 2, 3], others=Image.new("RGB", (3, 2)))
pixels("grey images and one in colour: all are RGB", grey(), [7, 7, 7], others=Image.new("RGB", (3, 2), "red"))
pixels("RGBA, transparent in places", clear("RGBA"), [255, 255, 255])
pixels("grey with transparency", clear("LA"), 255)
pixels("a palette with a transparent colour", palette(), [255, 255, 255], options={"transparency": 1})
pixels("RGB with one transparent colour", Image.new("RGB", (3, 2), "red"), 255, options={"transparency": (255, 0, 0)})
pixels("RGBA without transparency", Image.new("RGBA", (3, 2), (5, 6, 7, 255)), [5, 6, 7])
pixels("a palette", palette(), [10, 20, 30])
pixels("CMYK", Image.new("CMYK", (3, 2), (0, 255, 255, 0)), None, "jpg")
pixels("an animated GIF", Image.new("RGB", (3, 2), "blue"), [0, 0, 255], "gif", options=FRAMES)
pixels("an animated WebP", Image.new("RGB", (3, 2), "blue"), [0, 0, 255], "webp", options={**FRAMES, "lossless": True})
pixels("a TIFF of several pages", Image.new("RGB", (3, 2), "blue"), [0, 0, 255], "tif", options=FRAMES)
pixels(
    "a JPEG with further pictures in it, as phones write (MPO): the first",
    Image.new("RGB", (3, 2), (90, 90, 90)),
    [90, 90, 90],
    "jpg",
    options={**FRAMES, "format": "MPO"},
)
pixels("grey of 16 bits", Image.new("I;16", (3, 2), 300), None)
pixels("grey of 16 bits, `depth: 16`", Image.new("I;16", (3, 2), 32768), 128, depth=16)
pixels("grey of 16 bits in a TIFF, `depth: 16`", Image.new("I;16", (3, 2), 65535), 255, "tif", depth=16)
pixels(
    "grey of 12 bits in 16, `depth: 12`",
    Image.fromarray(RAMP),
    np.rint(RAMP * (255 / 4095)).astype(np.uint8)[..., np.newaxis],
    depth=12,
)
pixels("grey above `depth: 12`", Image.new("I;16", (3, 2), 4096), None, depth=12)
pixels("RGB of 16 bits in a PNG", png16(np.full((2, 3, 3), 4000), 2), None)
pixels("RGB of 16 bits, `depth: 16`", png16(np.full((2, 3, 3), 0x8001), 2), 128, depth=16)
COLOURS = np.stack([RAMP, RAMP[::-1], RAMP.T], axis=-1)
pixels("RGB of 12 bits in 16, `depth: 12`", png16(COLOURS, 2), np.rint(COLOURS * (255 / 4095)), depth=12)
pixels("the same, transparent in places", png16(np.dstack([COLOURS, RAMP * 0]), 6), 255, depth=12)
pixels("the same in a TIFF", tiff16(COLOURS), np.rint(COLOURS * (255 / 4095)), "tif", depth=12)
pixels("RGB above `depth: 12`", png16(COLOURS + 1, 2), None, depth=12)
pixels("a TIFF of floats", Image.new("F", (3, 2), 0.5), None, "tif", depth=16)
pixels("a TIFF of 32 bits", TIFF32, None, "tif", depth=16)


@case("a test image in colour where training images are grey")
def _(folder):
    parts(folder)
    put(folder / "test" / "ant" / "0.png", Image.new("RGB", (3, 2), "red"))


def turned(orientation: int) -> tuple[Image.Image, Image.Exif]:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return Image.fromarray(np.arange(6, dtype=np.uint8).reshape(2, 3) * 40), exif


@case("EXIF orientation, each of the eight")
def _(folder):
    for part in ("train", "test"):
        for orientation in range(1, 9):
            image, exif = turned(orientation)
            image = image if orientation < 5 else image.transpose(Image.Transpose.ROTATE_90)
            put(folder / part / f"class{orientation}" / "0.png", image, exif=exif)
    return "as Pillow turns them"


@case("EXIF orientation in a TIFF")
def _(folder):
    for part in ("train", "test"):
        put(folder / part / "bee" / "0.png", Image.new("L", (2, 3)))
        image, exif = turned(6)
        put(folder / part / "ant" / "0.tif", image, exif=exif)
    return np.array([[120, 0], [160, 40], [200, 80]])[..., np.newaxis]


@case("damaged EXIF")
def _(folder):
    parts(folder)
    put(folder / "train/ant/0.png", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")


def test_each_row_is_a_case():
    assert len(ROWS) > 60
    assert set(ROWS) == set(CASES)


@pytest.mark.parametrize("row", ROWS)
def test_a_row(tmp_path, row):
    build, keys, parts_read = CASES[row]
    folder = tmp_path / "pets"
    folder.mkdir()
    expected = build(folder)
    path = expected if isinstance(expected, Path) else folder
    outcome, words = ROWS[row]
    told, first = [], None
    try:
        dataset = open_dataset(DatasetConfig(str(path), **keys))
        for part in parts_read.split():
            split = getattr(dataset, part)()
            told += split.notes
            first = split.images[0] if first is None else first
            if isinstance(expected, str):
                files = sorted((folder / part).rglob("*.png"))
                upright = [np.asarray(ImageOps.exif_transpose(Image.open(file))) for file in files]
                assert np.array_equal(split.images[..., 0], upright)
    except DataError as error:
        said = str(error)
        assert "\n" not in said
        assert outcome == "refused", said
        assert words in said
        return
    assert outcome == ("told" if told else "read"), told
    assert words in " / ".join(note.text for note in told)
    assert not any(note.text.endswith(".") or "\n" in note.text for note in told)
    if isinstance(expected, int | list | np.ndarray):
        assert first is not None
        assert (first == np.asarray(expected)).all(), first


def test_keys_of_the_page_are_the_keys():
    named = re.findall(r"^\| `(\w+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert {"layout", "depth", "decoding"} == set(named)
