"""The register tile that kernels of products and convolutions are made of; it needs numba.

`tile` computes ROWS x COLUMNS results in registers, within a function that numba compiles; COLUMNS
are two vectors of LANES numbers. `load`, `store` and `spread` write instructions for such a vector,
a VECTOR, from functions of one's own that generate code.
"""

from tinytorch.tensor.checks import extra

with extra("kernels.tile", "tinytorch-tensor[fast]"):
    from tinytorch.tensor.kernels._numba._tile import (
        COLUMNS,
        COMPILED,
        INNER,
        LANES,
        LEAST,
        ROWS,
        VECTOR,
        load,
        multiples,
        spread,
        store,
        tile,
    )

__all__ = [
    "COLUMNS",
    "COMPILED",
    "INNER",
    "LANES",
    "LEAST",
    "ROWS",
    "VECTOR",
    "load",
    "multiples",
    "spread",
    "store",
    "tile",
]
