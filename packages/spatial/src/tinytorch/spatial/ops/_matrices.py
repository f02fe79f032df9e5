"""Windows as the rows of a matrix, kernels as its columns: what convolution multiplies."""

from collections.abc import Iterator

from tinytorch.spatial.ops._layout import blocks
from tinytorch.tensor.kernels import room
from tinytorch.tensor.types import Array

_UNFOLDED_BYTES = 2**22
"""The size of an unfolded block: it fits the cache and is enough for a fast matrix product."""


def unfold(under: Array, groups: int) -> Iterator[tuple[slice, Array]]:
    """Copy windows into matrices (group, window, tap and channel), a block of images at a time.

    `under` is a view, (batch, rows, columns, kernel height, kernel width, channels). Yields the
    images, and (groups, images * rows * columns, taps * channels / groups).
    """
    batch, rows, columns, *kernel, channels = under.shape
    depth = kernel[0] * kernel[1] * channels // groups
    grouped = under.reshape(batch, rows, columns, *kernel, groups, channels // groups)
    grouped = grouped.transpose(5, 0, 1, 2, 3, 4, 6)
    if kernel == [1, 1]:
        yield slice(0, batch), grouped.reshape(groups, -1, depth)
        return
    cuts = list(blocks(batch, rows * columns * depth * groups * under.itemsize, _UNFOLDED_BYTES))
    buffer = room((groups, cuts[0].stop, *grouped.shape[2:]), under.dtype) if cuts else under
    for images in cuts:
        block = buffer[:, : images.stop - images.start]
        block[...] = grouped[:, images]
        yield images, block.reshape(groups, -1, depth)


def as_matrix(w: Array, groups: int) -> Array:
    """Lay kernels out as (groups, taps * channels / groups, out / groups)."""
    out, per_group, *kernel = w.shape
    grouped = w.reshape(groups, out // groups, per_group, *kernel)
    return grouped.transpose(0, 3, 4, 2, 1).reshape(groups, -1, out // groups)


def by_group(pixels: Array, groups: int) -> Array:
    """(images, rows, columns, channels) seen as (groups, pixels, channels / groups); writable."""
    channels = pixels.shape[-1]
    return pixels.reshape(-1, groups, channels // groups).swapaxes(0, 1)


def flip_kernel(w: Array, groups: int) -> Array:
    """The kernels of the opposite direction: taps mirrored, input and output channels swapped."""
    out, per_group, *kernel = w.shape
    grouped = w.reshape(groups, out // groups, per_group, *kernel).swapaxes(1, 2)
    return grouped[..., ::-1, ::-1].reshape(groups * per_group, out // groups, *kernel)
