"""The register tile that compiled kernels are made of: `kernels.tile`."""

from importlib import import_module

import numpy as np
import pytest

from tinytorch.tensor import MissingExtraError, kernels


@pytest.fixture
def tile():
    """The module; without numba, the error that names the extra has been seen, and all is said."""
    if not kernels.installed("numba"):
        with pytest.raises(MissingExtraError, match=r"tinytorch-tensor\[fast\]"):
            import_module("tinytorch.tensor.kernels.tile")
        pytest.skip("numba is not installed")
    return import_module("tinytorch.tensor.kernels.tile")


@pytest.mark.parametrize("narrower", [0, 1])
@pytest.mark.parametrize("least", [-np.inf, 0])
def test_a_tile_is_a_product_that_begins_with_something(tile, narrower, least):
    compute = tile.tile

    @kernels.njit(**tile.COMPILED)
    def multiply(out, start, a, b, lanes, least):
        terms, columns = b.shape
        taps, rows = np.zeros(1, np.int64), len(a)
        origins, places = tile_multiples(rows, terms), tile_multiples(rows, columns)
        compute(
            *(out.reshape(-1), 0, start, 0, 0, least, a.reshape(-1), 0, origins, places),
            *(0, taps, 1, terms, b.reshape(-1), 0, columns, lanes, None),
        )

    tile_multiples = tile.multiples
    drawn = np.random.default_rng(0)
    a = drawn.standard_normal((tile.ROWS, 7), np.float32)
    b = drawn.standard_normal((7, tile.COLUMNS), np.float32)
    start = drawn.standard_normal(tile.COLUMNS, np.float32)
    lanes = tile.COLUMNS - narrower
    out = np.full((tile.ROWS, tile.COLUMNS), 9, np.float32)
    multiply(out, start, a, b, lanes, np.float32(least))
    wanted = np.maximum(a @ b + start, least)
    assert np.allclose(out[:, :lanes], wanted[:, :lanes], atol=1e-5), "[`kernels.tile`]"
    assert (out[:, lanes:] == 9).all(), "other columns are not written [`kernels.tile`]"
