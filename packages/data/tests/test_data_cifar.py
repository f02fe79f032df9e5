"""CIFAR's binary version, from its folder or from its archive."""

import dataclasses

import numpy as np
import pytest

from tinytorch.data import CIFAR10, CIFAR100, CIFAR10Dataset, DamagedFileError
from tinytorch.tensor.errors import FileError


@pytest.fixture(params=[CIFAR10, CIFAR100])
def kind(request, monkeypatch):
    """The class, with 4 and 3 records in each file of an archive."""
    monkeypatch.setattr(request.param, "records", {True: 4, False: 3})
    return request.param


@pytest.fixture
def parts(kind, make):
    """For train and test the records of each file."""
    return {
        train: [
            make.records(kind.records[train], kind.label_bytes, seed=2 * number + train)
            for number, _ in enumerate(kind.files[train])
        ]
        for train in (True, False)
    }


@pytest.fixture
def folder(tmp_path, kind, parts):
    """The extracted files."""
    folder = tmp_path / kind.folder
    folder.mkdir()
    for train, files in kind.files.items():
        for name, part in zip(files, parts[train], strict=True):
            (folder / name).write_bytes(part.tobytes())
    return folder


@pytest.fixture
def archive(tmp_path, kind, parts, make, monkeypatch):
    """A writer of the archive, whose size is then the official one."""

    def write(parts=parts, without=()):
        members = [(f"{kind.folder}/readme.html", b"hello" * 1000)]
        members += [
            (f"{kind.folder}/{name}", part.tobytes())
            for train, files in kind.files.items()
            for name, part in zip(files, parts[train], strict=True)
            if name not in without
        ]
        file = tmp_path / kind.remote.name
        file.write_bytes(make.gz(make.tar(members)))
        remote = dataclasses.replace(kind.remote, size=file.stat().st_size)
        monkeypatch.setattr(kind, "remote", remote)
        return file

    return write


def check(kind, root, parts):
    for train in (True, False):
        dataset = kind(root, train, download=False)
        expected = np.concatenate(parts[train])
        width = len(kind.label_bytes)
        np.testing.assert_array_equal(dataset.images.reshape(len(dataset), -1), expected[:, width:])
        np.testing.assert_array_equal(dataset.labels, expected[:, width - 1])
        assert dataset.images.shape[1:] == (3, 32, 32)
        assert dataset.labels.dtype == np.int64


def test_the_extracted_files_are_read_in_order(kind, folder, parts):
    check(kind, folder.parent, parts)


def test_the_archive_is_read_without_unpacking(kind, archive, parts):
    file = archive()
    check(kind, file.parent, parts)
    assert list(file.parent.iterdir()) == [file]


def test_the_root_comes_from_the_environment(kind, folder, parts, monkeypatch):
    monkeypatch.setenv("TINYTORCH_DATA", str(folder.parent))
    check(kind, None, parts)


def test_the_folder_goes_before_the_archive(kind, folder, archive, parts):
    archive(without=kind.files[True])
    check(kind, folder.parent, parts)


def test_an_incomplete_folder_leaves_it_to_the_archive(kind, folder, archive, parts):
    archive()
    (folder / kind.files[True][-1]).unlink()
    check(kind, folder.parent, parts)


def test_a_sample_of_the_records_is_accepted(kind, folder, parts):
    for train, files in kind.files.items():
        for place, name in enumerate(files):
            parts[train][place] = parts[train][place][: 1 + place % 2]
            (folder / name).write_bytes(parts[train][place].tobytes())
    check(kind, folder.parent, parts)


def test_the_memory_is_that_of_the_files(kind, folder):
    dataset = kind(folder.parent)
    assert dataset.images.base is not None
    record = 3072 + len(kind.label_bytes)
    assert dataset.images.strides == (record, 1024, 32, 1)
    assert not dataset.images.flags.writeable


@pytest.mark.parametrize(
    "change", [lambda b: b[:-1], lambda b: b"", lambda b: b * 2, lambda b: b + b"x"]
)
def test_a_file_of_another_size_is_refused(kind, folder, change):
    file = folder / kind.files[False][0]
    file.write_bytes(change(file.read_bytes()))
    record = 3072 + len(kind.label_bytes)
    with pytest.raises(DamagedFileError, match=f"1 to 3 records of {record:,} bytes") as caught:
        kind(folder.parent, train=False)
    assert caught.value.operation == kind.__name__
    assert caught.value.file == file
    assert caught.value.offset == file.stat().st_size
    assert len(kind(folder.parent, train=True)) == 4 * len(kind.files[True])


