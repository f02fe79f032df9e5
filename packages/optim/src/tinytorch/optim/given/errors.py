"""What optimizers have to say beyond the tensor layer's errors."""

from tinytorch.tensor.errors import ArgumentError, GradientError


class ParameterError(ArgumentError):
    """Parameters that cannot be optimized: missing, twice there, or no leaf Variables."""

    problem = "parameters cannot be optimized"


class NonFiniteError(GradientError, ArithmeticError):
    """A loss or gradient that is NaN or infinite; where it was seen is told by attributes."""

    problem = "a value is not finite"
