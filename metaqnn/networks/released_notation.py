"""Networks as the authors' released code writes them: with a mark `D(i,n)` for every dropout layer.

Source of the facts: bowenbaker/metaqnn at its last commit, which adds the marks to a list of states before it turns
them into text. Its rule differs from the paper's (`metaqnn.networks.costs.dropout_rates`) in three ways: a mark follows
every fully connected layer too; n is computed before anything is placed and may exceed the marks that follow; and the
list ends with a state of the softmax which repeats the kind of the layer before it, so that it counts once more as
fully connected or as pooling.
"""

from metaqnn.networks.architecture import Architecture
from metaqnn.networks.layers import FullyConnected, GlobalAveragePooling


def with_dropout_marks(architecture: Architecture) -> str:
    """The text of a network with the marks of the released code.

    A mark follows every second layer and every fully connected one, but neither GAP nor SM; the i-th is `D(i,n)`,
    where n is half of the layers that are neither fully connected nor GAP, rounded down, and all fully connected ones.
    """
    layers = architecture[:-1]
    kinds = [type(layer) for layer in layers]
    kinds += kinds[-1:] or [type(architecture[-1])]  # the state of the softmax
    connected, averaged = kinds.count(FullyConnected), kinds.count(GlobalAveragePooling)
    marks = (len(kinds) - connected - averaged) // 2 + connected
    texts, placed = [], 0
    for position, layer in enumerate(layers, start=1):
        texts.append(str(layer))
        is_followed = position % 2 == 0 or isinstance(layer, FullyConnected)
        if is_followed and not isinstance(layer, GlobalAveragePooling) and placed < marks:
            placed += 1
            texts.append(f"D({placed},{marks})")
    return f"[{', '.join((*texts, str(architecture[-1])))}]"
