"""The parts of `tinytorch.tensor.kernels.numba`."""
