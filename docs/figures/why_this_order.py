"""Draws three orders of the layers: `python docs/figures/why_this_order.py`."""

from _style import BLUE, INK, ORANGE, SMALL, card, save
from matplotlib.patches import FancyBboxPatch

ORDERS = {
    "before training": "tensor autograd optim data spatial training",
    "after training": "tensor autograd optim spatial training data",
    "split": "tensor autograd optim sets spatial training loader",
}
DATA = {"data", "sets", "loader"}
WIDTH, GAP, ROW = 13.2, 0.8, 9


def draw():
    """A row of boxes for each order; data have a color of their own."""
    figure = card(2.1)
    axes = figure.subplots()
    axes.set_axis_off()
    for row, (title, layers) in enumerate(ORDERS.items()):
        top = row * ROW
        axes.text(0, top + 1.6, title, fontsize=9, color=INK, va="center")
        for column, name in enumerate(layers.split()):
            color, face = (ORANGE, "#fdf1d8") if name in DATA else (BLUE, "white")
            x = column * (WIDTH + GAP)
            axes.add_patch(
                FancyBboxPatch(
                    (x, top + 3.2),
                    WIDTH,
                    4.2,
                    boxstyle="round,pad=0,rounding_size=0.8",
                    facecolor=face,
                    edgecolor=color,
                    linewidth=1.3,
                )
            )
            axes.text(
                x + WIDTH / 2, top + 5.4, name, fontsize=SMALL, color=INK, ha="center", va="center"
            )
    axes.set(xlim=(-0.5, 7 * (WIDTH + GAP)), ylim=(3 * ROW - 0.8, 0))
    save(figure, "why-this-order-orders")


if __name__ == "__main__":
    draw()
