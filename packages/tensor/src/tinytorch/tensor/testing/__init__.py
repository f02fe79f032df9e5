"""Testing tools: one case says what an op should compute, and all its properties are checked.

`strategies` holds generators of shapes, arrays and indices for property-based tests.
"""

from tinytorch.tensor.testing import strategies
from tinytorch.tensor.testing._case import OpCase, Sample, sample
from tinytorch.tensor.testing._close import assert_close, values
from tinytorch.tensor.testing._told import assert_keyword_told, assert_told

__all__ = [
    "OpCase",
    "Sample",
    "assert_close",
    "assert_keyword_told",
    "assert_told",
    "sample",
    "strategies",
    "values",
]