def test_a_file_that_shrinks_while_it_is_read(kind, folder, monkeypatch):
    monkeypatch.setattr(kind, "_count", lambda self, file, train: 4)
    (folder / kind.files[False][0]).write_bytes(bytes(3000))
    with pytest.raises(DamagedFileError, match="expected: 12,") as caught:
        kind(folder.parent, train=False)
    assert caught.value.offset == 3000


@pytest.mark.parametrize("source", ["folder", "archive"])
def test_a_label_beyond_the_classes_is_located(kind, parts, source, request):
    column = len(kind.label_bytes) - 1
    classes = kind.label_bytes[column]
    wrong = parts[True][-1]
    wrong[[2, 3], column] = classes
    if source == "folder":
        file = request.getfixturevalue("folder") / kind.files[True][-1]
    else:
        file = request.getfixturevalue("archive")()
    with pytest.raises(DamagedFileError, match=f"label {classes} in record 2") as caught:
        kind(request.getfixturevalue("tmp_path"))
    assert caught.value.file == file
    assert caught.value.offset == 2 * wrong.shape[1] + column
    assert f"labels from 0 to {classes - 1}" in caught.value.expected
    assert kind.files[True][-1] in str(caught.value)


def test_the_largest_label_is_accepted(kind, folder, parts):
    parts[False][0][1, : len(kind.label_bytes)] = np.array(kind.label_bytes) - 1
    (folder / kind.files[False][0]).write_bytes(parts[False][0].tobytes())
    check(kind, folder.parent, parts)


def test_nothing_there(kind, tmp_path):
    with pytest.raises(FileError, match="neither, and download=False") as caught:
        kind(tmp_path, download=False)
    assert caught.value.file == tmp_path / kind.remote.name
    for name in kind.files[True]:
        assert name in caught.value.expected
    with pytest.raises(FileError, match="TINYTORCH_OFFLINE") as caught:
        kind(tmp_path)
    assert str(tmp_path / kind.remote.name) in caught.value.fix


def test_an_archive_of_another_size_is_refused(kind, archive):
    file = archive()
    with file.open("ab") as stream:
        stream.write(b"x")
    with pytest.raises(DamagedFileError, match=f"{file.stat().st_size - 1:,} bytes") as caught:
        kind(file.parent)
    assert caught.value.offset == file.stat().st_size


def test_an_archive_without_a_file_is_refused(kind, archive):
    name = kind.files[True][-1]
    file = archive(without=[name])
    with pytest.raises(DamagedFileError, match=f"member {kind.folder}/{name}"):
        kind(file.parent)


def test_the_archive_is_fetched_when_it_is_missing(kind, server, monkeypatch, tmp_path):
    remote = dataclasses.replace(
        kind.remote,
        size=len(server.content),
        sha256=server.sha256,
        mirrors=(server.url("busy"), server.url("good")),
    )
    monkeypatch.setattr(kind, "remote", remote)
    with pytest.raises(DamagedFileError, match="gzip"):
        kind(tmp_path / "new")
    assert (tmp_path / "new" / remote.name).read_bytes() == server.content


def test_coarse_labels(make, tmp_path, monkeypatch):
    data = make.records(5, (20, 100))
    (tmp_path / "cifar-100-binary").mkdir()
    (tmp_path / "cifar-100-binary" / "test.bin").write_bytes(data.tobytes())
    fine, coarse = (CIFAR100(tmp_path, train=False, coarse=coarse) for coarse in (False, True))
    np.testing.assert_array_equal(coarse.labels, data[:, 0])
    np.testing.assert_array_equal(fine.labels, data[:, 1])


def test_the_facts():
    assert CIFAR10.records == {True: 10_000, False: 10_000}
    assert CIFAR100.records == {True: 50_000, False: 10_000}
    assert CIFAR10.classes[0] == "airplane"
    assert CIFAR10.classes[9] == "truck"
    assert len(CIFAR10.classes) == 10
    assert (len(CIFAR100.classes), len(CIFAR100.superclasses)) == (100, 20)
    assert list(CIFAR100.classes) == sorted(CIFAR100.classes)
    assert list(CIFAR100.superclasses) == sorted(CIFAR100.superclasses)
    assert CIFAR10Dataset is CIFAR10
    assert CIFAR10.mean == (0.4914, 0.4822, 0.4465)
    assert CIFAR10.std == (0.2470, 0.2435, 0.2616)
    assert CIFAR100.mean == (0.5071, 0.4865, 0.4409)
    assert CIFAR100.std == (0.2673, 0.2564, 0.2762)
    assert CIFAR10.files[True] == tuple(f"data_batch_{number}.bin" for number in "12345")
    assert CIFAR10.files[False] == ("test_batch.bin",)
    assert (CIFAR10.label_bytes, CIFAR100.label_bytes) == ((10,), (20, 100))
    assert CIFAR10.remote.size + CIFAR100.remote.size == 338_565_904
