"""Photographs in folders: what counts as a class and an image, and how files become pixels."""

import io
import os
import sys
import warnings

import numpy as np
import pytest

from tinytorch.data import DataLoader, ImageFolder
from tinytorch.tensor.errors import ArgumentError, FileError, MissingExtraError


@pytest.fixture
def folder(tmp_path):
    """Two classes of 3 x 2 pixels: 2 cats and 1 dog, in PNG."""
    image_module = pytest.importorskip("PIL.Image", reason="needs the extra `images` (Pillow)")
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (3, 3, 2, 3), dtype=np.uint8)
    for name, array in zip(["cat/1.png", "cat/deep/2.PNG", "dog/3.png"], pixels, strict=True):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        image_module.fromarray(array).save(tmp_path / name, format="PNG")
    (tmp_path / "cat" / "notes.txt").write_text("no image")
    (tmp_path / "stray.png").write_text("in no class")
    return tmp_path, pixels.transpose(0, 3, 1, 2)


def test_classes_are_folders_in_alphabetic_order(folder):
    root, pixels = folder
    dataset = ImageFolder(root)
    assert dataset.classes == ("cat", "dog")
    assert dataset.labels.tolist() == [0, 0, 1]
    assert [file.name for file in dataset.files] == ["1.png", "2.PNG", "3.png"]
    assert len(dataset) == 3
    image, label = dataset[2]
    assert label == 1
    np.testing.assert_array_equal(image.numpy(), (pixels[2] / 255).astype(np.float32))
    assert repr(dataset) == "ImageFolder(3 images in 2 classes)"


def test_a_loader_gives_batches_of_them(folder):
    root, pixels = folder
    seen = []

    def watch(batch):
        seen.append(batch.copy())
        return batch

    for workers in (0, 2):
        ((images, labels),) = DataLoader(
            ImageFolder(str(root)), 3, transform=watch, num_workers=workers
        )
        np.testing.assert_array_equal(seen.pop(), pixels)
        assert images.shape == (3, 3, 3, 2)
        assert labels.tolist() == [0, 0, 1]


def test_own_transforms_are_applied(folder):
    dataset = ImageFolder(folder[0], transform=lambda batch: 255 - batch)
    np.testing.assert_allclose(dataset[0][0].numpy(), 1 - folder[1][0] / 255, atol=1e-6)


def test_images_are_brought_to_one_size(folder):
    root = folder[0]
    from PIL import Image

    Image.new("L", (7, 5), 100).save(root / "dog" / "grey.png")
    dataset = ImageFolder(root)
    assert dataset[3][0].shape == (3, 5, 7)
    with pytest.raises(ArgumentError, match=r"size=\(64, 64\)") as caught:
        dataset.__getitems__([0, 3])
    assert caught.value.got == "1.png: (3, 3, 2), grey.png: (3, 5, 7)"
    images, _ = ImageFolder(root, size=(4, 6)).__getitems__([0, 1, 2, 3])
    assert images.shape == (4, 3, 4, 6)
    np.testing.assert_allclose(images[3], 100 / 255, atol=1e-6)


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n" + bytes(50)])
def test_a_damaged_image_is_named(folder, content):
    file = folder[0] / "dog" / "3.png"
    file.write_bytes(content)
    with pytest.raises(FileError, match="replace or remove") as caught:
        ImageFolder(folder[0])[2]
    assert caught.value.file == file


def test_a_truncated_image_is_named(folder):
    file = folder[0] / "dog" / "3.png"
    file.write_bytes(file.read_bytes()[:-30])
    with pytest.raises(FileError):
        ImageFolder(folder[0])[2]


@pytest.mark.parametrize("factor", [1.5, 3])
def test_a_decompression_bomb_is_refused(folder, monkeypatch, factor):
    from PIL import Image

    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", int(6 / factor))
    with pytest.raises(FileError, match="bomb"):
        ImageFolder(folder[0])[0]


def test_a_folder_without_images(folder, tmp_path):
    empty = tmp_path / "empty"
    with pytest.raises(FileError, match="No such file") as caught:
        ImageFolder(empty)
    assert caught.value.file == empty
    empty.mkdir()
    with pytest.raises(FileError, match="no sub-folders") as caught:
        ImageFolder(empty)
    assert caught.value.file == empty
    assert str(empty / "CLASS") in caught.value.fix
    with pytest.raises(FileError, match="Not a directory"):
        ImageFolder(folder[0] / "stray.png")


