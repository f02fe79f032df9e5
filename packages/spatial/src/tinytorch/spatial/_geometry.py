"""How windows slide over an image: kernel size, stride, padding, dilation, and what follows.

Everything that convolution and pooling share about arithmetic on sizes is here, with the errors
that explain it.
"""

from __future__ import annotations

from collections.abc import Sequence

from tinytorch.tensor.errors import ArgumentError, ShapeError

Size = int | Sequence[int]
"""A setting: one number for both axes, or (height, width)."""

Pair = tuple[int, int]
Padding = tuple[Pair, Pair]
"""((top, bottom), (left, right)) in pixels."""


def pair(operation: str, name: str, value: int | Sequence[int], least: int) -> Pair:
    """One number for both axes, or (height, width), each at least `least`.

    Raises:
        ArgumentError: if `value` is not one or two integers, or is too small.
    """
    both = tuple(value) if isinstance(value, Sequence) else (value, value)
    whole = all(hasattr(v, "__index__") for v in both)
    if len(both) != 2 or not whole or min(both) < least:
        raise ArgumentError(
            operation,
            expected=f"{name}: an integer of at least {least}, or a pair (height, width) of them",
            got=f"{name}={value!r}",
            fix=f"give {name}={max(least, 1)} for both axes, or a pair such as (3, 1)",
            argument=name,
            value=value,
        )
    return int(both[0]), int(both[1])


def padding_of(
    operation: str,
    padding: int | Sequence[int] | str,
    kernel_size: Pair,
    stride: Pair,
    dilation: Pair,
) -> Padding:
    """Zeros before and after each axis; "same" keeps the image size (the odd pixel goes after).

    Raises:
        ArgumentError: if `padding` is negative or an unknown word, or "same" meets a stride.
    """
    if not isinstance(padding, str):
        height, width = pair(operation, "padding", padding, 0)
        return (height, height), (width, width)
    if padding == "valid":
        return (0, 0), (0, 0)
    if padding != "same":
        raise ArgumentError(
            operation,
            expected='padding: an integer, a pair, "same" or "valid"',
            got=f"padding={padding!r}",
            fix='use padding="same" to keep the image size',
            argument="padding",
            value=padding,
        )
    if stride != (1, 1):
        raise ArgumentError(
            operation,
            expected='stride 1 with padding="same" (the output has the input\'s size)',
            got=f'padding="same", stride={stride}',
            fix=f"use padding={(kernel_size[0] // 2, kernel_size[1] // 2)} with stride={stride}",
            argument="padding",
            value=padding,
        )
    total = [d * (k - 1) for d, k in zip(dilation, kernel_size, strict=True)]
    top, left = total[0] // 2, total[1] // 2
    return (top, total[0] - top), (left, total[1] - left)


def window_count(size: int, kernel: int, stride: int, padding: Pair, dilation: int) -> int:
    """How many windows fit along one axis (0 or less if none fits)."""
    return (size + sum(padding) - dilation * (kernel - 1) - 1) // stride + 1


def output_size(
    operation: str,
    image: Pair,
    kernel_size: Pair,
    stride: Pair,
    padding: Padding,
    dilation: Pair = (1, 1),
) -> Pair:
    """Height and width of what a sliding window leaves of an image.

    Raises:
        ShapeError: if the window is larger than the padded image.

    Example:
        >>> output_size("conv2d", (32, 32), (3, 3), (2, 2), ((1, 1), (1, 1)))
        (16, 16)
    """
    sizes = tuple(map(window_count, image, kernel_size, stride, padding, dilation))
    if min(sizes) < 1 or min(image) < 1:
        reach = tuple(d * (k - 1) + 1 for d, k in zip(dilation, kernel_size, strict=True))
        padded = tuple(s + sum(p) for s, p in zip(image, padding, strict=True))
        raise ShapeError(
            operation,
            expected=f"a padded image of at least (height, width) = {reach},"
            f" which a kernel {kernel_size} with dilation {dilation} covers",
            got=f"an image {image}, padded {padded}: no window fits, the output would be empty",
            fix="use a smaller kernel, more padding, or a larger image (fewer poolings before)",
            image=image,
            padded=padded,
            kernel_size=kernel_size,
        )
    return sizes[0], sizes[1]
