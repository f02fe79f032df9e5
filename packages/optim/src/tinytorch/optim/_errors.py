"""What optimizers have to say beyond the tensor layer's errors."""

from tinytorch.tensor.errors import ArgumentError, GradientError


class ParameterError(ArgumentError):
    """Parameters that cannot be optimized: missing, twice there, or no leaf Variables."""

    problem = "parameters cannot be optimized"


class NonFiniteError(GradientError):
    """A gradient that holds NaN or infinity."""

    problem = "gradient is not finite"
