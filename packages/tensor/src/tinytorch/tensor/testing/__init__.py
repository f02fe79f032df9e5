"""Testing tools: one case says what an op should compute, and all its properties are checked.

`strategies` holds generators of shapes, arrays and indices for property-based tests.
"""

from tinytorch.tensor.testing import strategies
from tinytorch.tensor.testing._case import OpCase, Sample, sample
from tinytorch.tensor.testing._close import assert_close, values

__all__ = ["OpCase", "Sample", "assert_close", "sample", "strategies", "values"]
