"""The optim layer."""

from tinytorch.optim._version import __version__

__all__ = ["__version__"]
