"""Where a network of layers is trained with dropout."""

from metaqnn.networks.architecture import Architecture
from metaqnn.networks.layers import Convolution, FullyConnected, Pooling


def dropout_rates(architecture: Architecture) -> dict[int, float]:
    """Where a network is trained with dropout, and at what rate.

    Dropout follows every two layers (convolutions, pools and fully connected ones count; none follows GAP or SM);
    the i-th of n has rate i / (2n), with n the number placed. Source: Baker et al., section 5.

    Returns:
        the index of the layer that it follows -> the rate in (0, 0.5].
    """
    counted = [i for i, layer in enumerate(architecture) if isinstance(layer, Convolution | Pooling | FullyConnected)]
    places = counted[1::2]
    return {place: i / (2 * len(places)) for i, place in enumerate(places, start=1)}
