"""How the site reads our docstrings, where griffe's habits and ours differ.

An `Example:` section is a session at the Python prompt (griffe knows its plural alone), `::` before
an indented block is a colon, and special methods are not listed: their meaning is Python's.
"""

import re
from typing import Any

import griffe


class Site(griffe.Extension):
    """Adapts each object that griffe reads."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Adapt one object: its docstring, and whether it is listed."""
        if obj.name.startswith("__"):
            obj.public = False
        if obj.docstring:
            text = re.sub(r"^Example:$", "Examples:", obj.docstring.value, flags=re.MULTILINE)
            obj.docstring.value = re.sub(r"::$", ":", text, flags=re.MULTILINE)
