"""MNIST's files, plain or compressed; a header is believed only as far as the file is long."""

import tracemalloc

import numpy as np
import pytest

from tinytorch.data import MNIST, DamagedFileError, FashionMNIST, MNISTDataset
from tinytorch.data.files.idx import read_idx as read_source
from tinytorch.data.files.source import Source
from tinytorch.tensor.errors import FileError


def read_idx(file, *, shape):
    return read_source(Source("test", file), shape=shape)


ARRAY = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)


@pytest.fixture(params=["file", "file.gz"])
def write(request, tmp_path, make):
    """A writer of a file, compressed if its name says so."""

    def write(content):
        file = tmp_path / request.param
        file.write_bytes(make.gz(content) if file.suffix else content)
        return file

    return write


def test_an_array_comes_back(write, make):
    file = write(make.idx(ARRAY))
    for shape in [(2, 3, 4), (None, 3, 4), (None, None, None)]:
        array = read_idx(file, shape=shape)
        assert array.dtype == np.uint8
        np.testing.assert_array_equal(array, ARRAY)


@pytest.mark.parametrize(
    ("content", "offset", "message"),
    [
        (b"", 0, "header of 16 bytes"),
        (b"\0\0\x08\x03\0\0", 6, "header of 16 bytes"),
        (b"\0\0\x08\x01" + bytes(12), 0, "0x00000801"),
        (b"\0\0\x09\x03" + bytes(12), 0, "in 3 dimensions"),
        (b"\1\0\x08\x03" + bytes(12), 0, "magic number"),
        (b"\0\1\x08\x03" + bytes(12), 0, "magic number"),
        (b"\0\0\x08\x03" + bytes(12), 4, r"\(0, 0, 0\)"),
    ],
)
def test_a_wrong_header_is_located(write, content, offset, message):
    file = write(content)
    with pytest.raises(DamagedFileError, match=message) as caught:
        read_idx(file, shape=(None, None, None))
    assert (caught.value.file, caught.value.offset) == (file, offset)


@pytest.mark.parametrize("shape", [(2, 3, 5), (1, None, None), (None, 2, None)])
def test_another_shape_is_refused(write, make, shape):
    with pytest.raises(DamagedFileError, match=r"shape \(2, 3, 4\) in the header") as caught:
        read_idx(write(make.idx(ARRAY)), shape=shape)
    assert caught.value.offset == 4
    assert "any" in caught.value.expected or shape == (2, 3, 5)


def test_missing_bytes_are_located(tmp_path, make):
    file = tmp_path / "file"
    file.write_bytes(make.idx(ARRAY)[:-3])
    with pytest.raises(DamagedFileError, match="37 bytes on disk") as caught:
        read_idx(file, shape=(None, 3, 4))
    assert caught.value.offset == 4
    file = tmp_path / "file.gz"
    file.write_bytes(make.gz(make.idx(ARRAY)[:-3]))
    with pytest.raises(DamagedFileError, match="24 bytes of shape") as caught:
        read_idx(file, shape=(None, 3, 4))
    assert caught.value.offset == 37


def test_surplus_bytes_are_located(write, make):
    with pytest.raises(DamagedFileError, match="surplus bytes") as caught:
        read_idx(write(make.idx(ARRAY) + b"x"), shape=(None, 3, 4))
    assert caught.value.offset == 40


@pytest.mark.parametrize("length", [2**32 - 1, 10**8, 200_000])
def test_a_header_that_claims_too_much_allocates_nothing(write, length):
    header = b"\0\0\x08\x01" + length.to_bytes(4, "big")
    file = write(header + bytes(100))
    tracemalloc.start()
    try:
        with pytest.raises(DamagedFileError, match="bytes on disk can hold") as caught:
            read_idx(file, shape=(None,))
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()
    assert caught.value.offset == 4


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
    assert kind.folder in caught.value.fix
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
    from tinytorch.data._download import Remote

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


@pytest.mark.parametrize(
    ("length", "message"), [(2**28 - 8, "disk can hold"), (2**28 - 9, "the end")]
)
def test_no_file_may_claim_more_than_a_quarter_of_a_gigabyte(tmp_path, make, length, message):
    noise = np.random.default_rng(0).bytes(270_000)
    file = tmp_path / "file.gz"
    file.write_bytes(make.gz(b"\0\0\x08\x01" + length.to_bytes(4, "big") + noise))
    with pytest.raises(DamagedFileError, match=message):
        read_idx(file, shape=(None,))


def test_the_course_text_has_its_own_name_for_it():
    assert MNISTDataset is MNIST
