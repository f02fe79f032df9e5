"""Convolution, pooling, normalization and the networks made of them.

Images are (batch, channels, height, width); in memory the channels lie last.
"""

from tinytorch.autograd.nn import Flatten
from tinytorch.spatial import functional as functional
from tinytorch.spatial import kernels as kernels
from tinytorch.spatial import ops as ops
from tinytorch.spatial._convolution import Conv2d, ConvTranspose2d
from tinytorch.spatial._dropout import Dropout2d
from tinytorch.spatial._models import CNN, ResNet9
from tinytorch.spatial._normalization import BatchNorm2d, GroupNorm
from tinytorch.spatial._pictures import plot_feature_maps, plot_filters
from tinytorch.spatial._pooling import AdaptiveAvgPool2d, AvgPool2d, MaxPool2d
from tinytorch.spatial._resizing import Upsample
from tinytorch.spatial._signals import BatchNorm1d, Conv1d
from tinytorch.spatial._version import __version__
from tinytorch.spatial.functional import (
    adaptive_avg_pool2d,
    avg_pool2d,
    batch_norm2d,
    conv1d,
    conv2d,
    conv_transpose2d,
    dropout2d,
    group_norm,
    max_pool2d,
    upsample,
)
from tinytorch.tensor.pytorch import point_out as _point_out

__all__ = [
    "CNN",
    "AdaptiveAvgPool2d",
    "AvgPool2d",
    "BatchNorm1d",
    "BatchNorm2d",
    "Conv1d",
    "Conv2d",
    "ConvTranspose2d",
    "Dropout2d",
    "Flatten",
    "GroupNorm",
    "MaxPool2d",
    "ResNet9",
    "Upsample",
    "__version__",
    "adaptive_avg_pool2d",
    "avg_pool2d",
    "batch_norm2d",
    "conv1d",
    "conv2d",
    "conv_transpose2d",
    "dropout2d",
    "group_norm",
    "max_pool2d",
    "plot_feature_maps",
    "plot_filters",
    "upsample",
]

_point_out(__name__, "nn", "F")
