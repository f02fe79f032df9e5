"""Write as this project's documents do, letter by letter: `python integration/examples/letters.py`.

A transformer looks back at 32 letters. Draws integration/out/letters.png, what its first layer
looks at, and prints a text. Exits 1 unless it is better than a table of which letter follows which.

Source: A. Vaswani et al., Attention Is All You Need, 2017; A. Karpathy, makemore, 2022.
"""

import sys
from pathlib import Path

import numpy as np
from gate import passed, weights
from pictures import keep, panels, show_image

from tinytorch.autograd import nn, no_grad
from tinytorch.optim import AdamW
from tinytorch.optim.schedules import one_cycle
from tinytorch.tensor.functional import cross_entropy, softmax

LENGTH, WIDTH, HEADS, STEPS, BATCH = 32, 48, 4, 600, 16
LATER = np.triu(np.full((LENGTH, LENGTH), -1e9, np.float32), 1)
PAGES = sorted((Path(__file__).resolve().parents[2] / "packages").glob("*/README.md"))


class Block(nn.Module):
    """Letters `(batch, length, WIDTH)` look at those before them, then each thinks for itself."""

    def __init__(self, rng):
        self.mix, self.out = (nn.Linear(WIDTH, k * WIDTH, rng=rng) for k in (3, 1))
        wide, narrow = nn.Linear(WIDTH, 4 * WIDTH, rng=rng), nn.Linear(4 * WIDTH, WIDTH, rng=rng)
        self.look = nn.LayerNorm(WIDTH)
        self.think = nn.Sequential(nn.LayerNorm(WIDTH), wide, nn.GELU(), narrow)

    def forward(self, x):
        batch, length, _ = x.shape
        parts = self.mix(self.look(x)).reshape(batch, length, 3, HEADS, WIDTH // HEADS)
        query, key, value = (parts[:, :, i].transpose(0, 2, 1, 3) for i in range(3))
        scores = query @ key.swapaxes(2, 3) * (WIDTH // HEADS) ** -0.5
        self.looks = softmax(scores + LATER[:length, :length], axis=-1)
        x = x + self.out((self.looks @ value).transpose(0, 2, 1, 3).reshape(*x.shape))
        return x + self.think(x)


class Writer(nn.Module):
    """Letters `(batch, length)` become logits of those that follow, `(batch, length, letters)`."""

    def __init__(self, letters, rng):
        self.letter, self.place = (nn.Embedding(n, WIDTH, rng=rng) for n in (letters, LENGTH))
        blocks = (Block(rng), Block(rng), nn.LayerNorm(WIDTH), nn.Linear(WIDTH, letters, rng=rng))
        self.blocks = nn.Sequential(*blocks)

    def forward(self, text):
        return self.blocks(self.letter(text) + self.place(np.arange(text.shape[1])))


def loss_of(model, text, starts):
    rows = text[starts[:, None] + np.arange(LENGTH + 1)]
    return cross_entropy(model(rows[:, :-1]).transpose(0, 2, 1), rows[:, 1:])


def pairs_loss(train, test, letters):
    """The loss of a table of which letter follows which, in nats for a letter."""
    counts = np.full((letters, letters), 0.1)
    np.add.at(counts, (train[:-1], train[1:]), 1)
    return -np.log(counts / counts.sum(axis=1, keepdims=True))[test[:-1], test[1:]].mean()


def main():
    rng = np.random.default_rng(0)
    words = [letter for path in PAGES for letter in path.read_text(encoding="utf-8")]
    letters, text = np.unique(words, return_inverse=True)
    train, test = np.split(text, [len(text) * 9 // 10])
    model = Writer(len(letters), rng)
    optimizer, before = AdamW(model.parameters(), lr=0), weights(model)
    for step in range(STEPS):
        optimizer.lr = one_cycle(5e-3, STEPS)(step)
        starts = rng.integers(0, len(train) - LENGTH, BATCH)
        optimizer.step(loss_of(model, train, starts).backward())
    with no_grad():
        reached = loss_of(model, test, np.arange(0, len(test) - LENGTH - 1, LENGTH)).item()
        told = text[:LENGTH]
        for _ in range(100):
            shares = softmax(model(told[None, -LENGTH:])[0, -1] / 0.8).numpy().astype(float)
            told = np.append(told, rng.choice(len(letters), p=shares / shares.sum()))
        print("".join(letters[told]))
        model(test[None, :LENGTH])
    figure, axes = panels(1, HEADS, 1.4)
    for head, looks in enumerate(model.blocks[0].looks.numpy()[0]):
        show_image(axes[0][head], looks, f"head {head}", cmap="Blues")
    keep(figure, "letters")
    bound = pairs_loss(train, test, len(letters))
    text = f"{reached:.2f} nats for a letter, {bound:.2f} by pairs of letters"
    return passed(before, model, (text, reached < bound))


if __name__ == "__main__":
    sys.exit(main())
