"""The table of derivatives: a file for each file of ops, a row for each operand."""

from tinytorch.autograd.derivatives import (
    activation,
    elementwise,
    indexing,
    linalg,
    movement,
    reduction,
)

__all__ = ["activation", "elementwise", "indexing", "linalg", "movement", "reduction"]
