"""The look of the pages' figures: dark ink on a white card, which light and dark pages may hold."""

import itertools
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from matplotlib.text import Text

IMAGES = Path(__file__).resolve().parents[1] / "images"
WIDTH = 4.6
"""Inches of a card. On a phone of 390 pixels a picture has 358, and is shrunk to them; a card of
this width has letters there that can be read, and on a desktop it stands as it is."""
SMALL = 8.5
"""Points of the smallest letters, which a phone shows 9 pixels high."""
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
        "axes.axisbelow": True,
        "axes.edgecolor": MUTED,
        "axes.grid": True,
        "axes.grid.axis": "both",
        "axes.labelcolor": INK,
        "axes.prop_cycle": mpl.cycler(color=COLORS),
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlelocation": "left",
        "axes.titlesize": 9.5,
        "font.size": 9,
        "grid.color": GRID,
        "grid.linewidth": 0.6,
        "legend.frameon": False,
        "lines.linewidth": 1.6,
        "svg.hashsalt": "tinytorch",
        "text.color": INK,
        "xtick.color": MUTED,
        "xtick.labelsize": SMALL,
        "ytick.color": MUTED,
        "ytick.labelsize": SMALL,
    }
)


def card(height):
    """A figure with a white rounded ground, that many inches high and `WIDTH` wide.

    What does not fit beside one another stands beneath one another.
    """
    figure = Figure(figsize=(WIDTH, height), layout="constrained", facecolor="none")
    figure.get_layout_engine().set(rect=(0.015, 0.02, 0.97, 0.96), wspace=0.04, hspace=0.04)
    figure.add_artist(
        FancyBboxPatch(
            (0, 0),
            WIDTH,
            height,
            boxstyle="round,pad=0,rounding_size=0.12",
            transform=figure.dpi_scale_trans,
            facecolor="white",
            edgecolor="none",
            zorder=-10,
        )
    )
    return figure


def board(height):
    """A card, and axes over all of it in inches, their origin in the lower left corner."""
    figure = card(height)
    figure.set_layout_engine("none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, WIDTH), ylim=(0, height))
    axes.axis("off")
    return figure, axes


def save(figure, name):
    """Write a figure as `docs/images/NAME.svg`, the same bytes each time, if it can be read.

    Raises:
        ValueError: Letters are too small for a phone, stand on one another, or leave the card.
    """
    figure.draw_without_rendering()
    for fault in unreadable(figure):
        raise ValueError(f"{name}: {fault}")
    path = IMAGES / f"{name}.svg"
    figure.savefig(path, metadata={"Date": None})
    print(f"wrote {path}")


def unreadable(figure):
    """What is wrong with the letters of a figure that is laid out."""
    axes = [axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)]
    beyond = {label for axis in axes for label in undrawn(axis)}
    texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text()]
    places = {text: text.get_window_extent() for text in texts if text not in beyond}
    for text, place in places.items():
        if text.get_fontsize() < SMALL:
            yield f"{text.get_text()!r} has letters of {text.get_fontsize()} points"
        if place.x0 < 0 or place.y0 < 0 or place.x1 > figure.bbox.x1 or place.y1 > figure.bbox.y1:
            yield f"{text.get_text()!r} leaves the card"
    for (text, place), (other, there) in itertools.combinations(places.items(), 2):
        if place.overlaps(there):
            yield f"{text.get_text()!r} stands on {other.get_text()!r}"


def undrawn(axis):
    """The labels of ticks that lie outside of what is shown."""
    low, high = sorted(axis.get_view_interval())
    for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
        if not (axis.axes.axison and low <= tick.get_loc() <= high):
            yield tick.label1
