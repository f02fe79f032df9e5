"""What images, kernels and channel vectors must be, with the errors that explain it."""

from __future__ import annotations

from typing import Any

from tinytorch.tensor.errors import ArgumentError, DTypeError, ShapeError


def check_images(operation: str, shape: tuple[int, ...], dtype: object) -> None:
    """Inputs must be (batch, channels, height, width) and of a float dtype.

    Raises:
        ShapeError: if the input has another rank; a single image needs a batch axis.
        DTypeError: if the input holds integers or booleans.
    """
    if len(shape) != 4:
        if len(shape) == 3:
            fix = f"a single image needs a batch axis: x[None] has shape {(1, *shape)}"
        elif len(shape) == 2:
            fix = f"reshape to images: x.reshape(1, 1, {shape[0]}, {shape[1]}) for one gray image"
        else:
            fix = "reshape the input to four axes"
        raise ShapeError(
            operation,
            expected="input (batch, channels, height, width)",
            got=f"input {shape}, {len(shape)} axes",
            fix=fix,
            shape=shape,
        )
    if getattr(dtype, "kind", "f") != "f":
        raise DTypeError(
            operation,
            expected="images of a float dtype",
            got=f"images of dtype {dtype}",
            fix='convert them first: x.astype("float32") / 255 for bytes',
            dtype=dtype,
        )


def check_kernel(operation: str, shape: tuple[int, ...], groups: int, out_axis: int) -> None:
    """Raise unless there are four axes, and groups that divide the first."""
    axes = ["out channels", "channels / groups"]
    axes = axes if out_axis == 0 else ["channels", "out channels / groups"]
    if len(shape) != 4:
        raise ShapeError(
            operation,
            expected=f"weight ({axes[0]}, {axes[1]}, kernel height, kernel width)",
            got=f"weight {shape}",
            fix="a kernel has four axes; reshape it",
            weight=shape,
        )
    check_divides(operation, "groups", groups, axes[0], shape[0])


def check_channels(
    operation: str, image: tuple[int, ...], kernel: tuple[int, ...], channels: int, groups: int
) -> None:
    """Raise unless the images have the channels that the kernel reads."""
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


def check_vector(operation: str, name: str, vector: Any, length: int) -> None:
    """Raise unless the vector is None or (length,)."""
    if vector is not None and tuple(vector.shape) != (length,):
        raise ShapeError(
            operation,
            expected=f"{name} ({length},), one number for each channel",
            got=f"{name} {tuple(vector.shape)}",
            fix=f"give {length} numbers, or None",
            argument=name,
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
            argument=name,
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
