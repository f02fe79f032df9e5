"""The rows of the cheat sheet, docs/cheat-sheet.md, and what they are given."""

import re
import textwrap
from pathlib import Path
from typing import NamedTuple

import numpy as np

PAGE = Path(__file__).resolve().parents[1] / "docs" / "cheat-sheet.md"
TEXT = PAGE.read_text(encoding="utf-8")
GIVEN = re.search(r"```python\n(.*?)```", TEXT, re.DOTALL)[1]
VALUES = GIVEN[GIVEN.index("x = ") :]
TRAINED = re.search(r"^## Words.*?```python\n(.*?)```", TEXT, re.DOTALL | re.MULTILINE)[1]


class Row(NamedTuple):
    """What is done, and each library's cell; a dash where it has none."""

    what: str
    numpy: str
    ours: str
    torch: str


def rows():
    """The rows of all tables with a column for each library."""
    found = re.findall(r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \| (`[^|]+`) \|$", TEXT, re.MULTILINE)
    return [Row(what, *(cell.strip("`") for cell in cells)) for what, *cells in found]


def words():
    """The statements of the last table: PyTorch's, and ours."""
    return re.findall(r"^\| `([^|]+)` \| `([^|]+)` \|$", TEXT, re.MULTILINE)


def functions(opening):
    """The indented block of functions that begins with `opening`."""
    found = re.search(rf"    {re.escape(opening)}\n(    def .*?)    ```", TEXT, re.DOTALL)
    return textwrap.dedent(found[1])


def memory():
    """An array that two libraries share."""
    return np.array([1.0, 2.0], np.float32)
