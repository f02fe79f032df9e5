"""The look of the pages' figures: dark ink on a white card, which light and dark pages may hold."""

from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

IMAGES = Path(__file__).resolve().parents[1] / "images"
INK, MUTED, GRID = "#1f2328", "#57606a", "#d0d7de"
BLUE, ORANGE, GREEN, RED, PINK, SKY = COLORS = (
    "#0072b2",
    "#e69f00",
    "#009e73",
    "#d55e00",
    "#cc79a7",
    "#56b4e9",
)

mpl.rcParams.update(
    {
        "axes.edgecolor": MUTED,
        "axes.grid": True,
        "axes.grid.axis": "both",
        "axes.labelcolor": INK,
        "axes.prop_cycle": mpl.cycler(color=COLORS),
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlelocation": "left",
        "axes.titlesize": 10,
        "font.size": 9.5,
        "grid.color": GRID,
        "grid.linewidth": 0.6,
        "legend.frameon": False,
        "lines.linewidth": 1.6,
        "svg.hashsalt": "tinytorch",
        "text.color": INK,
        "xtick.color": MUTED,
        "ytick.color": MUTED,
    }
)


def card(width, height):
    """A figure of that many inches with a white rounded ground; a page is 7.2 inches wide."""
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="none")
    figure.get_layout_engine().set(rect=(0.015, 0.02, 0.97, 0.96), wspace=0.04, hspace=0.04)
    figure.add_artist(
        FancyBboxPatch(
            (0, 0),
            width,
            height,
            boxstyle="round,pad=0,rounding_size=0.12",
            transform=figure.dpi_scale_trans,
            facecolor="white",
            edgecolor="none",
            zorder=-10,
        )
    )
    return figure


def save(figure, name):
    """Write a figure as `docs/images/NAME.svg`, the same bytes each time."""
    path = IMAGES / f"{name}.svg"
    figure.savefig(path, metadata={"Date": None})
    print(f"wrote {path}")
