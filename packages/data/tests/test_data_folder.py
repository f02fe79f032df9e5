"""Photographs in folders: what counts as a class, and as an image."""

import os
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


def test_a_batch_of_no_images_has_a_size_if_one_was_given(folder):
    assert ImageFolder(folder[0]).__getitems__([])[0].shape == (0, 3, 0, 0)
    images, labels = ImageFolder(folder[0], size=(4, 5)).__getitems__([])
    assert (images.shape, labels.shape) == ((0, 3, 4, 5), (0,))


def test_images_are_brought_to_one_size(folder):
    root = folder[0]
    from PIL import Image

    Image.new("L", (7, 5), 100).save(root / "dog" / "gray.png")
    dataset = ImageFolder(root)
    assert dataset[3][0].shape == (3, 5, 7)
    with pytest.raises(ArgumentError, match=r"size=\(64, 64\)") as caught:
        dataset.__getitems__([0, 3])
    assert caught.value.got == "1.png: (3, 3, 2), gray.png: (3, 5, 7)"
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


@pytest.mark.parametrize("size", [(0, 4), (1, 2, 3), 2.5, "64"])
def test_a_wrong_size_is_refused(folder, size):
    with pytest.raises(ArgumentError, match="size") as caught:
        ImageFolder(folder[0], size=size)
    assert caught.value.operation == "ImageFolder"


def test_without_pillow_the_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingExtraError, match=r"tinytorch-data\[images\]"):
        ImageFolder(tmp_path)


def test_a_file_of_no_image_is_told_in_words(folder):
    (folder[0] / "dog" / "3.png").write_bytes(b"no image")
    with pytest.raises(FileError) as caught:
        ImageFolder(folder[0])[2]
    assert caught.value.got == "bytes of no format of images that Pillow reads here"
