"""The autograd layer."""

from tinytorch.autograd._version import __version__

__all__ = ["__version__"]
