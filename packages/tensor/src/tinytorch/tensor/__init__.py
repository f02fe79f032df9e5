"""The tensor layer."""

from tinytorch.tensor._version import __version__

__all__ = ["__version__"]
