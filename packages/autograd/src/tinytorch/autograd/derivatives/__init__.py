"""The table of derivatives: a file for each file of ops, a row for each operand."""

from tinytorch.autograd.derivatives import elementwise, indexing, linalg, movement, reduction

__all__ = ["elementwise", "indexing", "linalg", "movement", "reduction"]
