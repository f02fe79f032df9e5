"""Digits that nobody wrote, by a variational autoencoder: `python integration/examples/vae.py`.

An encoder turns an image into a small normal distribution, a decoder turns a draw from it into an
image again. Draws integration/out/vae.png. Exits 1 unless the bound of the log-likelihood
of test images is better than that of a coder that knows each pixel's mean.

Source: D. Kingma, M. Welling, Auto-Encoding Variational Bayes, 2014.
"""

import sys

import numpy as np
from gate import passed, weights
from pictures import keep, panels, show_image

from tinytorch.autograd import nn
from tinytorch.data import DataLoader, Digits, TensorDataset
from tinytorch.optim import Adam
from tinytorch.tensor.functional import binary_cross_entropy_with_logits, sigmoid
from tinytorch.training import Trainer

CODE = 8


class VAE(nn.Module):
    """Images `(batch, 1, 8, 8)` become logits of their pixels and the cost of their codes."""

    def __init__(self, rng):
        self.encoder = nn.Sequential(
            nn.Flatten(), nn.Linear(64, 128, rng=rng), nn.ReLU(), nn.Linear(128, 2 * CODE, rng=rng)
        )
        self.decoder = nn.Sequential(
            nn.Linear(CODE, 128, rng=rng), nn.ReLU(), nn.Linear(128, 64, rng=rng)
        )
        self.rng = rng

    def forward(self, images):
        code = self.encoder(images)
        mean, log_variance = code[:, :CODE], code[:, CODE:]
        noise = self.rng.standard_normal(mean.shape, dtype=np.float32)
        # The distance, in nats, of the code's distribution from the standard normal one.
        cost = ((mean**2 + log_variance.exp() - log_variance - 1) / 2).sum(axis=1)
        return self.decoder(mean + (log_variance / 2).exp() * noise), cost


def loss(outputs, images):
    """The negative bound of the log-likelihood of an image, in nats."""
    logits, cost = outputs
    pixels = binary_cross_entropy_with_logits(logits, images.reshape(logits.shape)) * 64
    return pixels + cost.mean()


def images(train):
    """The digits' pixels from 0 to 1, `(images, 1, 8, 8)`."""
    return np.stack([np.asarray(image) for image, _ in Digits(train=train)])


def coder_bound(train, test):
    """The loss of a coder that knows no more than how bright each pixel is on average."""
    bright = train.mean(axis=0).clip(1e-3, 1 - 1e-3)
    nats = test * np.log(bright) + (1 - test) * np.log(1 - bright)
    return float(-nats.sum(axis=(1, 2, 3)).mean())


def draw(model, test):
    """Draw test images, the same by way of their codes, and images of random codes."""
    again, _ = model(test[:10])
    drawn = model.decoder(model.rng.standard_normal((10, CODE), dtype=np.float32))
    rows = [test[:10, 0], *(sigmoid(x.detach()).numpy() for x in (again, drawn))]
    figure, axes = panels(3, 10, 2.0)
    for line, row, title in zip(axes, rows, ("digits", "decoded", "invented"), strict=True):
        for place, image in zip(line, row.reshape(10, 8, 8), strict=True):
            show_image(place, image, title if place is line[0] else "", vmin=0, vmax=1)
    keep(figure, "vae")


def main():
    train, test = images(train=True), images(train=False)
    batches = DataLoader(TensorDataset(train, train), batch_size=50, shuffle=True)
    trainer = Trainer(VAE, Adam(lr=3e-3), batches, [(test, test)], loss, (), seed=0, progress=False)
    before = weights(trainer.model)
    history = trainer.fit(epochs=30)
    print(history)
    reached = history["val_loss"][-1]
    draw(trainer.model, test)
    bound = coder_bound(train, test)
    text = f"{reached:.1f} nats for a test image; {bound:.1f} without a code, 1.5 better wanted"
    return passed(before, trainer.model, (text, reached < bound - 1.5))


if __name__ == "__main__":
    sys.exit(main())
