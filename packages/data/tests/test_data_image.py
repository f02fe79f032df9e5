"""One image file becomes pixels that are worth what it says, or an error that names it."""

import io
import os
import warnings

import numpy as np
import pytest

from tinytorch.data import ImageFolder
from tinytorch.tensor.errors import FileError


@pytest.fixture
def one(tmp_path):
    """A reader of one image, given as a Pillow image or as bytes: its pixels (3, height, width)."""
    pytest.importorskip("PIL.Image", reason="needs the extra `images` (Pillow)")

    def read(image, name="1.png", **settings):
        file = tmp_path / "class" / name
        file.parent.mkdir(exist_ok=True)
        if isinstance(image, bytes):
            file.write_bytes(image)
        else:
            image.save(file, **settings)
        return ImageFolder(tmp_path)[0][0].numpy()

    return read


LEVELS = np.linspace(0, 1, 64).reshape(4, 16)


@pytest.mark.parametrize(
    ("name", "dtype", "top"),
    [
        ("1.png", np.uint8, 255),
        ("1.png", np.uint16, 65535),
        ("1.tif", np.uint16, 65535),
        ("1.tif", np.int32, 65535),
        ("1.tif", np.float32, 1),
        ("1.ppm", np.uint8, 255),
    ],
)
def test_every_depth_keeps_its_values(one, name, dtype, top):
    from PIL import Image

    pixels = (LEVELS * top).astype(dtype)
    image = one(Image.fromarray(pixels), name)
    assert image.shape == (3, 4, 16)
    assert image.dtype == np.float32
    for channel in image:
        np.testing.assert_allclose(channel, pixels / top, rtol=1e-6)


def test_sixteen_bits_of_a_pgm_keep_their_values(one):
    pixels = (LEVELS * 65535).astype(">u2")
    image = one(b"P5 16 4 65535\n" + pixels.tobytes(), "1.pgm")
    np.testing.assert_allclose(image[0], pixels / 65535, rtol=1e-6)


def test_images_of_several_depths_make_one_batch(tmp_path, one):
    from PIL import Image

    one(Image.fromarray((LEVELS * 255).astype(np.uint8)), "1.png")
    one(Image.fromarray((LEVELS * 65535).astype(np.uint16)), "2.png")
    one(Image.fromarray(LEVELS.astype(np.float32)), "3.tif")
    for size in (None, (4, 16)):
        images, _ = ImageFolder(tmp_path, size=size).__getitems__([0, 1, 2])
        np.testing.assert_allclose(images, np.broadcast_to(LEVELS, (3, 3, 4, 16)), atol=1 / 255)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_every_kind_of_color_becomes_red_green_blue(one, mode):
    from PIL import Image

    image = one(Image.new("RGBA", (2, 2), (255, 255, 255, 0)).convert(mode))
    assert image.shape == (3, 2, 2)
    np.testing.assert_array_equal(image, 1)


def test_a_palette_with_transparency_keeps_its_colors(one):
    from PIL import Image

    image = Image.new("P", (2, 2), 1)
    image.putpalette([0, 0, 0, 255, 0, 0])
    shown = one(image, transparency=b"\x80\x40")
    np.testing.assert_array_equal(shown, np.eye(3)[0][:, None, None] * np.ones((3, 2, 2)))


@pytest.mark.parametrize(
    ("orientation", "seen"),
    [
        (1, [[0, 1], [2, 3], [4, 5]]),
        (2, [[1, 0], [3, 2], [5, 4]]),
        (3, [[5, 4], [3, 2], [1, 0]]),
        (4, [[4, 5], [2, 3], [0, 1]]),
        (5, [[0, 2, 4], [1, 3, 5]]),
        (6, [[4, 2, 0], [5, 3, 1]]),
        (7, [[5, 3, 1], [4, 2, 0]]),
        (8, [[1, 3, 5], [0, 2, 4]]),
        (9, [[0, 1], [2, 3], [4, 5]]),
    ],
)
@pytest.mark.parametrize("name", ["1.png", "1.tif"])
def test_photographs_are_turned_as_they_were_taken(one, name, orientation, seen):
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = orientation
    image = one(Image.fromarray(np.arange(6, dtype=np.uint8).reshape(3, 2)), name, exif=exif)
    np.testing.assert_array_equal((image[0] * 255).round(), seen)


def test_unreadable_exif_data_turn_nothing(one):
    from PIL import Image

    image = one(Image.new("RGB", (3, 2)), "1.jpg", exif=b"Exif\0\0no TIFF header at all")
    assert image.shape == (3, 2, 3)


def test_only_formats_that_were_asked_for_are_opened(one, tmp_path, monkeypatch):
    program = tmp_path / "gs"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    postscript = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 6\n%%EndComments\n%%EOF\n"
    with pytest.raises(FileError, match="no format of images"):
        one(postscript)
    assert not (tmp_path / "started").exists()


def test_the_content_tells_the_format_not_the_name(one):
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (3, 2), (255, 0, 0)).save(buffer, "GIF")
    np.testing.assert_array_equal(one(buffer.getvalue(), "1.jpg")[:, 0, 0], [1, 0, 0])


def _encoded():
    """A small image in each format, as bytes."""
    from PIL import Image

    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    color, gray = Image.fromarray(pixels), Image.fromarray(pixels[..., 0].astype(np.uint16) * 257)
    exif = Image.Exif()
    exif[0x0112] = 6
    settings = [
        (color, "BMP", {}),
        (color, "GIF", {}),
        (color, "JPEG", {"exif": exif}),
        (color, "PNG", {"exif": exif}),
        (gray, "PNG", {}),
        (color.quantize(4), "PNG", {"transparency": b"\1\2"}),
        (color, "PPM", {}),
        (color, "TIFF", {}),
        (Image.fromarray(pixels[..., 0].astype(np.float32)), "TIFF", {}),
        (color, "WEBP", {}),
    ]
    for image, name, extras in settings:
        buffer = io.BytesIO()
        image.save(buffer, name, **extras)
        yield buffer.getvalue()
    yield b"P2 2 2 65535 1 2 3 4"


def test_every_damaged_image_gives_pixels_or_an_error_that_names_it(one, tmp_path):
    rng = np.random.default_rng(1)
    images, errors = [], []
    for content in [*_encoded()] * 40:
        data = bytearray(content)
        for _ in range(rng.integers(1, 5)):
            place = int(rng.integers(len(data) if rng.random() < 0.5 else 40))
            kind = rng.integers(3)
            if kind == 0:
                data[place : place + 1] = bytes([rng.integers(256)])
            elif kind == 1:
                del data[place : place + rng.integers(1, 9)]
            else:
                data[place:place] = rng.bytes(3)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                images.append(one(bytes(data)))
        except FileError as error:
            errors.append(error)
    assert len(images) > 50
    assert len(errors) > 200
    assert {(image.dtype, len(image)) for image in images} == {(np.dtype(np.float32), 3)}
    assert {error.file for error in errors} == {tmp_path / "class" / "1.png"}
    for error in errors:
        assert str(error.file) in str(error)
        assert str(error).replace("\n", "").isprintable()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("pixels", [5, 2])
def test_too_many_pixels_are_refused_before_they_are_decoded(one, monkeypatch, pixels):
    from PIL import Image, ImageFile

    image = Image.new("RGB", (3, 2))
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: pytest.fail("it was decoded"))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", pixels)
    with pytest.raises(FileError, match="bomb"):
        one(image)
