"""The tables of PyTorch's names: `from_pytorch.md` beside the modules of each layer.

A row of a table has four cells: the name, how it is used in PyTorch, the way of this project, a
remark. A keyword's name ends in `=`, that of a part follows the part (`nn.CrossEntropyLoss`).
"""

import re
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple


class Row(NamedTuple):
    """One of PyTorch's names, and the way of this project.

    Attributes:
        name: Such as `"Tensor.view"`, `"nn.CrossEntropyLoss"`, `"F.pad"` or `"dim="`.
        theirs: How it is used in PyTorch: an expression.
        ours: The same here.
        remark: What differs; often empty.
    """

    name: str
    theirs: str
    ours: str
    remark: str

    @property
    def way(self) -> str:
        """The way out, for an error."""
        remark = f"; {self.remark}" if self.remark else ""
        return f"{self.ours}, for {self.theirs}{remark}"


@cache
def rows(layer: str = "*") -> tuple[Row, ...]:
    """Return the rows of a layer, or of all that are installed.

    Example:
        >>> rows("tensor")[0].name
        'Tensor.view'
    """
    return tuple(row for text in _tables(layer) for row in _read(text))


def given(layer: str) -> str:
    """Return the lines of Python that make what the cells of a layer's rows speak of.

    Example:
        >>> names = {"tensor": lambda numbers: numbers}
        >>> exec(given("tensor"), names)
        >>> "x" in names
        True
    """
    return "".join(re.findall(r"```python\n(.*?)```", "".join(_tables(layer)), re.DOTALL))


def find(*names: str) -> Row | None:
    """Return the row of the first of the names that has one.

    Example:
        >>> find("Tensor.view").ours
        'x.reshape(3, 2)'
    """
    return next((_by_name()[name] for name in names if name in _by_name()), None)


@cache
def _by_name() -> dict[str, Row]:
    return {row.name: row for row in rows()}


def _tables(layer: str) -> list[str]:
    """The tables of a layer, or of all that are installed."""
    places = sys.modules["tinytorch"].__path__
    paths = [path for place in places for path in Path(place).glob(f"{layer}/from_pytorch.md")]
    return [path.read_text("utf-8") for path in sorted(paths)]


def _read(text: str) -> list[Row]:
    """The rows of the tables of a page."""
    lines = [line.split(" | ") for line in text.splitlines() if line.startswith("| `")]
    cells = [[cell.strip("|` ") for cell in line] for line in lines]
    return [Row(name, theirs, ours, remark) for name, theirs, ours, remark in cells]
