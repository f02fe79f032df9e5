"""Why a network says what it says, and how little deceives it: FGSM and Grad-CAM.

`python integration/examples/adversary.py` trains the reference network on the CIFAR-10 sample of
this repository for a few epochs. Steps along the sign of the gradient mislead it; the gradient at
its feature maps tells where it looks. Draws integration/out/adversary.png. Exits 1 unless FGSM
costs three times the accuracy that noise of its size costs, and hiding where the network looks
costs more than hiding where it does not.

Source: I. Goodfellow et al., Explaining and Harnessing Adversarial Examples, 2015; R. Selvaraju et
al., Grad-CAM, 2017.
"""

import sys

import numpy as np
from gate import passed, weights
from pictures import keep, panels, scores, show_image
from recipe import RECIPES

from tinytorch.autograd import Variable, no_grad
from tinytorch.data import CIFAR10
from tinytorch.tensor.functional import cross_entropy

STEP = 2 / 255 / np.array(CIFAR10.std, np.float32)[:, None, None]
"""Two of 255 levels of brightness, of normalized images."""


def deceive(model, images, labels):
    """Images `(batch, 3, 32, 32)` a small step to where the loss is larger, pixel by pixel."""
    leaf = Variable(images)
    gradient = cross_entropy(model(leaf), labels).backward()[leaf]
    return images + STEP * np.sign(gradient.numpy())


def heat(model, images):
    """Where the model looks for the class that it names, `(batch, 32, 32)`, from 0 to 1."""
    *layers, pool = model.features
    maps = images
    for layer in layers:
        maps = layer(maps)
    leaf = Variable(maps.detach())
    gradient = model.classifier(pool(leaf)).max(axis=1).sum().backward()[leaf].numpy()
    importance = gradient.mean(axis=(2, 3), keepdims=True)
    found = np.maximum((importance * leaf.detach().numpy()).sum(axis=1), 0)
    found /= np.maximum(found.max(axis=(1, 2), keepdims=True), 1e-9)
    return found.repeat(4, axis=1).repeat(4, axis=2)


def hidden(images, heats, *, hot):
    """Images whose hottest, or coldest, quarter is gray."""
    order = heats.reshape(len(heats), -1).argsort(axis=1, kind="stable")
    chosen = order[:, -256:] if hot else order[:, :256]
    mask = np.zeros(order.shape, bool)
    np.put_along_axis(mask, chosen, True, axis=1)
    return np.where(mask.reshape(-1, 1, 32, 32), np.float32(0), images)


def main():
    trainer = RECIPES["sample"].trainer(epochs=6, progress=False)
    model, before = trainer.model, weights(trainer.model)
    print(trainer.fit(epochs=6))
    model.eval()
    images, labels, _ = scores(trainer, trainer.val_loader)

    def right(changed):
        with no_grad():
            return (model(changed).numpy().argmax(axis=1) == labels).mean()

    noise = STEP * np.random.default_rng(0).choice([-1, 1], images.shape).astype(np.float32)
    deceived, heats = deceive(model, images, labels), heat(model, images)
    clean, noisy, attacked = right(images), right(images + noise), right(deceived)
    hot, cold = (right(hidden(images, heats, hot=which)) for which in (True, False))
    draw(model, images, deceived, heats)
    costs = f"of {clean:.0%} right noise leaves {noisy:.0%}, FGSM {attacked:.0%}"
    looks = f"{hot:.0%} right with the hottest quarter hidden, {cold:.0%} with the coldest"
    dear = clean - attacked > 3 * max(clean - noisy, 0.02)
    return passed(before, model, (costs, dear), (looks, hot < cold))


def draw(model, images, deceived, heats):
    """Draw images with what the network says of them, deceiving ones, and where it looks."""
    std, mean = (np.array(x)[:, None] for x in (CIFAR10.std, CIFAR10.mean))
    figure, axes = panels(3, 5, 3.4)
    for row, pixels in zip(axes, (images[:5], deceived[:5], images[:5]), strict=True):
        with no_grad():
            said = model(pixels).numpy().argmax(axis=1)
        for place, image, k, hot in zip(row, pixels, said, heats, strict=False):
            shown = (image.reshape(3, -1) * std + mean).clip(0, 1).T.reshape(32, 32, 3)
            show_image(place, shown, CIFAR10.classes[k])
            if place in axes[2]:
                show_image(place, hot, CIFAR10.classes[k], cmap="jet", alpha=0.45)
    keep(figure, "adversary")


if __name__ == "__main__":
    sys.exit(main())
