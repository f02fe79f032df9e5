"""The picture of the house: six packages, their files and rooms, and the way of a batch.

    python tools/house.py            # writes docs/images/architecture.svg

Drawn from the sources: each chip is a file that stands at the top level of its package, each
outlined chip a folder. The numbers are the stations of one batch, in `WAY`; a station that is no
longer there is an error, and a test compares the picture with what this script draws.
"""

import sys
from html import escape
from pathlib import Path
from typing import NamedTuple

from layers import LAYERS, NAMESPACE

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "images" / "architecture.svg"
WAY = (
    "data/_loader",
    "data/batches",
    "data/transforms",
    "training/_trainer",
    "spatial/_convolution",
    "spatial/functional",
    "tensor/_op",
    "autograd/_variable",
    "spatial/kernels",
    "tensor/functional",
    "autograd/_backward",
    "autograd/derivatives",
    "optim/_optimizer",
    "optim/_adam",
)
"""Where one batch passes, in this order; docs/architecture.md says a sentence for each."""


class Box(NamedTuple):
    """Where a package stands in the picture: what it stands on is what it needs."""

    left: int
    top: int
    width: int
    height: int
    color: str


BOXES = {
    "training": Box(8, 8, 464, 140, "#8a3b8f"),
    "optim": Box(8, 156, 158, 392, "#1f6f78"),
    "spatial": Box(174, 156, 138, 392, "#2b5fa8"),
    "autograd": Box(8, 556, 304, 196, "#b0472f"),
    "data": Box(320, 156, 152, 596, "#4f7a28"),
    "tensor": Box(8, 760, 464, 168, "#4a4f5c"),
}
WIDTH, HEIGHT = 480, 936
"""Pixels; a phone shows letters of 12 pixels 9 high."""
CHIP, GAP, CHARACTER, BADGE = 23, 5, 7.1, 18


def main() -> int:
    """Write the picture, or say which station of the way is gone."""
    if missing := [place for place in WAY if place not in stations()]:
        print(f"{', '.join(missing)}: no such file or room; mend WAY in tools/house.py")
        return 1
    PICTURE.write_text(picture(), encoding="utf-8", newline="\n")
    return 0


def stations() -> set[str]:
    """Every chip of the picture, as `layer/name`."""
    return {f"{layer}/{name}" for layer in LAYERS for name in [*files(layer), *rooms(layer)]}


def files(layer: str) -> list[str]:
    """The files at the top level of a package that hold an idea, by name."""
    names = {path.stem for path in source(layer).glob("*.py")}
    return sorted(names - {"__init__", "_version"}, key=lambda name: name.strip("_"))


def rooms(layer: str) -> list[str]:
    """The folders of a package."""
    return sorted(path.parent.name for path in source(layer).glob("*/__init__.py"))


def source(layer: str) -> Path:
    """The folder of a layer's modules."""
    return ROOT / "packages" / layer / "src" / NAMESPACE / layer


def picture() -> str:
    """The whole picture as SVG."""
    order = " ".join(LAYERS)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" role="img" '
        'aria-labelledby="title desc" '
        "font-family=\"system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif\">\n"
        '<title id="title">The house of TinyTorch</title>\n'
        f'<desc id="desc">Six packages, {order}: each stands on those that it needs. Filled chips '
        "are files, outlined ones are folders; the numbers follow one batch of a training step."
        "</desc>\n"
    )
    return head + "".join(package(layer, BOXES[layer]) for layer in reversed(LAYERS)) + "</svg>\n"


def package(layer: str, box: Box) -> str:
    """The box of a package with its chips."""
    size = f'x="{box.left}" y="{box.top}" width="{box.width}" height="{box.height}"'
    parts = [
        f'<rect {size} rx="10" fill="{box.color}"/>\n',
        text(box.left + 10, box.top + 27, f"{LAYERS.index(layer) + 1}  {layer}", 18, "700"),
    ]
    x, y = box.left + 10, box.top + 40
    for name in [*files(layer), *rooms(layer)]:
        numbers = [str(i) for i, place in enumerate(WAY, 1) if place == f"{layer}/{name}"]
        label = name.strip("_") + ("/" if name in rooms(layer) else "")
        width = round(len(label) * CHARACTER) + 14 + (BADGE + 2) * len(numbers)
        if x + width > box.left + box.width - 10:
            x, y = box.left + 10, y + CHIP + GAP
        assert y + CHIP < box.top + box.height, f"the box of {layer} is too low"
        parts.append(chip(x, y, width, label, numbers))
        x += width + GAP
    return "<g>" + "".join(parts) + "</g>\n"


def chip(x: int, y: int, width: int, label: str, numbers: list[str]) -> str:
    """A file, filled, or a folder, outlined, with the numbers of the stations it is."""
    fill = 'fill="none" stroke="#ffffff" stroke-opacity="0.75"'
    if not label.endswith("/"):
        fill = 'fill="#ffffff" fill-opacity="0.16"'
    parts = [f'<rect x="{x}" y="{y}" width="{width}" height="{CHIP}" rx="6" {fill}/>\n']
    left = x + 7
    for number in numbers:
        parts.append(
            f'<circle cx="{left + BADGE // 2 - 1}" cy="{y + CHIP // 2}" r="{BADGE // 2}" '
            'fill="#ffd54a"/>\n'
            f'<text x="{left + BADGE // 2 - 1}" y="{y + CHIP // 2 + 4}" font-size="12" '
            f'font-weight="700" fill="#222222" text-anchor="middle">{number}</text>\n'
        )
        left += BADGE + 2
    return "".join(parts) + text(left, y + 16, label, 12.1, "400")


def text(x: int, y: int, words: str, size: float, weight: str) -> str:
    """White words on a box."""
    return (
        f'<text x="{x}" y="{y}" font-size="{size}" font-weight="{weight}" fill="#ffffff">'
        f"{escape(words)}</text>\n"
    )


if __name__ == "__main__":
    sys.exit(main())
