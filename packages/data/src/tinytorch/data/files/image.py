"""Decode one image file with Pillow: only formats that were asked for, bounded, turned as taken.

Pillow knows formats that start other programs, warns where it should refuse, and raises whatever
its parsing stumbles on; here a file gives an array or an error that names it.
"""

from contextlib import suppress
from typing import Any

import numpy as np

from tinytorch.data.files.errors import printable
from tinytorch.data.files.source import Source
from tinytorch.tensor.checks import extra
from tinytorch.tensor.errors import FileError

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
ORIENTATION = 0x0112  # in EXIF: how the camera was held
WIDE = {"F", "I", "I;16", "I;16B", "I;16L", "I;16N"}
MOST_16_BITS = 65535


def read_image(source: Source, size: tuple[int, int] | None = None) -> np.ndarray:
    """Read one image, in color, as it is to be looked at, in a given height and width if any.

    Returns:
        The image, `(3, height, width)`: uint8; or float32 if the file has a channel of more than 8
        bits, where 65,535 becomes 1 and floats stay what they are.
    """
    pillow = import_pillow(source.operation)
    with source.open() as stream:
        try:
            with pillow.open(stream, formats=_formats(pillow)) as image:
                _check_size(pillow, image)
                image.load()
                return _pixels(pillow, _turned(pillow, image), size)
        except Exception as error:  # decoders raise anything on damaged files
            foreign = isinstance(error, pillow.UnidentifiedImageError)
            told = f"{type(error).__name__}: {printable(error)}"
            raise FileError(
                source.operation,
                expected=f"an image in {source.file}",
                got="bytes of no format of images that Pillow reads here" if foreign else told,
                fix="replace or remove the file",
                file=source.file,
            ) from error


def import_pillow(operation: str) -> Any:
    """Import Pillow's module of images."""
    with extra(operation, "tinytorch-data[images]"):
        from PIL import Image
    return Image


def _formats(pillow: Any) -> list[str]:
    """Return those of the formats that this Pillow was built with."""
    pillow.init()
    return [name for name in FORMATS if name in pillow.OPEN]


def _check_size(pillow: Any, image: Any) -> None:
    most = pillow.MAX_IMAGE_PIXELS
    if most is not None and image.width * image.height > most:
        raise ValueError(
            f"{image.width} x {image.height} pixels, which may be a decompression bomb; "
            f"PIL.Image.MAX_IMAGE_PIXELS allows {most:,}"
        )


def _turned(pillow: Any, image: Any) -> Any:
    """Turn the image as its EXIF data say; where they cannot be read, it stays."""
    turn = pillow.Transpose
    turns = {
        2: turn.FLIP_LEFT_RIGHT,
        3: turn.ROTATE_180,
        4: turn.FLIP_TOP_BOTTOM,
        5: turn.TRANSPOSE,
        6: turn.ROTATE_270,
        7: turn.TRANSVERSE,
        8: turn.ROTATE_90,
    }
    orientation = 1
    with suppress(Exception):
        orientation = image.getexif().get(ORIENTATION, 1)
    return image.transpose(turns[orientation]) if orientation in turns else image


def _pixels(pillow: Any, image: Any, size: tuple[int, int] | None) -> np.ndarray:
    """Return a decoded image as an array, `(3, height, width)`."""
    if image.mode in WIDE:
        scale = np.float32(1 if image.mode == "F" else 1 / MOST_16_BITS)
        image = pillow.fromarray(np.asarray(image).astype(np.float32) * scale)
    else:
        if "transparency" in image.info:  # a palette's alpha goes with this step, the colors stay
            image = image.convert("RGBA")
        image = image if image.mode == "RGB" else image.convert("RGB")
    if size is not None:
        image = image.resize(size[::-1], pillow.Resampling.BILINEAR)
    array = np.asarray(image)
    return array.transpose(2, 0, 1) if array.ndim == 3 else np.stack([array] * 3)
