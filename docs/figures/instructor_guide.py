"""Draws what an assignment goes through: `python docs/figures/instructor_guide.py`."""

from _style import BLUE, GREEN, INK, MUTED, ORANGE, SMALL, card, save
from matplotlib.patches import FancyBboxPatch

BOXES = {
    "source": (0, 0, "a layer and its\nsteps.toml", MUTED),
    "release": (0, 1, "release:\nnotebook or package", BLUE),
    "student": (0, 2, "student writes,\nasks check(3)", ORANGE),
    "submitted": (0, 3, "handed in", ORANGE),
    "tests": (1, 3, "tests, in a process\nof their own", BLUE),
    "hand": (1, 2, "answers in words,\nread by you", GREEN),
    "points": (1, 1, "gradebook", BLUE),
    "export": (1, 0, "points exported", GREEN),
}
ARROWS = (
    ("source", "release", "make"),
    ("release", "student", ""),
    ("student", "submitted", ""),
    ("submitted", "tests", "grade"),
    ("tests", "hand", ""),
    ("hand", "points", ""),
    ("points", "export", ""),
    ("tests", "student", "feedback"),
)
ACROSS, HEIGHT, GAP, DROP = 1.6, 0.52, 2.6, 0.9


def draw():
    """Eight boxes and the way through them."""
    figure = card(3.6)
    axes = figure.subplots()
    axes.set_aspect("equal")
    axes.set_axis_off()
    axes.set(xlim=(-0.1, GAP + ACROSS + 0.1), ylim=(-3 * DROP - 0.1, HEIGHT + 0.1))
    for column, row, text, color in BOXES.values():
        corner = (column * GAP, -row * DROP)
        axes.add_patch(
            FancyBboxPatch(
                corner,
                ACROSS,
                HEIGHT,
                boxstyle="round,pad=0,rounding_size=0.08",
                facecolor="white",
                edgecolor=color,
                linewidth=1.5,
            )
        )
        x, y = corner[0] + ACROSS / 2, corner[1] + HEIGHT / 2
        axes.text(x, y, text, ha="center", va="center", color=INK, fontsize=SMALL)
    for begin, end, text in ARROWS:
        arrow(axes, BOXES[begin][:2], BOXES[end][:2], text)
    save(figure, "instructor-guide-assignment")


def arrow(axes, begin, end, text):
    """From the edge of one box to that of another, with a word on the way."""
    (x, y), (u, v) = (
        (column * GAP + ACROSS / 2, HEIGHT / 2 - row * DROP) for column, row in (begin, end)
    )
    across, down = (u > x) - (u < x), (v > y) - (v < y)
    if begin[1] != end[1]:
        start, stop = (x, y + down * HEIGHT / 2), (u, v - down * HEIGHT / 2)
    else:
        start, stop = (x + across * ACROSS / 2, y), (u - across * ACROSS / 2, v)
    axes.annotate("", stop, start, arrowprops={"arrowstyle": "->", "color": MUTED})
    lift = 0 if down else 0.14
    middle = ((start[0] + stop[0]) / 2, (start[1] + stop[1]) / 2 + lift)
    ground = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
    axes.text(*middle, text, ha="center", va="center", color=INK, fontsize=SMALL, bbox=ground)


if __name__ == "__main__":
    draw()
