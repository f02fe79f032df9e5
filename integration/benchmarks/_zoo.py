"""Networks that people train, each defined once, for whichever framework `nn` is.

A definition uses what both have under the same name; `ours` and `theirs` make the two namespaces.
"""

from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from types import SimpleNamespace


@dataclass(frozen=True)
class Model:
    """A network of the zoo: how it is made, and what goes in."""

    make: object
    shape: tuple
    batch: int
    images: bool = True
    classes: int = 10


def ours():
    """The modules of TinyTorch by the names that the definitions use."""
    from tinytorch import spatial
    from tinytorch.autograd import nn
    from tinytorch.tensor import functional

    return SimpleNamespace(
        **{name: getattr(nn, name) for name in ("Module", "Sequential", "Linear", "LayerNorm")},
        **{name: getattr(nn, name) for name in ("ReLU", "GELU", "Flatten")},
        **{name: getattr(spatial, name) for name in ("Conv2d", "BatchNorm2d", "MaxPool2d")},
        AdaptiveAvgPool2d=spatial.AdaptiveAvgPool2d,
        softmax=functional.softmax,
    )


def theirs():
    """The modules of PyTorch by the same names."""
    import torch

    return SimpleNamespace(**vars(torch.nn), softmax=lambda x: torch.softmax(x, -1))


def convolution(nn, inside, outside, kernel=3, stride=1, groups=1):
    """A convolution with batch norm and ReLU."""
    pad = kernel // 2
    conv = nn.Conv2d(inside, outside, kernel, stride, pad, groups=groups, bias=False)
    return [conv, nn.BatchNorm2d(outside), nn.ReLU()]


def residual(nn, inside, outside, stride):
    """The basic block: two 3 x 3 convolutions beside a shortcut."""

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            second = convolution(nn, outside, outside)[:2]
            self.branch = nn.Sequential(*convolution(nn, inside, outside, stride=stride), *second)
            short = [nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside)]
            self.shortcut = nn.Sequential(*(short if stride > 1 or inside != outside else []))
            self.relu = nn.ReLU()

        def forward(self, x):
            return self.relu(self.branch(x) + self.shortcut(x))

    return Block()


def head(nn, channels):
    """The mean over the image, and a linear layer."""
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10)]


def resnet(nn, widths, blocks, stem):
    """Stages of basic blocks; each but the first begins with a stride of 2."""
    layers, inside = list(stem), widths[0]
    for stage, width in enumerate(widths):
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            layers.append(residual(nn, inside, width, stride))
            inside = width
    return nn.Sequential(*layers, *head(nn, inside))


def resnet20(nn):
    return resnet(nn, (16, 32, 64), 3, convolution(nn, 3, 16))


def wide_residual(nn):
    return resnet(nn, (64, 128, 256), 1, convolution(nn, 3, 64))


def resnet18_stem(nn):
    stem = [*convolution(nn, 3, 64, 7, 2), nn.MaxPool2d(3, 2, 1)]
    return resnet(nn, (64, 128, 256), 2, stem)


def mobilenet(nn):
    """Inverted residuals: 1 x 1 up, depthwise with strides, 1 x 1 down."""

    class Inverted(nn.Module):
        def __init__(self, inside, outside, stride):
            super().__init__()
            middle = 6 * inside
            self.layers = nn.Sequential(
                *convolution(nn, inside, middle, 1),
                *convolution(nn, middle, middle, 3, stride, groups=middle),
                *convolution(nn, middle, outside, 1)[:2],
            )
            self.adds = stride == 1 and inside == outside

        def forward(self, x):
            return x + self.layers(x) if self.adds else self.layers(x)

    blocks = [Inverted(16, 24, 2), Inverted(24, 24, 1), Inverted(24, 32, 2), Inverted(32, 32, 1)]
    blocks += [Inverted(32, 64, 2)]
    return nn.Sequential(
        *convolution(nn, 3, 16), *blocks, *convolution(nn, 64, 256, 1), *head(nn, 256)
    )


def lenet(nn):
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
    )


