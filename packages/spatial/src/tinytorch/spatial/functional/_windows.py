"""What size settings may be, and which sizes follow from them."""

from collections.abc import Sequence

from tinytorch.spatial.ops._layout import NO_PADDING, Padding, Pair, reach, window_count
from tinytorch.tensor import checks
from tinytorch.tensor.errors import ArgumentError, ShapeError

Size = int | Sequence[int]
"""A setting: one number for both axes, or (height, width)."""


def padding_of(
    operation: str, padding: Size | str, kernel_size: Pair, stride: Pair, dilation: Pair
) -> Padding:
    """Zeros before and after each axis; "same" keeps the image size (the odd pixel goes after)."""
    if not isinstance(padding, str):
        height, width = checks.pair(operation, "padding", padding, 0)
        return (height, height), (width, width)
    if padding == "valid":
        return NO_PADDING
    if padding != "same":
        raise ArgumentError(
            operation,
            expected='padding: a whole number, a pair, "same" or "valid"',
            got=f"padding={padding!r}",
            fix='use padding="same" to keep the image size',
            name="padding",
            value=padding,
        )
    if stride != (1, 1):
        raise ArgumentError(
            operation,
            expected='stride 1 with padding="same" (the output has the input\'s size)',
            got=f'padding="same", stride={stride}',
            fix=f"use padding={(kernel_size[0] // 2, kernel_size[1] // 2)} with stride={stride}",
            name="padding",
            value=padding,
        )
    high, wide = (d * (k - 1) for d, k in zip(dilation, kernel_size, strict=True))
    return (high // 2, high - high // 2), (wide // 2, wide - wide // 2)


def check_fits(
    operation: str,
    image: Pair,
    kernel_size: Pair = (1, 1),
    stride: Pair = (1, 1),
    padding: Padding = NO_PADDING,
    dilation: Pair = (1, 1),
) -> None:
    """Raise unless at least one window fits into the padded image."""
    counts = map(window_count, image, kernel_size, stride, padding, dilation)
    if min(counts) >= 1 and min(image) >= 1:
        return
    padded = tuple(s + sum(p) for s, p in zip(image, padding, strict=True))
    raise ShapeError(
        operation,
        expected=f"a padded image of at least (height, width) = {reach(kernel_size, dilation)},"
        f" which a kernel {kernel_size} with dilation {dilation} covers",
        got=f"an image {image}, padded {padded}: no window fits, the output would be empty",
        fix="use a smaller kernel, more padding, or a larger image (fewer poolings before)",
        image=image,
        padded=padded,
        kernel_size=kernel_size,
    )
