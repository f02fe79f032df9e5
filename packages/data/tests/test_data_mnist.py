"""MNIST and Fashion-MNIST from their four files, plain or compressed."""

import numpy as np
import pytest

from tinytorch.data import MNIST, DamagedFileError, FashionMNIST, MNISTDataset
from tinytorch.data._download import Remote
from tinytorch.tensor.errors import FileError


@pytest.fixture(params=[MNIST, FashionMNIST])
def kind(request):
    return request.param


@pytest.fixture
def place(tmp_path, kind, make):
    """Lays a small data set out; returns its root, images and labels."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (20, 28, 28), dtype=np.uint8)
    labels = np.arange(20, dtype=np.uint8) % 10
    folder = tmp_path / kind.folder
    folder.mkdir(parents=True)
    names = [[file.name for file in kind.remotes[train]] for train in (True, False)]
    for (images_name, labels_name), part in zip(names, (slice(0, 12), slice(12, 20)), strict=True):
        (folder / images_name).write_bytes(make.gz(make.idx(images[part])))
        (folder / labels_name).write_bytes(make.gz(make.idx(labels[part])))
    return tmp_path, images, labels


def test_train_and_test_images(kind, place):
    root, images, labels = place
    train, test = kind(root, download=False), kind(root, train=False, download=False)
    assert (len(train), len(test)) == (12, 8)
    np.testing.assert_array_equal(train.images[:, 0], images[:12])
    np.testing.assert_array_equal(test.images[:, 0], images[12:])
    np.testing.assert_array_equal(test.labels, labels[12:])
    image, label = test[1]
    np.testing.assert_array_equal(image.numpy(), (images[13][None] / 255).astype(np.float32))
    assert label == 3
    assert len(kind.classes) == 10


def test_unpacked_files_serve_as_well(kind, place, make):
    root, images, labels = place
    for remote, array in zip(kind.remotes[True], (images[:7], labels[:7]), strict=True):
        file = root / kind.folder / remote.name
        file.unlink()
        file.with_suffix("").write_bytes(make.idx(array))
    np.testing.assert_array_equal(kind(root).images[:, 0], images[:7])


def test_the_root_comes_from_the_environment(kind, place, monkeypatch):
    monkeypatch.setenv("TINYTORCH_DATA", str(place[0]))
    assert len(kind()) == 12


def test_a_missing_file_is_named(kind, place):
    root = place[0]
    missing = root / kind.folder / kind.remotes[True][1].name
    missing.unlink()
    with pytest.raises(FileError, match="download=False") as caught:
        kind(root, download=False)
    assert caught.value.file == missing
    assert str(missing) in caught.value.expected
    with pytest.raises(FileError, match="TINYTORCH_OFFLINE"):
        kind(root)
    assert len(kind(root, train=False, download=False)) == 8


def test_images_and_labels_have_to_be_as_many(kind, place, make):
    root, _, labels = place
    file = root / kind.folder / kind.remotes[True][1].name
    file.write_bytes(make.gz(make.idx(labels[:11])))
    with pytest.raises(DamagedFileError, match=r"shape \(12\)") as caught:
        kind(root)
    assert caught.value.file == file


def test_a_label_beyond_the_classes_is_located(kind, place, make):
    root, _, labels = place
    file = root / kind.folder / kind.remotes[True][1].name
    wrong = labels[:12].copy()
    wrong[[5, 7]] = 10
    file.write_bytes(make.gz(make.idx(wrong)))
    with pytest.raises(DamagedFileError, match="label 10, at byte 13") as caught:
        kind(root)
    assert (caught.value.file, caught.value.offset) == (file, 13)


def test_images_of_another_size_are_refused(kind, place, make):
    root, images, _ = place
    file = root / kind.folder / kind.remotes[True][0].name
    file.write_bytes(make.gz(make.idx(images[:12, :27])))
    with pytest.raises(DamagedFileError, match=r"shape \(any, 28, 28\)"):
        kind(root)


def test_files_are_fetched_when_they_are_missing(kind, place, server, monkeypatch):
    root = place[0]
    remotes = tuple(
        Remote(f"new-{remote.name}", len(server.content), server.sha256, (server.url("good"),))
        for remote in kind.remotes[True]
    )
    monkeypatch.setattr(kind, "remotes", {True: remotes})
    with pytest.raises(DamagedFileError, match="gzip"):
        kind(root)
    assert (root / kind.folder / remotes[0].name).read_bytes() == server.content


def test_the_facts():
    sizes = [
        [remote.size for pair in each.remotes.values() for remote in pair]
        for each in (MNIST, FashionMNIST)
    ]
    assert [sum(each) for each in sizes] == [11_594_722, 30_878_645]
    assert (MNIST.mean, MNIST.std) == ((0.1307,), (0.3081,))
    assert (FashionMNIST.mean, FashionMNIST.std) == ((0.2860,), (0.3530,))
    assert MNIST.classes == tuple("0123456789")
    assert FashionMNIST.classes[::9] == ("T-shirt/top", "Ankle boot")


def test_the_course_text_has_its_own_name_for_it():
    assert MNISTDataset is MNIST
