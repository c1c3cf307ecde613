"""From image files to pixels: `dataset.decoding: 2`."""

import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from metaqnn.core import Note
from metaqnn.errors import DataError
from metaqnn.networks.data.image_files import Listing, opened
from metaqnn.networks.data.sources import ImageSplit, require_room

if TYPE_CHECKING:
    from PIL import Image

_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "AVIF")
_GREY = ("1", "L", "LA", "I;16", "I;16B", "I;16L")
_TURNED = 5
"""EXIF orientations from here on exchange width and height."""
_ORIENTATION, _BITS_PER_SAMPLE = 0x0112, 258
_OTHER_ORDER = {"B": "L", "L": "B"}
"""Of the two bytes of a value."""


@dataclass(frozen=True)
class Form:
    """What images have in common: their size once they stand upright, and 'L' or 'RGB'."""

    width: int
    height: int
    mode: str

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        return self.height, self.width, 1 if self.mode == "L" else 3


def common_form(files: Sequence[Path], depth: int | None) -> Form:
    """The size that the images share, and the mode that holds them all, from headers.

    Args:
        files: at least one.
        depth: bits a value has in images of more than 8, or None.

    Raises:
        DataError: an image cannot be read, is of another size, or has more bits than are said.
    """
    first, mode = (0, 0), "L"
    for file in files:
        with opened(file, _FORMATS) as image:
            _require_depth(file, image, depth)
            size = image.size
            if size[0] != size[1] and _orientation(image) >= _TURNED:  # to look may mean to decode a PNG
                size = size[::-1]
            if file is files[0]:
                first = size
            if size != first:
                sizes = (f"{width}x{height} in {at}" for (width, height), at in ((first, files[0]), (size, file)))
                raise DataError(f"expected images of one size, got {' and '.join(sizes)}; bring all images to one size")
            if image.mode not in _GREY:
                mode = "RGB"
    return Form(*first, mode)


def read_images(listing: Listing, form: Form, depth: int | None) -> ImageSplit:
    """Decode files into one array.

    Raises:
        DataError: one cannot be read, or all do not fit into the memory.
    """
    require_room(len(listing.files) * int(np.prod(form.shape)), str(listing.files[0].parents[1]))
    images = np.empty((len(listing.files), *form.shape), dtype=np.uint8)
    seen: dict[str, list[Path]] = {}
    for row, file in enumerate(listing.files):
        with opened(file, _FORMATS) as image:
            pixels, what = _decoded(file, image, form, depth)
            images[row] = pixels.reshape(form.shape)
        for each in what:
            seen.setdefault(each, []).append(file)
    notes = tuple(
        Note("doubt", f"{len(files):,} of {len(images):,} images {what} (the first is {files[0].name})")
        for what, files in seen.items()
    )
    return ImageSplit(images, listing.labels, listing.class_names, (*listing.notes, *notes))


def _decoded(file: Path, image: "Image.Image", form: Form, depth: int | None) -> tuple[np.ndarray, list[str]]:
    """The pixels of an image that stands upright, on white, and what should be known of it."""
    from PIL import Image

    what, bits = [], _bits(image)
    image.load()  # before all else, so that damage is met here
    if image.format != "MPO" and getattr(image, "is_animated", False):  # an MPO is one photograph in several sizes
        what.append("have several frames, of which the first is taken")
    orientation, is_colour, is_cmyk = _orientation(image), image.mode not in _GREY, image.mode == "CMYK"
    if image.mode.startswith("I;16"):
        image = _scaled(file, image, depth)
    elif bits > 8 and depth is not None and depth < 16:
        image = _scaled_colours(file, image, depth)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        if np.asarray(image)[..., 3].min() < np.iinfo(np.uint8).max:
            what.append("are transparent in places, which become white")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        image = image.convert("RGB")
    if is_cmyk:
        what.append("are CMYK, made RGB without a colour profile")
    if is_colour and form.mode == "L":
        what.append("are in colour and made grey, as all training images are grey")
    image = image.convert(form.mode)
    if orientation > 1:
        turns = (
            "FLIP_LEFT_RIGHT",
            "ROTATE_180",
            "FLIP_TOP_BOTTOM",
            "TRANSPOSE",
            "ROTATE_270",
            "TRANSVERSE",
            "ROTATE_90",
        )
        image = image.transpose(Image.Transpose[turns[orientation - 2]])
    return np.asarray(image), what


def _orientation(image: "Image.Image") -> int:
    """How EXIF says that the camera was held, from 1 (upright) to 8; a TIFF is turned by Pillow."""
    found = None
    if image.format != "TIFF":
        with warnings.catch_warnings(), suppress(Exception):  # damaged EXIF says nothing, whatever Pillow raises
            warnings.simplefilter("ignore")
            found = image.getexif().get(_ORIENTATION)
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def _bits(image: "Image.Image") -> int:
    """Bits of a value; Pillow's modes of colour say 8 whatever the file has."""
    if image.format == "TIFF":
        found = image.tag_v2.get(_BITS_PER_SAMPLE, (1,))  # type: ignore[attr-defined]
        return int(max(found)) if isinstance(found, tuple) else int(found)
    return 16 if image.mode[0] == "I" or ";16" in str(getattr(image, "tile", "")) else 8


