"""Transforms: functions of a batch of images and settings, which a decorator makes classes."""

from inspect import signature

import numpy as np

from tinytorch.tensor import ArgumentError, DTypeError, ShapeError, checks
from tinytorch.tensor import random as tensor_random


def apply(transform, batch, rng):
    """Call a transform, with a generator if it is random."""
    return transform(batch, rng=rng) if getattr(transform, "random", False) else transform(batch)


def check_transform(transform):
    if not callable(transform) or isinstance(transform, type):
        raise ArgumentError(
            "transforms",
            expected="what can be called with a batch",
            got=f"{transform!r:.60}",
            fix="make one: ToFloat()",
        )
    return transform


def as_images(name, images):
    images = np.asarray(images)
    if images.ndim != 4:
        raise ShapeError(
            name,
            expected="(batch, channels, height, width)",
            got=f"{images.shape}",
            fix="add the missing axes: images[None]",
        )
    return images


def transform(*, random=False, **ranges):
    """Make a class of a function of images, a generator if it is random, and settings."""

    def make(function):
        name, settings = function.__name__, list(signature(function).parameters.values())
        settings = signature(function).replace(parameters=settings[1 + random :])

        def __init__(self, *args, **kwargs):  # noqa: N807 - a method of the class that is made
            given = settings.bind(*args, **kwargs)
            given.apply_defaults()
            for key, value in given.arguments.items():
                setattr(self, key, ranges[key](name, key, value) if key in ranges else value)

        def __call__(self, images, **more):  # noqa: N807
            images = as_images(name, images)
            draw = [tensor_random.generator(more.pop("rng", None))] if random else []
            own = {key: getattr(self, key) for key in settings.parameters}
            return function(images, *draw, **own, **more)

        body = {"__init__": __init__, "__call__": __call__, "random": random}
        return type(name, (), {**body, "__doc__": function.__doc__, "__module__": __name__})

    return make


def size(name, key, value):
    return checks.pair(name, key, value, 1)


def width(name, key, value):
    return checks.pair(name, key, value, 0)


@transform()
def ToFloat(images):  # noqa: N802
    """float32: bytes from 0 to 1."""
    if images.dtype == np.uint8:
        return images / np.float32(255)
    if images.dtype.kind != "f":
        raise DTypeError(
            "ToFloat", expected="bytes or floats", got=f"{images.dtype}", fix="convert them"
        )
    return images.astype(np.float32, copy=False)


@transform(padding=width)
def Pad(images, padding, value=0):  # noqa: N802
    """A frame of pixels."""
    return np.pad(images, ((0, 0), (0, 0), *[(n, n) for n in padding]), constant_values=value)


@transform(size=size)
def CenterCrop(images, size):  # noqa: N802
    """The middle."""
    top, left = room("CenterCrop", images, size) // 2
    return images[:, :, top : top + size[0], left : left + size[1]]


@transform(random=True, size=size, padding=width)
def RandomCrop(images, draw, size, padding=0, padding_mode="constant"):  # noqa: N802
    """A window anywhere."""
    mode = checks.choice(
        "RandomCrop", "padding_mode", padding_mode, ("constant", "edge", "reflect", "symmetric")
    )
    framed = np.pad(images, ((0, 0), (0, 0), *[(n, n) for n in padding]), mode)
    places = draw.integers(0, room("RandomCrop", framed, size) + 1, (len(images), 2))
    down, right = size
    return np.array(
        [
            image[:, top : top + down, left : left + right]
            for image, (top, left) in zip(framed, places.tolist(), strict=True)
        ],
        images.dtype,
    ).reshape(len(images), images.shape[1], *size)


@transform(random=True, p=checks.fraction)
def RandomHorizontalFlip(images, draw, p=0.5):  # noqa: N802
    """Left for right."""
    chosen = draw.random(len(images)) < p
    return np.where(chosen[:, None, None, None], images[..., ::-1], images)


@transform(random=True, p=checks.fraction)
def RandomVerticalFlip(images, draw, p=0.5):  # noqa: N802
    """Top for bottom."""
    chosen = draw.random(len(images)) < p
    return np.where(chosen[:, None, None, None], images[:, :, ::-1], images)


@transform(random=True, size=size, p=checks.fraction)
def RandomErasing(images, draw, size=8, p=0.5, value=0):  # noqa: N802
    """A patch of one value."""
    chosen, middles = draw.random(len(images)) < p, draw.random((len(images), 2))
    inside = chosen[:, None, None]
    for axis, (n, length) in enumerate(zip(images.shape[2:], size, strict=True)):
        first = (middles[:, axis] * n).astype(int)[:, None] - length // 2
        at = np.arange(n) - first
        covered = (at >= 0) & (at < length)
        inside = inside & (covered[:, :, None] if axis == 0 else covered[:, None, :])
    return np.where(inside[:, None], np.asarray(value, images.dtype), images)


@transform(random=True, strength=checks.fraction)
def RandomBrightness(images, draw, strength=0.2):  # noqa: N802
    """Times a factor."""
    factors = draw.uniform(1 - strength, 1 + strength, (len(images), 1, 1, 1))
    return np.clip(ToFloat()(images) * factors.astype(np.float32), 0, 1)


def room(name, images, size):
    """How many pixels there are beyond a size."""
    left = np.subtract(images.shape[2:], size)
    if (left < 0).any():
        raise ShapeError(
            name, expected=f"at least {size}", got=f"{images.shape[2:]}", fix="pad, or cut less"
        )
    return left


class Compose:
    """One transform after the other."""

    def __init__(self, transforms):
        self.transforms = [check_transform(one) for one in transforms]
        self.random = any(getattr(one, "random", False) for one in self.transforms)

    def __call__(self, images, *, rng=None):
        rng = tensor_random.generator(rng)
        for one in self.transforms:
            images = apply(one, images, rng)
        return images


class Normalize:
    """(pixel - mean) / std."""

    def __init__(self, mean, std):
        self.mean, self.std = np.atleast_1d(mean), np.atleast_1d(std)
        if self.mean.shape != self.std.shape or not (self.std > 0).all():
            raise ArgumentError(
                "Normalize",
                expected="as many means as deviations, which are above 0",
                got=f"{mean}, {std}",
                fix="Normalize.of(dataset)",
            )

    @classmethod
    def of(cls, dataset):
        """Take the figures of a data set."""
        while getattr(dataset, "mean", None) is None and hasattr(dataset, "dataset"):
            dataset = dataset.dataset
        if getattr(dataset, "mean", None) is None:
            raise ArgumentError(
                "Normalize.of", expected="mean and std", got=f"{dataset!r:.60}", fix="give them"
            )
        return cls(dataset.mean, dataset.std)

    def __call__(self, images):
        images = ToFloat()(as_images("Normalize", images))
        if len(self.mean) not in (1, images.shape[1]):
            raise ShapeError(
                "Normalize",
                expected=f"{len(self.mean)} channels",
                got=f"{images.shape}",
                fix="give a mean for each channel",
            )
        mean, std = (x.reshape(-1, 1, 1).astype(np.float32) for x in (self.mean, self.std))
        return (images - mean) / std
