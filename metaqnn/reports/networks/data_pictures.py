"""The training images that a database keeps, drawn."""

from base64 import b64encode
from dataclasses import dataclass
from io import BytesIO

from metaqnn.networks.data import DataDescription


@dataclass(frozen=True)
class DataPicture:
    """A training image: the name of its class, and the address of a PNG that holds it."""

    label: str
    source: str


def draw_data(description: DataDescription | None) -> tuple[DataPicture, ...]:
    """The pictures; none of a database that is older than descriptions."""
    from PIL import Image

    pictures = []
    for thumbnail in description.thumbnails if description else ():
        pixels, content = thumbnail.array(), BytesIO()
        Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(content, "PNG")
        source = f"data:image/png;base64,{b64encode(content.getvalue()).decode()}"
        pictures.append(DataPicture(thumbnail.label, source))
    return tuple(pictures)