def _require_depth(file: Path, image: "Image.Image", depth: int | None, has_key: bool = True) -> None:
    """Refuse values of more bits than can be made 8 without a guess; `has_key`: where `dataset.depth` decides."""
    bits = _bits(image)
    if image.mode in ("I", "F") or bits > 16:
        raise DataError(f"{file}: expected 8 or 16 bits a channel, got mode {image.mode}; convert it to 8 bits")
    if bits <= 8:
        return
    if depth is None:
        advice = "set dataset.depth to the bits that its values use, as 12 or 16, or " if has_key else ""
        raise DataError(f"{file}: expected 8 bits a channel, got 16; {advice}convert it to 8 bits")
    if image.mode not in _GREY and depth != 16 and not _tiles_of_low_bytes(image):
        raise DataError(
            f"{file}: expected grey values of {depth} bits, as dataset.depth says, or colours in a PNG or a TIFF that "
            f"is not compressed, got colours of 16 bits in a {image.format}; convert it to 8 bits"
        )


def _tiles_of_low_bytes(image: "Image.Image") -> list[Any]:
    """What has Pillow read the low bytes of colours of 16 bits, in place of the high ones; empty if it cannot."""
    tiles = []
    for tile in getattr(image, "tile", ()):
        words = tile.args if isinstance(tile.args, tuple) else (tile.args,)
        order = str(words[0])[-1:]
        if str(words[0])[:-1] not in ("RGB;16", "RGBA;16") or order not in _OTHER_ORDER:
            return []
        words = (str(words[0])[:-1] + _OTHER_ORDER[order], *words[1:])
        tiles.append(tile._replace(args=words if isinstance(tile.args, tuple) else words[0]))
    return tiles


def _scaled_colours(file: Path, image: "Image.Image", depth: int) -> "Image.Image":
    """Colours of `depth` bits as 8, rounded; transparency has all its 16 bits."""
    from PIL import Image

    with opened(file, _FORMATS) as again:
        again.tile = _tiles_of_low_bytes(again)
        again.load()
        low = np.asarray(again).astype(np.int64)
    high, most = np.asarray(image).astype(np.int64), 2**depth - 1
    values = (high * 256 + low)[..., :3]
    if values.max() > most:
        raise DataError(f"{file}: expected values up to {most}, as dataset.depth is {depth}, got {values.max()}")
    scaled = ((values * 255 + most // 2) // most).astype(np.uint8)
    alpha = high[..., 3:] if high.shape[2] == 4 else np.full_like(high[..., :1], 255)
    key = image.info.get("transparency")
    if isinstance(key, tuple):  # of a PNG: pixels of this colour
        alpha = np.where((values == np.array(key)).all(axis=-1, keepdims=True), 0, alpha)
    return Image.fromarray(np.concatenate([scaled, alpha.astype(np.uint8)], axis=-1))


def _scaled(file: Path, image: "Image.Image", depth: int | None) -> "Image.Image":
    """Grey values of `depth` bits as 8, rounded."""
    from PIL import Image

    most = 2 ** (depth or 16) - 1
    values = np.asarray(image).astype(np.int64)
    if values.max() > most:
        raise DataError(f"{file}: expected values up to {most}, as dataset.depth is {depth}, got {values.max()}")
    scaled = (values * 255 + most // 2) // most
    if isinstance(image.info.get("transparency"), int):
        scaled[values == image.info["transparency"]] = 255
    return Image.fromarray(scaled.astype(np.uint8))


def pixels_of(image: "Image.Image", name: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """The pixels of an image that is no file of its own: upright, on white, grey or in colour as it is.

    Args:
        image: opened.
        name: of it, for messages, where it has no `filename`.

    Returns:
        uint8 of shape (height, width) or (height, width, 3), and what should be known of it, as verbs.

    Raises:
        DataError: it has more than 8 bits a channel.
    """
    place = Path(getattr(image, "filename", "") or name)
    _require_depth(place, image, None, has_key=False)
    form = Form(*image.size, "L" if image.mode in _GREY else "RGB")
    pixels, what = _decoded(place, image, form, None)
    return pixels, tuple(what)


def decoded(content: bytes, name: str) -> "Image.Image":
    """An encoded image, for `pixels_of`.

    Raises:
        DataError: it is no image, or has more than 8 bits a channel.
    """
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(BytesIO(content), formats=_FORMATS)
            _require_depth(Path(name), image, None, has_key=False)  # loaded, it does not tell any more
            image.load()
            image.filename = name
            return image
    except DataError:
        raise
    except Exception as error:  # Pillow raises whatever the damage leads to
        raise DataError(f"{name}: expected an encoded image ({', '.join(_FORMATS)}), but it cannot be read") from error
