"""The figures of the gallery: runs the examples, which have to pass, and keeps their pictures.

    python docs/figures/gallery.py [EXAMPLE ...]

Those on MNIST need its files under $TINYTORCH_DATA or in the cache folder.
"""

import runpy
import shutil
import sys

import numpy as np
from _style import BLUE, IMAGES, ORANGE, card, save

EXAMPLES = IMAGES.parents[1] / "integration" / "examples"
sys.path.insert(0, str(EXAMPLES))
PICTURES = {
    "vae": "vae",
    "karate": "karate",
    "cart_pole": "cart_pole",
    "adversary": "adversary",
    "letters": "letters",
    "mlp_mnist": "mlp-mnist/mistakes",
    "cnn_mnist": "cnn-mnist/filters",
}


def perceptron():
    """Draw a zero, a one, and the weights that tell them apart."""
    import perceptron as example

    kept = kept_trainer(example)
    example.main()
    images = example.Digits().__getitems__(np.arange(2))[0]
    figure = card(1.9)
    shown = [*np.asarray(images)[:, 0], kept[0].model.weight.data.reshape(8, 8)]
    for axes, image, title in zip(
        figure.subplots(1, 3), shown, ("a zero", "a one", "weights:\nblue says one"), strict=True
    ):
        bound = abs(image).max()
        signed = {"cmap": "RdBu", "vmin": -bound, "vmax": bound}
        axes.imshow(image, **(signed if title.startswith("weights") else {"cmap": "gray_r"}))
        axes.set_title(title)
        axes.axis("off")
    save(figure, "gallery-perceptron")


def xor():
    """Draw where the network says one."""
    import xor as example

    kept = kept_trainer(example)
    example.main()
    ticks = np.linspace(-0.5, 1.5, 60, dtype=np.float32)
    points = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
    said = 1 / (1 + np.exp(-kept[0].model(points).detach().numpy().reshape(60, 60)))
    figure = card(3.6)
    axes = figure.subplots()
    drawn = axes.contourf(ticks, ticks, said, levels=8, cmap="PuOr", vmin=-0.3, vmax=1.3)
    figure.colorbar(drawn, label="says one", ticks=[0, 0.5, 1])
    for (x, y), answer in zip(example.CASES, example.ANSWERS[:, 0], strict=True):
        axes.scatter(x, y, 90, color=BLUE if answer else ORANGE, edgecolor="white", zorder=3)
        axes.annotate(f"{answer:.0f}", (x, y), (9, 7), textcoords="offset points", weight="bold")
    axes.set(xlabel="x", ylabel="y", xticks=[0, 1], yticks=[0, 1])
    axes.grid(visible=False)
    save(figure, "gallery-xor")


def kept_trainer(example):
    """Let an example's trainer be seen after it ran: it comes into the list."""
    kept, made = [], example.Trainer

    def keep(*arguments, **settings):
        kept.append(made(*arguments, **settings))
        return kept[0]

    example.Trainer = keep
    return kept


def run(name):
    """Run an example, which has to pass its gate, and keep its picture."""
    sys.argv[1:] = []  # the example reads settings there
    try:
        runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    except SystemExit as end:
        if end.code:
            raise
    drawn = EXAMPLES.parent / "out" / f"{PICTURES[name]}.png"
    shutil.copy(drawn, IMAGES / f"gallery-{name.replace('_', '-')}.png")


if __name__ == "__main__":
    for name in sys.argv[1:] or ["perceptron", "xor", *PICTURES]:
        {"perceptron": perceptron, "xor": xor}.get(name, lambda name=name: run(name))()
