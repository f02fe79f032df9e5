"""Times networks here and in onnxruntime, on one thread: `python docs/figures/onnx_speed.py`.

The contestants take turns; what counts is the median of the processor's time, which other programs
do not change much.
"""

import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime
from _style import BLUE, GREEN, MUTED, SMALL, card, save

from tinytorch.autograd import no_grad
from tinytorch.spatial import CNN, ResNet9
from tinytorch.tensor import from_numpy, kernels
from tinytorch.training import export_onnx

BATCHES, ROUNDS = (1, 16, 128), 9
NAMES = ("references", "kernels")


def exported(model):
    """A session of onnxruntime that computes the model on one thread."""
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        export_onnx(model, path, input_shape=(3, 32, 32))
        content = path.read_bytes()
    return onnxruntime.InferenceSession(content, settings, providers=["CPUExecutionProvider"])


def race(model, session, images):
    """Median milliseconds of the contestants."""
    wanted = session.get_inputs()[0].name
    inputs = from_numpy(images)

    def here(backend):
        with kernels.using(backend), no_grad():
            return model(inputs).data

    ways = {
        "references": lambda: here("reference"),
        "kernels": lambda: here("numba"),
        "onnxruntime": lambda: session.run(None, {wanted: images})[0],
    }
    scores = [way() for way in ways.values()]  # compiles, and is not counted
    assert all(np.allclose(one, scores[0], atol=1e-3) for one in scores)
    times = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            began = time.process_time()
            way()
            times[name].append(1e3 * (time.process_time() - began))
    return {name: statistics.median(found) for name, found in times.items()}


def measure():
    """For two networks and each size of a batch, how often onnxruntime's time ours is."""
    kernels.threads(1)
    models = {"CNN()": CNN(rng=0).eval(), "ResNet9(width=32)": ResNet9(width=32, rng=0).eval()}
    ratios = {}
    for title, model in models.items():
        session = exported(model)
        for batch in BATCHES:
            images = np.random.default_rng(0).normal(size=(batch, 3, 32, 32)).astype(np.float32)
            found = race(model, session, images)
            print(title, "batch", batch, {name: f"{one:.2f} ms" for name, one in found.items()})
            ratios.setdefault(title, []).append(
                [found[name] / found["onnxruntime"] for name in NAMES]
            )
    return ratios


def draw(ratios):
    """Bars for the references and the kernels, and the line of onnxruntime."""
    figure = card(2.9)
    for axes, (title, found) in zip(figure.subplots(1, 2), ratios.items(), strict=True):
        for place, pair in enumerate(found):
            for shift, (name, color) in enumerate(zip(NAMES, (MUTED, BLUE), strict=True)):
                ratio = pair[shift]
                spot = place + 0.34 * (shift - 0.5)
                axes.bar(spot, ratio, 0.32, color=color, label=name if place == 0 else None)
                axes.text(spot, ratio + 0.1, f"{ratio:.1f}", ha="center", fontsize=SMALL)
        axes.axhline(1, color=GREEN, linewidth=1.6, label="onnxruntime")
        axes.set_xticks(range(len(BATCHES)), BATCHES)
        axes.set(ylim=(0, 8.2), xlabel="images in a batch", title=title)
        axes.grid(visible=False, axis="x")
    axes.legend(loc="upper right")
    save(figure, "onnx-speed")


if __name__ == "__main__":
    draw(measure())
