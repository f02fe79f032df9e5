"""Draws the training step's speed from the tables of docs/benchmarks.md.

    python docs/figures/spatial.py

Images per second of the reference network at three widths, and how they grow with the batch.
"""

from _style import BLUE, IMAGES, MUTED, ORANGE, SKY, SMALL, card, save

PAGE = IMAGES.parent / "benchmarks.md"
COLORS = {
    "kernels": ORANGE,
    "NumPy alone": "#f5d28a",
    "torch channels_last": BLUE,
    "torch NCHW": SKY,
    "MyGrad": MUTED,
}


def table(title):
    """The rows under a bold title: for each, its name and milliseconds by contestant."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    begin = next(i for i, line in enumerate(lines) if line.startswith(f"**{title}"))
    rows = [line.strip("|").split("|") for line in lines[begin + 2 :]]
    names, cells = [name.strip() for name in rows[0]], []
    for row in rows[2:]:
        if len(row) < len(names) - 1:
            break
        times = zip(names[1:], row[1:], strict=False)  # a last cell may be empty
        cells.append((row[0].strip(), {n: float(x) for n, x in times if n in COLORS and x.strip()}))
    return cells


def main():
    """Bars for the widths, and lines over the batch."""
    figure = card(5.2)
    bars, lines = figure.subplots(2, 1)
    widths = table("Training step, batch 128")
    for i, (name, color) in enumerate(COLORS.items()):
        speed = [128e3 / times[name] for _, times in widths]
        bars.bar([x + 0.16 * i for x in range(len(widths))], speed, 0.16, label=name, color=color)
    bars.set_xticks([x + 0.32 for x in range(len(widths))], [name for name, _ in widths])
    bars.set(xlabel="channels of the three convolutions", title="images a second, batch 128")
    bars.grid(visible=False, axis="x")
    batches = [*table("Training step of the reference network"), ("128", widths[0][1])]
    batches.sort(key=lambda row: int(row[0]))
    for name, color in COLORS.items():
        points = [(int(b), int(b) * 1e3 / t[name]) for b, t in batches if name in t]
        if len(points) > 1:
            lines.plot(*zip(*points, strict=True), "o-", color=color, markersize=4)
    lines.set_xscale("log", base=2)
    lines.set_xticks([int(b) for b, _ in batches], [b for b, _ in batches])
    lines.set(xlabel="batch", title="images a second, 32, 64 and 128 channels")
    figure.legend(loc="outside lower center", ncols=3, fontsize=SMALL)
    save(figure, "spatial-speed")


if __name__ == "__main__":
    main()
