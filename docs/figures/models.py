"""Draws the chart of whole networks: `python docs/figures/models.py`.

It reads the tables of docs/benchmarks.md that `nox -s bench -- models` has printed.
"""

import re
from pathlib import Path

from _style import BLUE, INK, MUTED, ORANGE, SMALL, card, save

PAGE = Path(__file__).resolve().parents[1] / "benchmarks.md"
ROW = re.compile(r"^\| ([^|*]+ \(\d+\)) \| ([\d.]+) \|", re.MULTILINE)


def ratios(title):
    """The names of the networks in the table under a title, and their ratios."""
    text = PAGE.read_text(encoding="utf-8")
    table = text[text.index(f"\n### {title}\n") :][1:]
    return ROW.findall(table[: table.index("\n### ", 5) if "\n### " in table[5:] else None])


def main():
    """Draw a pair of bars for each network, and the line at which both frameworks are equal."""
    training, inference = dict(ratios("Training")), dict(ratios("Inference"))
    figure = card(4.8)
    axes = figure.subplots()
    for i, name in enumerate(reversed(training)):
        for shift, color, found in ((0.18, BLUE, training), (-0.18, ORANGE, inference)):
            value = float(found[name])
            axes.barh(i + shift, value, 0.34, color=color)
            axes.text(
                value + 0.02, i + shift, f"{value:.2f}", va="center", fontsize=SMALL, color=INK
            )
    axes.set_yticks(range(len(training)), [name.split(":")[0] for name in reversed(training)])
    axes.axvline(1, color=MUTED, linewidth=1)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("time of the faster layout of PyTorch\n/ time of TinyTorch")
    for color, label in ((BLUE, "training step"), (ORANGE, "inference")):
        axes.barh(0, 0, color=color, label=label)
    figure.legend(loc="outside upper right", ncols=2)
    save(figure, "models")


if __name__ == "__main__":
    main()
