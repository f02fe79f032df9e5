"""A header is believed only as far as the file is long."""

import tracemalloc

import numpy as np
import pytest

from tinytorch.data import DamagedFileError
from tinytorch.data.files.idx import read_idx as read_source
from tinytorch.data.files.source import Source


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


@pytest.mark.parametrize(
    ("length", "message"), [(2**28 - 8, "disk can hold"), (2**28 - 9, "the end")]
)
def test_no_file_may_claim_more_than_a_quarter_of_a_gigabyte(tmp_path, make, length, message):
    noise = np.random.default_rng(0).bytes(270_000)
    file = tmp_path / "file.gz"
    file.write_bytes(make.gz(b"\0\0\x08\x01" + length.to_bytes(4, "big") + noise))
    with pytest.raises(DamagedFileError, match=message):
        read_idx(file, shape=(None,))
