"""Draws the figures of the chapter on convolution: `python docs/figures/convolution.py`.

The photographs are test images of the sample of CIFAR-10. The learned filters are those that
`nox -s cifar10` leaves in integration/out/cnn. With `--ladder` it prints the table of times
alone.
"""

import statistics
import sys
import time
from pathlib import Path

import numpy as np
from _style import BLUE, GRID, INK, MUTED, ORANGE, RED, SMALL, card, save
from matplotlib.patches import Rectangle
from numpy.lib.stride_tricks import sliding_window_view

from tinytorch.autograd import no_grad
from tinytorch.data import CIFAR10
from tinytorch.data.transforms import Normalize
from tinytorch.spatial import CNN, conv2d, conv_transpose2d
from tinytorch.tensor import kernels, ones, tensor
from tinytorch.training import load_safetensors

INTEGRATION = Path(__file__).resolve().parents[2] / "integration"
SAMPLE = INTEGRATION / "data" / "cifar10-sample"
LEARNED = INTEGRATION / "out" / "cnn" / "model.safetensors"
SHIP, PLANE, CAR = 1, 3, 6  # among the test images
SIZE, KERNEL = 6, 3
FRAMES = [(1, 0, 1), (1, 1, 1), (2, 0, 1), (2, 1, 1), (3, 0, 1), (3, 1, 1), (1, 2, 2)]


def photographs(*indices):
    """Test images of the sample, `(images, 3, 32, 32)` from 0 to 1."""
    images, _ = CIFAR10(SAMPLE, train=False).get_batch(np.array(indices))
    return np.asarray(images)


def show(axes, image, title="", **options):
    """Draw an image without a frame."""
    axes.imshow(image, interpolation="none", **options)
    axes.set_axis_off()
    axes.set_title(title, fontsize=SMALL, loc="center")


def edges():
    """Photographs, and what four kernels make of them."""
    chosen = {
        "left to\nright": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
        "top to\nbottom": [[-1, -2, -1], [0, 0, 0], [1, 2, 1]],
        "center\nagainst rest": [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]],
        "average": np.full((3, 3), 1 / 9),
    }
    weight = np.array(list(chosen.values()), np.float32)[:, None]
    images = photographs(SHIP, PLANE, CAR)
    gray = images.mean(axis=1, keepdims=True)
    answers = conv2d(tensor(gray), tensor(weight)).numpy()
    figure = card(3.2)
    grid = figure.subplots(len(images), 1 + len(chosen))
    for number, (row, image, answer) in enumerate(zip(grid, images, answers, strict=True)):
        show(row[0], image.transpose(1, 2, 0), "" if number else "photograph")
        for axes, name, values in zip(row[1:], chosen, answer, strict=True):
            scale = {"cmap": "gray", "vmin": 0, "vmax": 1}
            if name != "average":
                scale = {"cmap": "RdBu_r", "vmin": -2.5, "vmax": 2.5}
            show(axes, values, "" if number else name, **scale)
    save(figure, "convolution-edges")


def windows(number, stride, padding, dilation):
    """One frame: where the windows lie, how many read each pixel, and the size of the result."""
    counts = np.zeros((1, 1, SIZE, SIZE), np.float32)
    settings = {"stride": stride, "padding": padding, "dilation": dilation}
    rows = conv2d(tensor(counts), ones((1, 1, KERNEL, KERNEL)), **settings).shape[2]
    spread = conv_transpose2d(
        ones((1, 1, rows, rows)),
        ones((1, 1, KERNEL, KERNEL)),
        stride=stride,
        dilation=dilation,
    ).numpy()[0, 0]
    full = SIZE + 2 * padding
    readings = np.zeros((full, full), int)
    readings[: len(spread), : len(spread)] = spread
    figure = card(3.1)
    image, result = figure.subplots(1, 2, width_ratios=(SIZE + 4.2, SIZE + 0.2))
    for axes, around in ((image, 2.1), (result, 0.1)):
        axes.set_aspect("equal")
        axes.set_axis_off()
        axes.set(xlim=(-around, SIZE + around), ylim=(SIZE + 2.1, -2.1))
    for y, x in np.ndindex(full, full):
        row, column, read = y - padding, x - padding, readings[y, x]
        inside = 0 <= row < SIZE and 0 <= column < SIZE
        color = (0, 0.45, 0.70, 0.08 * read) if inside else "none"
        style = {"edgecolor": MUTED, "linewidth": 0.8} if inside else {"edgecolor": GRID, "ls": ":"}
        image.add_patch(Rectangle((column, row), 1, 1, facecolor=color, **style))
        text = str(read) if inside else "0"
        shade = {
            "color": INK if inside else MUTED,
            "fontsize": SMALL,
            "ha": "center",
            "va": "center",
        }
        image.text(column + 0.5, row + 0.5, text, **shade)
    reach = dilation * (KERNEL - 1) + 1
    for place, color in ((0, ORANGE), (1, RED)) if rows > 1 else ((0, ORANGE),):
        left = place * stride - padding + 0.05 * place
        size = {"linewidth": 2.2, "edgecolor": color, "facecolor": "none", "zorder": 3 + place}
        image.add_patch(Rectangle((left, -padding), reach, reach, **size))
    for y, x in np.ndindex(rows, rows):
        color = {(0, 0): ORANGE, (0, 1): RED}.get((y, x), "#eef1f4")
        result.add_patch(Rectangle((x, y), 1, 1, facecolor=color, edgecolor=MUTED, linewidth=0.8))
    image.set_title("how many windows\nread each pixel", loc="center")
    result.set_title(f"result, {rows} x {rows}", loc="center")
    save(figure, f"convolution-windows-{number}")


