"""The version of this layer; `hatch version` reads and bumps it."""

__version__ = "0.1.0"
