"""What can go wrong here and nowhere below."""

from tinytorch.tensor import ArgumentError, GradientError


class ParameterError(ArgumentError):
    """What cannot be optimized."""


class NonFiniteError(GradientError, ArithmeticError):
    """A gradient with NaN or infinity; `parameter` is its name."""
