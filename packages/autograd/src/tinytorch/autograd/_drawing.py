"""A picture of a graph in SVG: what depends on nothing is on top, and each arrow goes down."""

import html
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

WIDTH, HEIGHT, GAP, DROP = 7.2, 40, 24, 34
"""Pixels: of a letter, of a box, between boxes, between rows."""


class Node(NamedTuple):
    """A box: a leaf, or the result of an op; the second line is its shape."""

    name: str
    shape: str
    is_leaf: bool
    sources: tuple[int, ...]
    """The numbers of those it was computed from, all of them lower than its own."""


class Drawing:
    """A graph's picture: a notebook shows it, `save` writes it.

    Attributes:
        svg: The picture as a text.
    """

    def __init__(self, svg: str, nodes: int) -> None:
        self.svg = svg
        self._nodes = nodes

    def save(self, path: str | Path) -> None:
        """Write the picture into a file; browsers show it."""
        Path(path).write_text(self.svg, encoding="utf-8")

    def __repr__(self) -> str:
        return f"Drawing({self._nodes} nodes; .svg is the picture, save(path) writes it)"

    def _repr_svg_(self) -> str:
        return self.svg


def drawing(nodes: Sequence[Node]) -> Drawing:
    """Lay out boxes in rows and draw them."""
    rows, chains = _rows(nodes)
    widths = [len(max(node.name, node.shape, key=len)) * WIDTH + 18 for node in nodes]
    places, width = _places(rows, chains, widths)
    height = len(rows) * (HEIGHT + DROP) - DROP + 4
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" '
        f'width="{width:.0f}" height="{height}" font-family="sans-serif" font-size="12" '
        'text-anchor="middle"><defs><marker id="end" viewBox="0 0 8 8" refX="8" refY="4" '
        'markerWidth="7" markerHeight="7" orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="#667"/>'
        "</marker></defs>"
    )
    arrows = (_arrow([places[stop] for stop in chain]) for chain in chains)
    boxes = (_box(node, places[i], widths[i]) for i, node in enumerate(nodes))
    return Drawing("\n".join([head, *arrows, *boxes, "</svg>"]), len(nodes))


def _rows(nodes: Sequence[Node]) -> tuple[list[list[int]], list[list[int]]]:
    """Divide the boxes into rows, and each arrow into stops, one in each row that it goes through.

    Stops that are no boxes have numbers after those of the boxes.
    """
    depth = [0] * len(nodes)
    for i, node in enumerate(nodes):
        depth[i] = max((depth[j] + 1 for j in node.sources), default=0)
    first = dict[int, int]()  # the uppermost row that uses it
    for i, node in enumerate(nodes):
        first.update((j, min(depth[i], first.get(j, depth[i]))) for j in node.sources)
    for i, row in first.items():
        if nodes[i].is_leaf:  # stands right above its first use
            depth[i] = row - 1
    rows: list[list[int]] = [[] for _ in range(max(depth) + 1)]
    for i, row in enumerate(depth):
        rows[row].append(i)
    chains, stops = [], len(nodes)
    for i, node in enumerate(nodes):
        for j in dict.fromkeys(node.sources):
            between = range(depth[j] + 1, depth[i])
            chain = [j, *range(stops, stops + len(between)), i]
            for row, stop in zip(between, chain[1:-1], strict=True):
                rows[row].append(stop)
            stops += len(between)
            chains.append(chain)
    return rows, chains


def _places(
    rows: list[list[int]], chains: list[list[int]], widths: list[float]
) -> tuple[dict[int, tuple[float, float]], float]:
    """Order each row by the middle of what it hangs from and leads to; center the rows."""
    near: dict[int, list[int]] = {}
    for chain in chains:
        for above, below in pairwise(chain):
            near.setdefault(below, []).append(above)
            near.setdefault(above, []).append(below)
    middle = {i: float(place) for row in rows for place, i in enumerate(row)}
    for order in (rows, rows[::-1], rows):
        for row in order:
            pull = {
                i: sum(middle[k] for k in near.get(i, [i])) / len(near.get(i, [i])) for i in row
            }
            row.sort(key=pull.__getitem__)
            middle.update({i: place - len(row) / 2 for place, i in enumerate(row)})
    sizes = dict(enumerate(widths))
    lengths = [sum(sizes.get(i, 0) + GAP for i in row) for row in rows]
    places = {}
    for number, (row, length) in enumerate(zip(rows, lengths, strict=True)):
        x = (max(lengths) - length) / 2
        for i in row:
            size = sizes.get(i, 0) + GAP
            places[i] = (x + size / 2, number * (HEIGHT + DROP) + 2.0)
            x += size
    return places, max(lengths)


def _arrow(stops: list[tuple[float, float]]) -> str:
    """A line from under the first box, through the rows between, to the top of the last box."""
    x, y = stops[0][0], stops[0][1] + HEIGHT
    path = f"M{x:.0f},{y:.0f}"
    for right, top in stops[1:]:
        half = (y + top) / 2
        path += f" C{x:.0f},{half:.0f} {right:.0f},{half:.0f} {right:.0f},{top:.0f}"
        x, y = right, top + HEIGHT
        if (right, top) != stops[-1]:
            path += f" L{x:.0f},{y:.0f}"
    return f'<path d="{path}" fill="none" stroke="#667" marker-end="url(#end)"/>'


def _box(node: Node, place: tuple[float, float], width: float) -> str:
    x, y = place
    color, radius = ("#dbe9f6", 2) if node.is_leaf else ("#ffffff", 14)
    return (
        f'<rect x="{x - width / 2:.0f}" y="{y:.0f}" width="{width:.0f}" height="{HEIGHT}" '
        f'rx="{radius}" fill="{color}" stroke="#667"/>'
        f'<text x="{x:.0f}" y="{y + 17:.0f}">{html.escape(node.name)}</text>'
        f'<text x="{x:.0f}" y="{y + 32:.0f}" fill="#667">{html.escape(node.shape)}</text>'
    )
