"""How the site reads our docstrings, where griffe's habits and ours differ.

An `Example:` section is a session at the Python prompt (griffe knows its plural alone), `::` before
an indented block is a colon, an op that is a ufunc of NumPy's has its docstring among its
arguments, and a layer says what it is in its README, not once more on each page of its names.
"""

import re
from typing import Any

import griffe


class Site(griffe.Extension):
    """Adapts each object that griffe reads."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Adapt the docstring of an object."""
        if obj.docstring:
            text = re.sub(r"^Example:$", "Examples:", obj.docstring.value, flags=re.MULTILINE)
            obj.docstring.value = re.sub(r"::$", ":", text, flags=re.MULTILINE)

    def on_attribute(self, *, attr: griffe.Attribute, **_: Any) -> None:
        """Give an op of a ufunc the docstring that it is made with, in place of its making."""
        made = attr.value
        if isinstance(made, griffe.ExprCall) and str(made.function) == "_ufunc":
            attr.docstring = griffe.Docstring(str(made.arguments[2])[1:-1], parent=attr)
            attr.annotation, attr.value = "Op", None

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Leave out the docstrings of the layers."""
        for layer in pkg.modules.values():
            layer.docstring = None
