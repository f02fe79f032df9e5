"""Data sets in files: what the bytes mean, in files that the tests write."""

import gzip
import struct

import numpy as np
import pytest

from tinytorch import data
from tinytorch.tensor.errors import FileError, TinyTorchError

pytestmark = pytest.mark.step(6)


def records(count, label_bytes=1, seed=0):
    """Records of the CIFAR binary version, label bytes first, then the red, green, blue planes."""
    made = np.random.default_rng(seed).integers(0, 256, (count, label_bytes + 3072), np.uint8)
    made[:, :label_bytes] = np.random.default_rng(seed).integers(0, 10, (count, label_bytes))
    return made


@pytest.fixture
def cifar10(tmp_path):
    """A folder with a few records in CIFAR-10's files, and the records of each file."""
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    names = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
    written = [records(4, seed=seed) for seed in range(6)]
    for name, part in zip(names, written, strict=True):
        (folder / f"{name}.bin").write_bytes(part.tobytes())
    return tmp_path, written


def test_cifar10_has_the_records_of_its_five_files(expect, cifar10):
    root, written = cifar10
    dataset = data.CIFAR10(root, download=False)
    expected = np.concatenate(written[:5])[:, 0]
    expect(dataset.labels, expected, "files 1 to 5 in turn; byte 0 of a record", "CIFAR10")


def test_cifar10_test_images_are_another_file(expect, cifar10):
    root, written = cifar10
    dataset = data.CIFAR10(root, train=False, download=False)
    expect(dataset.labels, written[5][:, 0], "test_batch.bin", "CIFAR10")


def test_cifar10_pixels_are_planes_of_red_green_and_blue(expect, cifar10):
    root, written = cifar10
    image = data.CIFAR10(root, download=False).images[6]
    expected = written[1][2, 1:].reshape(3, 32, 32)
    where = "the label byte is no pixel; then red, green, blue, each row by row"
    expect(image[:, 0, :3], expected[:, 0, :3], where, "CIFAR10")
    assert (image == expected).all(), f"{where} [contract: CIFAR10]"


def test_cifar10_items_are_floats_with_int64_labels(expect, cifar10):
    root, written = cifar10
    images, labels = data.CIFAR10(root, download=False).__getitems__(np.array([0]))
    assert (images.shape, images.dtype) == ((1, 3, 32, 32), np.float32)
    expect(images[0, 0, 0, 0], np.float32(written[0][0, 1] / 255), "bytes / 255", "CIFAR10")
    assert labels.dtype == np.int64, "labels keep the file's uint8 [contract: CIFAR10]"


def test_cifar10_names_its_classes(expect):
    expect(data.CIFAR10.classes[3], "cat", "in the order of the labels", "CIFAR10")
    expect(len(data.CIFAR10.classes), 10, "", "CIFAR10")


def test_a_label_that_is_none_is_damage(tmp_path):
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    part = records(2)
    part[1, 0] = 10
    (folder / "test_batch.bin").write_bytes(part.tobytes())
    with pytest.raises(data.DamagedFileError):
        data.CIFAR10(tmp_path, train=False, download=False)


def test_half_a_record_is_damage(tmp_path):
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    (folder / "test_batch.bin").write_bytes(records(2).tobytes()[:-1])
    with pytest.raises(data.DamagedFileError):
        data.CIFAR10(tmp_path, train=False, download=False)


def test_missing_files_are_told(tmp_path):
    with pytest.raises(TinyTorchError):
        data.CIFAR10(tmp_path, download=False)


def test_cifar100_labels_are_the_second_byte(expect, tmp_path):
    folder = tmp_path / "cifar-100-binary"
    folder.mkdir()
    part = records(5, label_bytes=2)
    (folder / "train.bin").write_bytes(part.tobytes())
    fine = data.CIFAR100(tmp_path, download=False)
    coarse = data.CIFAR100(tmp_path, download=False, coarse=True)
    expect(fine.labels, part[:, 1], "coarse label first, then the fine one", "CIFAR100")
    expect(coarse.labels, part[:, 0], "coarse=True takes the first byte", "CIFAR100")
    expect(fine.images[0, 0, 0, :3], part[0, 2:5], "two label bytes, then pixels", "CIFAR100")


def idx(array):
    """The bytes of an idx file: a magic number, big-endian lengths, then the bytes."""
    head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.tobytes()


