"""Read idx files, the format of MNIST: a magic number, big-endian lengths, then the bytes."""

import math

import numpy as np

from tinytorch.data.files.gzip import MOST_PER_BYTE, GzipReader
from tinytorch.data.files.source import Source

UNSIGNED_BYTE = 8
LIMIT = 1 << 28


def read_idx(source: Source, *, shape: tuple[int | None, ...]) -> np.ndarray:
    """Read a file of unsigned bytes, plain or compressed; None in `shape` is any positive length.

    Source:
        Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".
    """
    header_size = 4 + 4 * len(shape)
    with source.open() as file:
        stream = GzipReader(source, file, limit=LIMIT) if _is_compressed(source) else file
        header = stream.read(header_size)
        if len(header) < header_size:
            raise source.damaged(
                len(header), expected=f"an idx header of {header_size} bytes", got="the end"
            )
        if header[:4] != bytes([0, 0, UNSIGNED_BYTE, len(shape)]):
            raise source.damaged(
                0,
                expected=f"the magic number of unsigned bytes in {len(shape)} dimensions",
                got=f"0x{header[:4].hex()}",
            )
        found = tuple(np.frombuffer(header, ">u4", offset=4).tolist())
        wanted = tuple(want or length for length, want in zip(found, shape, strict=True))
        if found != wanted or 0 in found:
            raise source.damaged(
                4, expected=f"shape {_describe(shape)}", got=f"shape {found} in the header"
            )
        size = math.prod(found)
        _check_room(source, found, header_size + size)
        array = np.empty(found, np.uint8)
        filled = stream.readinto(array.data.cast("B"))
        if filled < size:
            raise source.damaged(
                header_size + filled, expected=f"{size:,} bytes of shape {found}", got="the end"
            )
        if stream.read(1):
            raise source.damaged(header_size + size, expected="the end", got="surplus bytes")
    return array


def _is_compressed(source: Source) -> bool:
    return source.file.suffix == ".gz"


def _check_room(source: Source, shape: tuple[int, ...], claimed: int) -> None:
    """Refuse a header that claims more than a file of this size can hold, before allocating."""
    on_disk = source.size()
    room = min(LIMIT - 1, on_disk * MOST_PER_BYTE) if _is_compressed(source) else on_disk
    if claimed > room:
        raise source.damaged(
            4,
            expected=f"a shape that {on_disk:,} bytes on disk can hold",
            got=f"shape {shape}, {claimed:,} bytes",
        )


def _describe(shape: tuple[int | None, ...]) -> str:
    return "(" + ", ".join("any" if length is None else str(length) for length in shape) + ")"
