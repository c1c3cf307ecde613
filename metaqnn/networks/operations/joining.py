"""What operations of several inputs share: the same shapes, or sides."""

from collections.abc import Sequence

from metaqnn.errors import IllegalArchitectureError
from metaqnn.networks.operations.operation import Shape


def require_same(inputs: Sequence[Shape], also_channels: bool) -> None:
    """Refuse inputs whose numbers do not lie beside each other.

    Raises:
        IllegalArchitectureError: they differ in their sides, or in their channels where these must agree.
    """
    first = inputs[0]
    for other in inputs[1:]:
        is_alike = other == first if also_channels else other[:-1] == first[:-1] and len(other) == len(first)
        if not is_alike:
            what = "shape" if also_channels else "height and width"
            raise IllegalArchitectureError(
                f"joins outputs of one {what}, but {'x'.join(map(str, first))} and {'x'.join(map(str, other))} come "
                "in; pad the smaller one first"
            )


def write_joined(writer, operator: str, inputs: Sequence[str], **attributes) -> str:
    """A node over inputs that lie alike, channels first where they are images."""
    is_vector = len(writer.shape(inputs[0])) == 1
    sources = list(inputs) if is_vector else [writer.channels_first(source) for source in inputs]
    return writer.add(operator, *sources, channels_first=not is_vector, **attributes)
