"""A trained network as a `torch.export` file (`.pt2`), which PyTorch loads without Keras."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras


def write_torch(model: "keras.Model", path: Path) -> None:
    """Write a network to a file of `torch.export`. Keras runs on PyTorch.

    Args:
        model: from uint8 images (N, height, width, channels) to predictions (N, outputs).
        path: the file, whose name ends in .pt2.
    """
    import torch

    class Exported(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = model

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            # Kept in the file: floats are refused, as they would be divided by 255 once more.
            torch.ops.aten._assert_tensor_metadata(images, None, None, torch.uint8)
            return self.network(images, training=False)

    # Two images, as PyTorch takes a dimension of one for a constant.
    images = torch.zeros((2, *model.input_shape[1:]), dtype=torch.uint8)
    shapes = {"images": {0: torch.export.Dim.DYNAMIC}}
    exported = torch.export.export(Exported().eval(), (images,), dynamic_shapes=shapes, strict=False)
    torch.export.save(exported, path)
