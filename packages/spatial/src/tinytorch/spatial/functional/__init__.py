"""The layer's functions on images: they check what they get, say what is wrong, call one op.

Images are (batch, channels, height, width) Tensors or Variables of a float dtype, everywhere. A
size setting is one integer for both axes or a pair (height, width).
"""

from tinytorch.spatial.functional._convolution import conv2d, conv_transpose2d
from tinytorch.spatial.functional._dropout import dropout2d
from tinytorch.spatial.functional._normalization import batch_norm2d, group_norm
from tinytorch.spatial.functional._pooling import adaptive_avg_pool2d, avg_pool2d, max_pool2d
from tinytorch.spatial.functional._resizing import upsample
from tinytorch.spatial.functional._signals import conv1d
from tinytorch.tensor.pytorch import point_out as _point_out

__all__ = [
    "adaptive_avg_pool2d",
    "avg_pool2d",
    "batch_norm2d",
    "conv1d",
    "conv2d",
    "conv_transpose2d",
    "dropout2d",
    "group_norm",
    "max_pool2d",
    "upsample",
]

_point_out(__name__, "F", "nn")
