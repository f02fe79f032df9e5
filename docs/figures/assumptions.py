"""Draws the bytes of a weight by what is done with it: `python docs/figures/assumptions.py`."""

from _style import BLUE, GREEN, ORANGE, SKY, SMALL, card, save

PARTS = (("weight", BLUE), ("gradient", SKY), ("first state", ORANGE), ("second state", GREEN))
LADDER = {"predict": 1, "SGD": 2, "SGD with\nmomentum": 3, "Adam": 4}
"""How many float32 numbers there are for each weight."""


def draw():
    """A bar for each use, of parts of four bytes."""
    figure = card(2.3)
    axes = figure.subplots()
    for row, count in enumerate(LADDER.values()):
        for place, (text, color) in enumerate(PARTS[:count]):
            axes.barh(
                row, 4, left=4 * place, height=0.7, color=color, alpha=0.45, edgecolor="white"
            )
            axes.text(4 * place + 2, row, text, ha="center", va="center", fontsize=SMALL)
    axes.set_yticks(range(len(LADDER)), list(LADDER))
    axes.set(
        ylim=(len(LADDER) - 0.5, -0.5),
        xlabel="bytes for each weight, float32,\nbefore the first image",
    )
    axes.set_xticks(range(0, 17, 4))
    axes.grid(visible=False, axis="y")
    save(figure, "assumptions-bytes")


if __name__ == "__main__":
    draw()
