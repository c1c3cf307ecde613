"""Where a network of layers is trained with dropout."""

from metaqnn.networks.architecture import Architecture
from metaqnn.networks.layers import FullyConnected, Trunk


def dropout_rates(architecture: Architecture) -> dict[int, float]:
    """Where a network is trained with dropout, and at what rate.

    Dropout follows every two layers (convolutions, pools and fully connected ones count; none follows BN, GAP, GP or
    SM); the i-th of n has rate i / (2n), with n the number placed. Source: Baker et al., section 5. Networks of blocks
    have none.

    Returns:
        the index of the layer that it follows -> the rate in (0, 0.5].
    """
    if architecture.block:
        return {}
    counted = [i for i, layer in enumerate(architecture) if isinstance(layer, Trunk | FullyConnected)]
    places = counted[1::2]
    return {place: i / (2 * len(places)) for i, place in enumerate(places, start=1)}
