"""The version of this layer; `hatch version` reads and bumps it."""

__version__ = "0.2.0"
