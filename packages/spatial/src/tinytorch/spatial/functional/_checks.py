"""What images, kernels and channel vectors must be, with the errors that explain it."""

from typing import Any

import numpy as np

from tinytorch.tensor.errors import ArgumentError, DTypeError, ShapeError


def check_images(operation: str, x: Any) -> Any:
    """Return x, which is (batch, channels, height, width) and of a float dtype."""
    # np.shape takes its time to find out what a Tensor knows.
    shape, dtype = getattr(x, "shape", None), getattr(x, "dtype", None)
    if shape is None:
        shape = np.shape(x)
    if len(shape) != 4:
        fixes = {
            3: f"a single image needs a batch axis: x[None] has shape {(1, *shape)}",
            2: f"reshape to images: x.reshape{(1, 1, *shape)} for one gray image",
        }
        raise ShapeError(
            operation,
            expected="input (batch, channels, height, width)",
            got=f"input {shape}, {len(shape)} axes",
            fix=fixes.get(len(shape), "reshape the input to four axes"),
            shape=shape,
        )
    if dtype is None or dtype.kind != "f":
        raise DTypeError(
            operation,
            expected="images of a float dtype, as a Tensor or an array",
            got=f"a {type(x).__name__}" if dtype is None else f"images of dtype {dtype}",
            fix='convert them first: x.astype("float32") / 255 for bytes',
            dtype=dtype,
        )
    return x


def check_kernel(operation: str, weight: Any, groups: int, axes: str) -> tuple[int, ...]:
    """Return the shape, of four axes and groups that divide the first; `axes` names two."""
    shape: tuple[int, ...] = weight.shape
    if len(shape) != 4:
        raise ShapeError(
            operation,
            expected=f"weight ({axes}, kernel height, kernel width)",
            got=f"weight {shape}",
            fix="a kernel has four axes; reshape it",
            weight=shape,
        )
    check_divides(operation, "groups", groups, axes.split(",", maxsplit=1)[0], shape[0])
    return shape


def check_channels(operation: str, x: Any, weight: Any, channels: int, groups: int) -> None:
    """Raise unless the images have the channels that the kernel reads."""
    image, kernel = tuple(x.shape), tuple(weight.shape)
    if image[1] != channels:
        grouped = f" in {groups} groups" if groups > 1 else ""
        hint = " (are the channels last? x.transpose(0, 3, 1, 2))" if image[3] == channels else ""
        raise ShapeError(
            operation,
            expected=f"input (batch, {channels}, height, width): weight {kernel} reads"
            f" {channels} channels{grouped}",
            got=f"input {image}, {image[1]} channels",
            fix=f"use a layer with in_channels={image[1]}, or images of {channels} channels{hint}",
            input=image,
            weight=kernel,
            groups=groups,
        )


def check_vectors(operation: str, length: int, **vectors: Any) -> None:
    """Raise unless each vector is None or (length,)."""
    for name, vector in vectors.items():
        if vector is not None and tuple(vector.shape) != (length,):
            raise ShapeError(
                operation,
                expected=f"{name} ({length},), one number for each channel",
                got=f"{name} {tuple(vector.shape)}",
                fix=f"give {length} numbers, or None",
                name=name,
            )


def check_divides(operation: str, name: str, number: int, of: str, total: int) -> None:
    """Raise unless the number of groups divides the channels."""
    if number < 1 or total % number:
        fitting = [n for n in range(1, total + 1) if total % n == 0]
        raise ArgumentError(
            operation,
            expected=f"{name} that divide the {total} {of}",
            got=f"{name}={number}",
            fix=f"use one of {', '.join(map(str, fitting[:12]))}",
            name=name,
            value=number,
        )


def check_statistics(operation: str, shape: tuple[int, ...]) -> None:
    """Raise unless each channel has more than one value, of which a variance can be taken."""
    if shape[0] * shape[2] * shape[3] < 2:
        raise ShapeError(
            operation,
            expected="more than one value for each channel in training, to take a variance of",
            got=f"input {shape}: batch * height * width = {shape[0] * shape[2] * shape[3]}",
            fix="use a larger batch (drop_last=True), or eval() for running statistics",
            shape=shape,
        )
