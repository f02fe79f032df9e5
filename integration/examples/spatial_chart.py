"""Draw the training step's speed from the tables in docs/benchmarks.md.

    python integration/examples/spatial_chart.py

writes docs/images/spatial-speed.svg: images per second of the reference network at three widths,
and how they grow with the batch.
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COLORS = {
    "kernels": "#d9480f",
    "NumPy alone": "#f4a582",
    "torch channels_last": "#2b6a99",
    "torch NCHW": "#92c5de",
    "MyGrad": "#bbbbbb",
}


def table(title):
    """The rows under a bold title: for each, its name and milliseconds by contestant."""
    lines = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8").splitlines()
    begin = next(i for i, line in enumerate(lines) if line.startswith(f"**{title}"))
    rows = [line.strip("|").split("|") for line in lines[begin + 2 :]]
    names, cells = [name.strip() for name in rows[0]], []
    for row in rows[2:]:
        if len(row) != len(names):
            break
        times = zip(names[1:], row[1:], strict=True)
        cells.append((row[0].strip(), {n: float(x) for n, x in times if n in COLORS and x.strip()}))
    return cells


def main():
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "tinytorch"
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    widths = table("Training step, batch 128")
    for i, (name, color) in enumerate(COLORS.items()):
        speed = [128e3 / times[name] for _, times in widths]
        left.bar([x + 0.16 * i for x in range(len(widths))], speed, 0.16, label=name, color=color)
    left.set_xticks([x + 0.32 for x in range(len(widths))], [name for name, _ in widths])
    left.set_xlabel("channels of the three convolutions, batch 128")
    left.set_ylabel("images per second")
    left.legend(frameon=False, fontsize=8)
    batches = [*table("Training step of the reference network"), ("128", widths[0][1])]
    batches.sort(key=lambda row: int(row[0]))
    for name, color in COLORS.items():
        points = [(int(b), int(b) * 1e3 / t[name]) for b, t in batches if name in t]
        if len(points) > 1:
            right.plot(*zip(*points, strict=True), marker="o", color=color)
    right.set_xscale("log", base=2)
    right.set_xticks([int(b) for b, _ in batches], [b for b, _ in batches])
    right.set_xlabel("batch, channels 32, 64, 128")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    path = ROOT / "docs" / "images" / "spatial-speed.svg"
    figure.savefig(path, metadata={"Date": None})
    print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
