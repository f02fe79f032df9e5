"""How the site reads our docstrings, where griffe's habits and ours differ.

An `Example:` section is a session at the Python prompt (griffe knows its plural alone), and special
methods are not listed: their meaning is Python's.
"""

import re
from typing import Any

import griffe


class Site(griffe.Extension):
    """Reads `Example:` as `Examples:` and leaves special methods out."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Adapt one object."""
        if obj.name.startswith("__"):
            obj.public = False
        if obj.docstring:
            obj.docstring.value = re.sub(
                r"^Example:$", "Examples:", obj.docstring.value, flags=re.MULTILINE
            )