def vgg(nn):
    layers, inside = [], 3
    for width in (32, 64, 128):
        layers += [nn.Conv2d(inside, width, 3, padding=1), nn.ReLU()]
        layers += [nn.Conv2d(width, width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        inside = width
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(inside * 16, 10))


def reference(nn, widths=(32, 64, 128), size=32):
    layers, inside = [], 3
    for width in widths:
        layers += [*convolution(nn, inside, width), nn.MaxPool2d(2)]
        inside = width
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(inside * (size // 8) ** 2, 10))


def resnet9(nn):
    """As `ResNet9` of `tinytorch.spatial`, without the scale of its scores."""

    class Residual(nn.Module):
        def __init__(self, width):
            super().__init__()
            blocks = (*convolution(nn, width, width), *convolution(nn, width, width))
            self.branch = nn.Sequential(*blocks)

        def forward(self, x):
            return x + self.branch(x)

    def pooled(inside, outside):
        return [*convolution(nn, inside, outside), nn.MaxPool2d(2)]

    stages = [*convolution(nn, 3, 64), *pooled(64, 128), Residual(128)]
    stages += [*pooled(128, 256), *pooled(256, 512), Residual(512), nn.MaxPool2d(4)]
    return nn.Sequential(*stages, nn.Flatten(), nn.Linear(512, 10))


def transformer(nn):
    """Two blocks of width 128 with 4 heads; attention is written out in both frameworks."""

    class Attention(nn.Module):
        def __init__(self, width, heads):
            super().__init__()
            self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
            self.heads = heads

        def split(self, x):
            batch, tokens, width = x.shape
            return x.reshape(batch, tokens, self.heads, width // self.heads).swapaxes(1, 2)

        def forward(self, x):
            q, k, v = self.split(self.query(x)), self.split(self.key(x)), self.split(self.value(x))
            weights = nn.softmax(q @ k.swapaxes(-1, -2) * (x.shape[-1] // self.heads) ** -0.5)
            return self.out((weights @ v).swapaxes(1, 2).reshape(*x.shape))

    class Block(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.attention, self.first = Attention(width, 4), nn.LayerNorm(width)
            self.second = nn.LayerNorm(width)
            self.mlp = nn.Sequential(
                nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
            )

        def forward(self, x):
            x = x + self.attention(self.first(x))
            return x + self.mlp(self.second(x))

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.blocks = nn.Sequential(Block(128), Block(128))
            self.head = nn.Linear(128, 10)

        def forward(self, x):
            return self.head(self.blocks(x).mean(1))

    return Network()


def mlp(*sizes):
    def make(nn):
        layers = []
        for inside, outside in pairwise(sizes):
            layers += [nn.Linear(inside, outside), nn.ReLU()]
        return nn.Sequential(*layers[:-1])

    return make


MODELS = {
    "reference: 32, 64, 128 channels": Model(reference, (3, 32, 32), 128),
    "ResNet-20: 16, 32, 64 channels": Model(resnet20, (3, 32, 32), 64),
    "basic residual: 64, 128, 256": Model(wide_residual, (3, 32, 32), 32),
    "MobileNetV2-like": Model(mobilenet, (3, 32, 32), 64),
    "LeNet-5": Model(lenet, (1, 28, 28), 64),
    "VGG-like, no batch norm": Model(vgg, (3, 32, 32), 64),
    "two transformer blocks": Model(transformer, (64, 128), 32, images=False),
    "MLP 784-256-128-10": Model(mlp(784, 256, 128, 10), (784,), 64, images=False),
    "MLP 784-2048-2048-10": Model(mlp(784, 2048, 2048, 10), (784,), 256, images=False),
    "ResNet-18 stem, 224 x 224": Model(resnet18_stem, (3, 224, 224), 4),
}
MORE = {
    "reference: 16, 32, 64": Model(partial(reference, widths=(16, 32, 64)), (3, 32, 32), 128),
    "reference: 64, 128, 256": Model(partial(reference, widths=(64, 128, 256)), (3, 32, 32), 128),
    "reference: 512 images": Model(reference, (3, 32, 32), 512),
    "reference: 224 x 224": Model(partial(reference, size=224), (3, 224, 224), 16),
    "ResNet9": Model(resnet9, (3, 32, 32), 64),
}
"""The reference network in other sizes, and one that is trained on CIFAR-10."""
