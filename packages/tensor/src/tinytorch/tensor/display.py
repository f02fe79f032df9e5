"""What notebooks show of our objects: tables, and the pictures of figures."""

import html
from collections.abc import Iterable, Sequence
from functools import partial
from io import BytesIO
from typing import Any, TypeVar

__all__ = ["shown", "table"]

Figure = TypeVar("Figure")


def shown(figure: Figure) -> Figure:
    """Return a matplotlib figure with its picture, so that a notebook shows it.

    Jupyter knows figures of pyplot alone, and others only after `%matplotlib inline`. A figure is
    shown once, whichever way it is.

    Args:
        figure: It has `savefig(file, format="png")`, as it is when it is shown.
    """
    figure._repr_png_ = partial(_png, figure)  # type: ignore[attr-defined]
    return figure


def table(
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    title: str = "",
    note: str = "",
    colors: Iterable[Sequence[str]] | None = None,
) -> str:
    """Return a table in HTML: the first column to the left, the others, numbers, to the right.

    Args:
        head: The names of the columns.
        rows: The cells, `(rows, columns)` texts.
        title: A line above.
        note: A line beneath.
        colors: The cells' backgrounds, `(rows, columns)` texts of CSS; empty ones have none.

    Example:
        >>> table(["layer", "size"], [["a & b", "3"]])
        '<table><thead><tr><th ...>layer</th>...<td ...>a &amp; b</td>...'
    """
    cells = [list(row) for row in rows]
    shades = [list(row) for row in colors] if colors is not None else [[""] * len(r) for r in cells]
    body = "".join(_row("td", row, shade) for row, shade in zip(cells, shades, strict=True))
    top = f"<caption>{html.escape(title)}</caption>" if title else ""
    line = _row("th", head, [""] * len(head))
    end = f"<p><small>{html.escape(note)}</small></p>" if note else ""
    return f"<table>{top}<thead>{line}</thead><tbody>{body}</tbody></table>{end}"


def _row(tag: str, cells: Sequence[str], colors: Sequence[str]) -> str:
    sides = ["left", *["right"] * (len(cells) - 1)]
    line = ""
    for cell, side, color in zip(cells, sides, colors, strict=True):
        shade = f"; background: {color}" if color else ""
        line += f'<{tag} style="text-align: {side}{shade}">{html.escape(cell)}</{tag}>'
    return f"<tr>{line}</tr>"


def _png(figure: Any) -> bytes:
    with BytesIO() as file:
        figure.savefig(file, format="png")
        return file.getvalue()
