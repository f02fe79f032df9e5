"""Orders: lists of indices, drawn anew for each epoch, and cut into batches."""

from collections.abc import Iterable, Sized
from itertools import islice
from typing import Protocol, runtime_checkable

import numpy as np

from tinytorch.tensor import ArgumentError, checks, random


@runtime_checkable
class Sampler(Protocol):
    """What has an order and a length."""

    def __len__(self): ...
    def order(self, rng=None): ...


class Drawn:
    """An order that is drawn by a generator."""

    def __iter__(self):
        return iter(self.order().tolist())


def sized(name, source):
    return source if isinstance(source, Sized) else range(checks.whole(name, "source", source, 0))


class SequentialSampler(Drawn):
    """0, 1, 2, ..."""

    def __init__(self, source):
        self.source = sized("SequentialSampler", source)

    def __len__(self):
        return len(self.source)

    def order(self, rng=None):
        return np.arange(len(self))


class RandomSampler(Drawn):
    """A permutation, a part of it, or independent draws."""

    def __init__(self, source, replacement=False, num_samples=None):
        self.source = sized("RandomSampler", source)
        self.replacement = checks.flag("RandomSampler", "replacement", replacement)
        self.num_samples = num_samples
        if num_samples is not None:
            checks.whole("RandomSampler", "num_samples", num_samples, 0)
            if num_samples > len(self.source) and not replacement:
                raise too_many("RandomSampler", len(self.source))

    def __len__(self):
        return len(self.source) if self.num_samples is None else self.num_samples

    def order(self, rng=None):
        draw, items = random.generator(rng), len(self.source)
        if self.replacement and items:
            return draw.integers(0, items, len(self))
        return draw.permutation(items)[: len(self)]


class WeightedSampler(Drawn):
    """Draws with shares."""

    def __init__(self, weights, num_samples=None, replacement=True):
        weights = np.asarray(weights, np.float64)
        if (
            weights.ndim != 1
            or not (np.isfinite(weights) & (weights >= 0)).all()
            or not weights.any()
        ):
            raise ArgumentError(
                "WeightedSampler",
                expected="weights, one of them above 0, none below",
                got=f"{weights}",
                fix="for instance 1 / np.bincount(labels)[labels]",
            )
        self.weights, self.replacement = weights, replacement
        wanted = len(weights) if num_samples is None else num_samples
        self.num_samples = checks.whole("WeightedSampler", "num_samples", wanted, 0)
        if not replacement and self.num_samples > np.count_nonzero(weights):
            raise too_many("WeightedSampler", np.count_nonzero(weights))

    def __len__(self):
        return self.num_samples

    def order(self, rng=None):
        shares = self.weights / self.weights.sum()
        return random.generator(rng).choice(len(shares), len(self), self.replacement, shares)


class BatchSampler:
    """An order in batches."""

    def __init__(self, sampler, batch_size, drop_last=False):
        if not isinstance(sampler, Sized) or not isinstance(sampler, Sampler | Iterable):
            raise ArgumentError(
                "BatchSampler",
                expected="indices with a length",
                got=f"{sampler!r:.60}",
                fix="list()",
            )
        self.sampler = sampler
        self.batch_size = checks.whole("BatchSampler", "batch_size", batch_size, 1)
        self.drop_last = checks.flag("BatchSampler", "drop_last", drop_last)

    def __len__(self):
        whole, rest = divmod(len(self.sampler), self.batch_size)
        return whole + bool(rest and not self.drop_last)

    def batches(self, rng=None):
        sampler = self.sampler
        indices = iter(sampler.order(rng) if isinstance(sampler, Sampler) else sampler)
        while batch := list(islice(indices, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield np.asarray(batch)

    def __iter__(self):
        return self.batches()


def too_many(name, most):
    return ArgumentError(
        name, expected=f"at most {most} samples", got="more", fix="replacement=True"
    )
