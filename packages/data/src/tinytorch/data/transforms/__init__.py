"""Transforms of whole batches of images: `(batch, channels, height, width)` in and out.

A transform takes and returns arrays. The geometric ones keep the data type, so they are fastest on
the data sets' own uint8; `ToFloat` and `Normalize` end in float32. Those with `random = True`
take a keyword `rng`, which `DataLoader` gives them, another one for each batch; those with
`placed = True` take `epoch` and `indices`, the items that the images are.
"""

from tinytorch.data.transforms._compose import Compose
from tinytorch.data.transforms._geometry import (
    AlternatingFlip,
    CenterCrop,
    Pad,
    RandomCrop,
    RandomHorizontalFlip,
    RandomVerticalFlip,
)
from tinytorch.data.transforms._mixing import CutMix, MixUp
from tinytorch.data.transforms._values import Normalize, RandomBrightness, RandomErasing, ToFloat
from tinytorch.tensor.pytorch import point_out as _point_out

__all__ = [
    "AlternatingFlip",
    "CenterCrop",
    "Compose",
    "CutMix",
    "MixUp",
    "Normalize",
    "Pad",
    "RandomBrightness",
    "RandomCrop",
    "RandomErasing",
    "RandomHorizontalFlip",
    "RandomVerticalFlip",
    "ToFloat",
]

_point_out(__name__, "transforms")
