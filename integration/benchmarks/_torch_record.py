"""The network and the filters' rule of the recipe `record`, in PyTorch: what accuracy.py compares.

Both hold the parameters in the same order as integration/examples/record.py.
"""

import math

import torch
from torch import nn


def torch_record(widths=(64, 256, 256), classes=10):
    """The network of `record`, in the memory format that PyTorch is fastest with."""
    blocks = []
    for before, width in zip((24, *widths), widths, strict=False):
        blocks += [_convolution(before, width), nn.MaxPool2d(2), *_active(width)]
        blocks += [_convolution(width, width), *_active(width)]
    blocks += [_convolution(width, width), *_active(width)]
    features = nn.Sequential(nn.SiLU(), *blocks, nn.MaxPool2d(3), nn.Flatten())
    return _Network(features, nn.Linear(widths[-1], classes, bias=False))


class Muon(torch.optim.Optimizer):
    """Momentum made orthogonal for filters; `torch.optim.Muon` takes matrices alone.

    Each bank is brought to the norm sqrt(outputs) before its step, as `Filters` in
    integration/examples/record.py does, unless `rescale` is False.
    """

    def __init__(self, params, lr, momentum, ns_steps, rescale=True):
        super().__init__(params, {"lr": lr, "momentum": momentum, "ns_steps": ns_steps})
        self.rescale = rescale

    @torch.no_grad()
    def step(self):
        """Move the filters."""
        for group in self.param_groups:
            momentum = group["momentum"]
            for p in group["params"]:
                kept = self.state[p].setdefault("momentum_buffer", torch.zeros_like(p))
                kept.mul_(momentum).add_(p.grad)
                direction = p.grad.add(kept, alpha=momentum)
                if self.rescale:
                    p.mul_(math.sqrt(len(p)) / p.norm())
                d = _orthogonal(direction.reshape(len(p), -1), group["ns_steps"])
                scale = math.sqrt(max(1, d.shape[0] / d.shape[1]))
                p.add_(d.reshape(p.shape), alpha=-group["lr"] * scale)


class _Network(nn.Module):
    def __init__(self, features, head):
        super().__init__()
        self.whitening = nn.Conv2d(3, 24, 2)
        self.features = features
        self.head = head

    def forward(self, x):
        return self.head(self.features(self.whitening(x))) / self.head.in_features


def _convolution(before, after):
    return nn.Conv2d(before, after, 3, padding=1, bias=False)


def _active(channels):
    return nn.BatchNorm2d(channels, eps=1e-12, momentum=0.4), nn.SiLU()


def _orthogonal(d, steps):
    """Return a matrix with the directions of `d` and singular values near 1."""
    x = d.T if d.shape[0] > d.shape[1] else d
    x = x / (x.norm() + 1e-7)
    for _ in range(steps):
        a = x @ x.T
        x = 3.4445 * x + (-4.775 * a + 2.0315 * (a @ a)) @ x
    return x.T if d.shape[0] > d.shape[1] else x
