"""The parts of `tinytorch.spatial.kernels.numba`."""
