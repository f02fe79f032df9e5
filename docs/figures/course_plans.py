"""Draws the plan of fifteen weeks out of its table: `python docs/figures/course_plans.py`."""

import re

from _style import COLORS, IMAGES, INK, SMALL, card, save

PAGE = IMAGES.parent / "teach" / "course-plans.md"
ROW = re.compile(r"^\| (\d+) \|.*\| (\w+), steps (\d) (and|to) (\d) \|$", re.MULTILINE)


def draw():
    """A strip of weeks for each layer, with the steps that are handed in."""
    plan = PAGE.read_text(encoding="utf-8").partition("## Twelve weeks")[0]
    found = [(int(week), layer, f"{a}-{b}") for week, layer, a, _, b in ROW.findall(plan)]
    layers = list(dict.fromkeys(layer for _, layer, _ in found))
    figure = card(2.5)
    axes = figure.subplots()
    for week, layer, text in found:
        row = layers.index(layer)
        axes.barh(row, 0.94, left=week - 0.47, height=0.72, color=COLORS[row], alpha=0.35)
        axes.text(week, row, text, ha="center", va="center", color=INK, fontsize=SMALL)
    axes.barh(len(layers), 0.94, left=14.53, height=0.72, color=INK, alpha=0.15)
    axes.text(15, len(layers), "talk", ha="center", va="center", color=INK, fontsize=SMALL)
    axes.axvline(8, color=INK, linewidth=0.8, linestyle=":")
    axes.text(8.1, len(layers), "midterm", va="center", color=INK, fontsize=SMALL)
    axes.set_yticks(range(len(layers) + 1), [*layers, "project"])
    axes.set_xticks(range(1, 16))
    axes.set(xlim=(0.4, 15.6), ylim=(len(layers) + 0.5, -0.5), xlabel="week")
    axes.set_title("steps handed in")
    axes.grid(visible=False)
    save(figure, "course-plans-weeks")


if __name__ == "__main__":
    draw()
