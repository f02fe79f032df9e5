"""Draws how a layer is swapped: `python docs/figures/replace_a_layer.py`."""

from html import escape
from pathlib import Path

PICTURE = Path(__file__).resolve().parents[1] / "images" / "replace-a-layer-swap.svg"
WIDTH, HEIGHT = 470, 316
INK, MUTED, BLUE, ORANGE, GREEN = "#1f2328", "#57606a", "#0072b2", "#b87f00", "#007a5a"
BOXES = (
    ("training", "stays", (178, 16, 276, 60), BLUE, "white", ""),
    ("optim", "yours", (178, 90, 84, 60), ORANGE, "#fdf1d8", ""),
    ("spatial", "stays", (276, 90, 84, 60), BLUE, "white", ""),
    ("data", "stays", (374, 90, 80, 134), BLUE, "white", ""),
    ("autograd", "stays", (178, 164, 182, 60), BLUE, "white", ""),
    ("tensor", "stays", (178, 238, 276, 60), BLUE, "white", ""),
    ("optim", "ours goes out", (16, 16, 122, 60), MUTED, "white", ' stroke-dasharray="5 4"'),
    ("mine/", "your folder", (16, 164, 122, 60), ORANGE, "#fdf1d8", ""),
    ("the contract", "its tests ask first", (16, 238, 122, 60), GREEN, "white", ""),
)
"""A name, what becomes of it, where it stands (left, top, width, height), and its look."""
WAYS = (
    (174, 108, 143, 66, MUTED),
    (141, 182, 174, 138, ORANGE),
    (77, 236, 77, 227, GREEN),
)
"""From here to there."""
HEAD = (
    f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
    f'width="{WIDTH}" height="{HEIGHT}" font-family="system-ui, sans-serif">'
)
GROUND = f'<rect width="{WIDTH}" height="{HEIGHT}" rx="12" fill="white"/>'


def svg():
    """The house with one box of another color, the old one outside, what comes in beside it."""
    parts = [HEAD, GROUND, *(way(*ends) for ends in WAYS), *(box(*look) for look in BOXES)]
    return "\n".join([*parts, "</svg>\n"])


def box(name, word, place, color, face, dashes):
    """A package, and what becomes of it."""
    x, y, width, height = place
    middle, center = x + width / 2, y + height / 2
    return (
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="7" fill="{face}" '
        f'stroke="{color}" stroke-width="2"{dashes}/>'
        f'<text x="{middle}" y="{center - 3}" fill="{INK}" font-size="15" font-weight="600" '
        f'text-anchor="middle">{escape(name)}</text>'
        f'<text x="{middle}" y="{center + 16}" fill="{MUTED}" font-size="12.5" '
        f'text-anchor="middle">{escape(word)}</text>'
    )


def way(x, y, u, v, color):
    """An arrow from (x, y) to (u, v)."""
    length = ((u - x) ** 2 + (v - y) ** 2) ** 0.5
    right, down = 9 * (u - x) / length, 9 * (v - y) / length
    back = u - right, v - down
    sides = [(back[0] - down / 2, back[1] + right / 2), (back[0] + down / 2, back[1] - right / 2)]
    head = " ".join(f"{a:.1f},{b:.1f}" for a, b in [(u, v), *sides])
    return (
        f'<path d="M {x} {y} L {back[0]:.1f} {back[1]:.1f}" stroke="{color}" stroke-width="2"/>'
        f'<polygon points="{head}" fill="{color}"/>'
    )


if __name__ == "__main__":
    PICTURE.write_text(svg(), encoding="utf-8")
    print(f"wrote {PICTURE}")