@pytest.fixture
def mnist(tmp_path):
    """A folder with MNIST's four files, uncompressed, of three and two images."""
    folder = tmp_path / "MNIST" / "raw"
    folder.mkdir(parents=True)
    written = {}
    for name, count in (("train", 3), ("t10k", 2)):
        pixels = np.random.default_rng(count).integers(0, 256, (count, 28, 28), np.uint8)
        labels = np.arange(count, dtype=np.uint8) + 7
        (folder / f"{name}-images-idx3-ubyte").write_bytes(idx(pixels))
        (folder / f"{name}-labels-idx1-ubyte").write_bytes(idx(labels))
        written[name] = pixels, labels
    return tmp_path, written


@pytest.mark.parametrize(("train", "name"), [(True, "train"), (False, "t10k")])
def test_mnist_reads_idx_files(expect, mnist, train, name):
    root, written = mnist
    dataset = data.MNIST(root, train=train, download=False)
    pixels, labels = written[name]
    expect(dataset.images.shape, (len(labels), 1, 28, 28), "lengths are big-endian", "MNIST")
    assert (dataset.images[:, 0] == pixels).all(), "rows of pixels [contract: MNIST]"
    expect(dataset.labels, labels, "the labels' own file", "MNIST")


def test_mnist_labels_are_int64(mnist):
    root, _ = mnist
    dataset = data.MNIST(root, download=False)
    assert dataset.labels.dtype == np.int64, "labels keep the file's uint8 [contract: MNIST]"


@pytest.mark.parametrize("change", ["cut", "surplus", "magic"])
def test_a_damaged_idx_file_is_told(mnist, change):
    root, _ = mnist
    file = root / "MNIST" / "raw" / "train-labels-idx1-ubyte"
    content = file.read_bytes()
    damaged = {"cut": content[:-1], "surplus": content + b"1", "magic": b"\1" + content[1:]}
    file.write_bytes(damaged[change])
    with pytest.raises(data.DamagedFileError) as caught:
        data.MNIST(root, download=False)
    assert caught.value.file == file


def test_a_cut_file_that_is_compressed_is_told(mnist):
    root, written = mnist
    file = root / "MNIST" / "raw" / "train-labels-idx1-ubyte"
    file.unlink()
    packed = file.with_name(f"{file.name}.gz")
    packed.write_bytes(gzip.compress(idx(written["train"][1])[:-1]))
    with pytest.raises(data.DamagedFileError):
        data.MNIST(root, download=False)


@pytest.mark.parametrize("wrong", [[7, 8], [7, 8, 10]])
def test_labels_that_do_not_fit_the_images_are_damage(mnist, wrong):
    root, _ = mnist
    file = root / "MNIST" / "raw" / "train-labels-idx1-ubyte"
    file.write_bytes(idx(np.array(wrong, np.uint8)))
    with pytest.raises(data.DamagedFileError):
        data.MNIST(root, download=False)


@pytest.mark.parametrize("name", ["MNIST", "FashionMNIST", "CIFAR10", "CIFAR100"])
def test_what_may_not_be_fetched_is_not_asked_for(name, tmp_path, monkeypatch):
    monkeypatch.setenv("TINYTORCH_OFFLINE", "1")
    with pytest.raises(FileError) as caught:
        getattr(data, name)(tmp_path, download=False)
    assert not isinstance(caught.value, data.DownloadError), "a server is asked [contract: MNIST]"
    assert not [*tmp_path.iterdir()], "download=False leaves the folder as it is"


def test_the_digits_come_with_the_package(expect):
    digits = data.Digits()
    expect(digits.images.shape, (1797, 1, 8, 8), "(items, 1, 8, 8)", "Digits")
    expect(digits.labels[:12], [*range(10), 0, 1], "the labels' own file", "Digits")
    expect((digits.images.min(), digits.images.max()), (0, 255), "bytes", "Digits")


def test_the_digits_in_two_parts(expect):
    whole, train, test = data.Digits(), data.Digits(train=True), data.Digits(train=False)
    expect((len(train), len(test)), (1437, 360), "the first 1,437, and the rest", "Digits")
    assert (np.concatenate([train.images, test.images]) == whole.images).all(), (
        "the test part holds training images [contract: Digits]"
    )
    expect(test.labels, whole.labels[1437:], "labels are cut as the images are", "Digits")


def test_normalized_digits_have_mean_0_and_deviation_1():
    digits = data.Digits()
    normalized = data.Normalize.of(digits)(digits.images)
    assert abs(normalized.mean()) < 1e-3
    assert abs(normalized.std() - 1) < 1e-3


def test_the_course_text_has_its_own_names():
    assert issubclass(data.CIFAR10Dataset, data.CIFAR10)
    assert issubclass(data.MNISTDataset, data.MNIST)
