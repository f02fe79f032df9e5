"""Kernels in numba for the ops of this layer: those for which a benchmark pays.

Importing this file registers them.
"""

from tinytorch.tensor.kernels._numba import _activations, _products, _rows

__all__ = ["_activations", "_products", "_rows"]