def test_a_class_without_images_is_refused_or_asked_for(folder):
    root = folder[0]
    for name in ("axolotl", "cow"):
        (root / name / "deeper").mkdir(parents=True)
    with pytest.raises(FileError, match="no images in axolotl, cow") as caught:
        ImageFolder(root)
    assert caught.value.operation == "ImageFolder"
    assert caught.value.file == root / "axolotl"
    assert "allow_empty=True" in caught.value.fix
    dataset = ImageFolder(root, allow_empty=True)
    assert dataset.classes == ("axolotl", "cat", "cow", "dog")
    assert dataset.labels.tolist() == [1, 1, 3]


def test_many_classes_without_images_are_not_all_named(tmp_path):
    pytest.importorskip("PIL.Image", reason="needs the extra `images` (Pillow)")
    for number in range(10):
        (tmp_path / f"class{number}").mkdir()
    with pytest.raises(FileError, match=r"class4, \.\.\."):
        ImageFolder(tmp_path)
    assert len(ImageFolder(tmp_path, allow_empty=True)) == 0


def test_a_class_that_cannot_be_read_is_an_error(folder, monkeypatch):
    root, scandir = folder[0], os.scandir

    def refuse_dogs(path):
        if os.fspath(path).endswith("dog"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse_dogs)
    for allow_empty in (False, True):
        with pytest.raises(FileError, match="Permission denied") as caught:
            ImageFolder(root, allow_empty=allow_empty)
        assert caught.value.file == root / "dog"


@pytest.mark.parametrize("name", [".checkpoints", "__MACOSX", "cat/.checkpoints", "cat/__MACOSX"])
def test_hidden_names_and_leftovers_are_passed_over(folder, name):
    root = folder[0]
    (root / name).mkdir()
    (root / name / "1.png").write_bytes(b"a copy")
    (root / "cat" / "._1.png").write_bytes(b"what another system knew of 1.png")
    (root / ".hidden.png").write_bytes(b"")
    dataset = ImageFolder(root)
    assert dataset.classes == ("cat", "dog")
    assert [file.name for file in dataset.files] == ["1.png", "2.PNG", "3.png"]


def test_links_are_followed_once(folder, tmp_path_factory):
    root = folder[0]
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (root / "dog").rename(elsewhere / "dog")
    (root / "dog").symlink_to(elsewhere / "dog")
    (root / "cat" / "a_loop").symlink_to(root / "cat")
    (root / "cat" / "above").symlink_to(root)
    (root / "cat" / "a_shortcut").symlink_to(root / "cat" / "deep")
    (root / "cat" / "4.png").symlink_to(elsewhere / "dog" / "3.png")
    dataset = ImageFolder(root)
    files = [file.relative_to(root).as_posix() for file in dataset.files]
    assert files == ["cat/1.png", "cat/4.png", "cat/deep/2.PNG", "dog/3.png"]
    assert dataset[1][1] == 0


@pytest.mark.parametrize("place", ["ant", "cat/gone.png", "cat/gone"])
def test_a_link_that_leads_nowhere_is_an_error(folder, place):
    root = folder[0]
    (root / place).symlink_to(root / "nowhere")
    with pytest.raises(FileError, match="No such file") as caught:
        ImageFolder(root)
    assert caught.value.file == root / place


def test_a_pipe_named_like_an_image_is_an_error(folder):
    os.mkfifo(folder[0] / "cat" / "pipe.png")
    with pytest.raises(FileError, match="pipe or socket"):
        ImageFolder(folder[0])


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
    with pytest.raises(FileError, match="Unidentified"):
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
    color, grey = Image.fromarray(pixels), Image.fromarray(pixels[..., 0].astype(np.uint16) * 257)
    exif = Image.Exif()
    exif[0x0112] = 6
    settings = [
        (color, "BMP", {}),
        (color, "GIF", {}),
        (color, "JPEG", {"exif": exif}),
        (color, "PNG", {"exif": exif}),
        (grey, "PNG", {}),
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


@pytest.mark.parametrize("size", [(0, 4), (1, 2, 3), 2.5, "64"])
def test_a_wrong_size_is_refused(folder, size):
    with pytest.raises(ArgumentError, match="size") as caught:
        ImageFolder(folder[0], size=size)
    assert caught.value.operation == "ImageFolder"


def test_without_pillow_the_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingExtraError, match=r"tinytorch-data\[images\]"):
        ImageFolder(tmp_path)