def unfolded():
    """Four windows of a 4 x 4 image become the rows of a matrix, the kernel a column."""
    image = np.arange(16).reshape(4, 4)
    under = sliding_window_view(image, (3, 3))
    figure = card(3.4)
    axes = figure.subplots()
    axes.set_aspect("equal")
    axes.set_axis_off()
    axes.set(xlim=(-0.3, 14), ylim=(11, -0.1))
    colors = {(0, 0): ORANGE, (0, 1): RED, (1, 0): BLUE, (1, 1): MUTED}
    table(axes, 2.5, 0, image)
    for (y, x), color in colors.items():
        inset = 0.03 + 0.05 * (2 * y + x)
        frame = {"facecolor": "none", "edgecolor": color, "linewidth": 1.4}
        axes.add_patch(
            Rectangle((2.5 + x + inset, y + inset), 3 - 2 * inset, 3 - 2 * inset, **frame)
        )
        table(axes, 0, 5.5 + 2 * y + x, under[y, x].reshape(1, 9), color)
        table(axes, 12.7, 5.5 + 2 * y + x, np.array([[f"z{y}{x}"]]), color)
    table(axes, 10.3, 0.5, np.array([[f"w{k}"] for k in range(9)]), "#eef1f4")
    label = {"ha": "center", "va": "center", "color": INK, "fontsize": 9}
    for x, y, text in ((4.5, 4.75, "↓"), (9.65, 7.5, "@"), (12, 7.5, "=")):
        axes.text(x, y, text, **{**label, "fontsize": 13})
    for x, y, text in (
        (1.1, 2, "image"),
        (4.5, 10.2, "each window a row"),
        (10.8, 10.2, "kernel"),
        (13, 10.2, "result"),
    ):
        axes.text(x, y, text, **label)
    save(figure, "convolution-unfolded")


def table(axes, left, top, values, color="none"):
    """Draw numbers in cells."""
    for y, x in np.ndindex(*values.shape):
        cell = {"facecolor": color, "edgecolor": MUTED, "linewidth": 0.7, "zorder": 1}
        alpha = 0.35 if color not in ("none", "#eef1f4") else None
        axes.add_patch(Rectangle((left + x, top + y), 1, 1, alpha=alpha, **cell))
        where = left + x + 0.5, top + y + 0.5
        axes.text(*where, str(values[y, x]), ha="center", va="center", fontsize=SMALL, zorder=4)


def filters():
    """The 32 filters of the first convolution, before and after eight epochs."""
    models = {"first weights": CNN(rng=np.random.default_rng(0)), "after 8 epochs": learned()}
    figure = card(4.9)
    parts = figure.subfigures(2, 1)
    for part, (name, model) in zip(parts, models.items(), strict=True):
        weight = model.features[0].weight.detach().numpy()
        part.set_facecolor("none")
        part.suptitle(name, fontsize=9)
        for axes, kernel in zip(part.subplots(4, 8).flat, weight, strict=True):
            show(axes, kernel.transpose(1, 2, 0) / (2 * np.abs(kernel).max()) + 0.5)
    save(figure, "convolution-filters")


