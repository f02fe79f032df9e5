"""The training layer."""

from tinytorch.training._version import __version__

__all__ = ["__version__"]
