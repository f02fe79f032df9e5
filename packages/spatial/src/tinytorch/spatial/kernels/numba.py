"""Numba kernels: convolution by register tiles, normalization and pooling in one pass over memory.

Importing this file registers them. `_numba/_tile.py` is the heart of the convolutions; the rest
saves memory traffic: each kernel reads its images once or twice and writes its result once, on all
threads.
"""

from tinytorch.spatial.kernels._numba import _convolution, _fusion, _normalization, _pooling

__all__ = ["_convolution", "_fusion", "_normalization", "_pooling"]
