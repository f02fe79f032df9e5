"""The spatial layer."""

from tinytorch.spatial._version import __version__

__all__ = ["__version__"]