def feature_maps():
    """One photograph, and the eight liveliest channels of each stage after its ReLU."""
    model, (image,) = learned().eval(), photographs(CAR)
    x = Normalize(CIFAR10.mean, CIFAR10.std)(image[None])
    stages = []
    with no_grad():
        for position, module in enumerate(model.features):
            x = module(x)
            if position % 4 == 2:
                stages.append(x.numpy()[0])
    figure = card(2.0)
    grid = figure.subplots(len(stages), 9)
    for row, maps in zip(grid, stages, strict=True):
        lively = np.argsort(-maps.std(axis=(1, 2)), kind="stable")[:8]
        show(row[0], image.transpose(1, 2, 0), f"{maps.shape[1]} x {maps.shape[2]}")
        for axes, channel in zip(row[1:], lively, strict=True):
            show(axes, maps[channel], f"{channel}", cmap="gray")
    save(figure, "convolution-maps")


def learned():
    """The reference network with the weights of `nox -s cifar10`."""
    if not LEARNED.exists():
        sys.exit(f"no {LEARNED}: train first, `nox -s cifar10`")
    model = CNN(rng=0)
    model.load_state_dict(load_safetensors(LEARNED))
    return model


def ladder(images=64, rounds=9):
    """Print how long each way to compute one convolution takes for an image."""
    generator = np.random.default_rng(0)
    x = generator.standard_normal((images, 32, 16, 16), dtype=np.float32)
    w = generator.standard_normal((64, 32, 3, 3), dtype=np.float32)
    ways = {
        "nine products": lambda: nine_products(x, w),
        "unfolded at once": lambda: unfold_and_multiply(x, w),
        "`conv2d`, NumPy alone": lambda: with_backend("reference", x, w),
    }
    if kernels.backends():
        ways["`conv2d`, kernels"] = lambda: with_backend("numba", x, w)
    results = {name: way() for name, way in ways.items()}
    seconds = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            begin = time.perf_counter()
            way()
            seconds[name].append((time.perf_counter() - begin) / images)
    begin = time.perf_counter()
    results["seven loops"] = seven_loops(x[:1], w)
    seconds["seven loops"] = [time.perf_counter() - begin]
    for name in ("seven loops", *ways):
        right = np.allclose(
            results[name], results["nine products"][: len(results[name])], atol=1e-3
        )
        took = statistics.median(seconds[name])
        rate = 2 * w.size * 16 * 16 / took / 1e9
        print(f"| {name} | {took * 1e3:,.3f} | {rate:,.3g} | {right}")


def with_backend(backend, x, w):
    """Our convolution by one backend."""
    with kernels.using(backend):
        return conv2d(tensor(x), tensor(w), padding=1).numpy()


def seven_loops(x, w):
    """The definition, pixel by pixel, in plain Python numbers."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1))).tolist()
    z = np.zeros((len(x), len(w), *x.shape[2:]))
    taps = w.tolist()
    for n, o, i, j in np.ndindex(*z.shape):
        total = 0.0
        for c in range(x.shape[1]):
            for k in range(3):
                for m in range(3):
                    total += padded[n][c][i + k][j + m] * taps[o][c][k][m]
        z[n, o, i, j] = total
    return z


def unfold_and_multiply(x, w):
    """All windows as rows of one matrix, one product."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    under = sliding_window_view(padded, (3, 3), axis=(2, 3))
    rows = under.transpose(0, 2, 3, 1, 4, 5).reshape(len(x) * 256, -1)
    return (rows @ w.reshape(len(w), -1).T).reshape(len(x), 16, 16, -1).transpose(0, 3, 1, 2)


def nine_products(x, w):
    """One product for each tap, with the channels last."""
    padded = np.pad(np.ascontiguousarray(x.transpose(0, 2, 3, 1)), ((0, 0), (1, 1), (1, 1), (0, 0)))
    z = np.zeros((len(x), 16, 16, len(w)), np.float32)
    for k, m in np.ndindex(3, 3):
        z += padded[:, k : k + 16, m : m + 16] @ w[:, :, k, m].T
    return z.transpose(0, 3, 1, 2)


if __name__ == "__main__":
    if sys.argv[1:] == ["--ladder"]:
        ladder()
        sys.exit()
    edges()
    for number, setting in enumerate(FRAMES):
        windows(number, *setting)
    unfolded()
    filters()
    feature_maps()
