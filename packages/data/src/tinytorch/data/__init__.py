"""The data layer."""

from tinytorch.data._version import __version__

__all__ = ["__version__"]
