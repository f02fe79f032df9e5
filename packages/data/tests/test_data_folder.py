"""Photographs in folders, decoded when asked for."""

import sys

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
    for message in ("no such folder", "no image files"):
        with pytest.raises(FileError, match=message) as caught:
            ImageFolder(empty)
        assert caught.value.file == empty
        assert str(empty / "CLASS") in caught.value.fix
        empty.mkdir(exist_ok=True)


def test_without_pillow_the_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingExtraError, match=r"tinytorch-data\[images\]"):
        ImageFolder(tmp_path)
