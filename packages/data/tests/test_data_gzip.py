"""Compressed files are read into measured memory; whatever is wrong with them is located."""

import os
import zlib
from contextlib import contextmanager

import pytest

from tinytorch.data import DamagedFileError
from tinytorch.data.files.gzip import MOST_PER_BYTE, PIECE, GzipReader
from tinytorch.data.files.source import Source

NO_LIMIT = 1 << 30


@contextmanager
def reader(file, limit=NO_LIMIT):
    source = Source("test", file)
    with source.open() as stream:
        yield GzipReader(source, stream, limit=limit)


@pytest.fixture
def gz(tmp_path, make):
    def write(content, *, cut=None, name="file.gz"):
        file = tmp_path / name
        file.write_bytes(make.gz(content)[:cut])
        return file

    return write


def test_reading_goes_front_to_back(gz):
    content = os.urandom(3000)
    with reader(gz(content)) as stream:
        buffer = bytearray(900)
        assert stream.read(1000) == content[:1000]
        assert stream.position == 1000
        assert stream.skip(100) == 100
        assert stream.readinto(memoryview(buffer)) == 900
        assert bytes(buffer) == content[1100:2000]
        assert stream.read(0) == b""
        assert stream.skip(0) == 0
        assert stream.position == 2000
        assert stream.read(5000) == content[2000:]
        assert stream.position == 3000
        assert (stream.read(1), stream.skip(1), stream.readinto(memoryview(buffer))) == (b"", 0, 0)


@pytest.mark.parametrize("content", [b"", b"x" * (3 * PIECE + 1), os.urandom(PIECE + 1)])
def test_any_length_arrives_whole(gz, content):
    with reader(gz(content)) as stream:
        assert stream.read(len(content) + 1) == content
    with reader(gz(content)) as stream:
        assert stream.skip(len(content) + 1) == len(content)


def test_a_large_buffer_is_filled_in_pieces(gz):
    content = os.urandom(PIECE // 4) * 9
    buffer = bytearray(2 * PIECE - 3)
    with reader(gz(content)) as stream:
        assert stream.readinto(memoryview(buffer)) == len(buffer)
        assert stream.position == len(buffer)
    assert bytes(buffer) == content[: len(buffer)]


@pytest.mark.parametrize("cut", [0, 5, 100, -1])
def test_a_file_cut_short_is_damaged(gz, cut):
    with (
        reader(gz(os.urandom(1000), cut=cut)) as stream,
        pytest.raises(DamagedFileError, match="a complete gzip file") as caught,
    ):
        stream.read(1001)
    assert caught.value.operation == "test"
    assert caught.value.file == stream.source.file
    assert caught.value.offset == stream.position
    assert f"at byte {stream.position:,} of {stream.source.file}" in str(caught.value)
    assert f"delete {stream.source.file}" in caught.value.fix


def test_foreign_bytes_and_wrong_checksums_are_damaged(tmp_path, make):
    file = tmp_path / "file.gz"
    file.write_bytes(b"no gzip at all")
    with reader(file) as stream:
        with pytest.raises(DamagedFileError, match="header") as caught:
            stream.read(1)
        assert caught.value.offset == 0
    content = bytearray(make.gz(b"content" * 100))
    content[-5] ^= 1
    file.write_bytes(content)
    with reader(file) as stream, pytest.raises(DamagedFileError, match="check"):
        stream.read(701)


def test_nothing_is_decompressed_beyond_the_limit(gz):
    with reader(gz(bytes(1000)), limit=600) as stream:
        assert stream.read(600) == bytes(600)
        with pytest.raises(DamagedFileError, match="at most 600 bytes"):
            stream.read(1)


def test_deflate_cannot_do_better_than_the_bound_for_allocation():
    compressed = zlib.compress(bytes(10_000_000), 9)
    assert len(compressed) * MOST_PER_BYTE > 10_000_000
    assert len(compressed) * MOST_PER_BYTE < 10_000_000 * 1.1


def test_several_gzip_members_are_one_content(tmp_path, make):
    content = os.urandom(3000)
    pieces = [content[:700], b"", content[700:]]
    file = tmp_path / "file.gz"
    file.write_bytes(b"".join(make.gz(piece) for piece in pieces) + bytes(600))
    with reader(file) as stream:
        assert stream.read(5000) == content
        assert stream.position == 3000


@pytest.mark.parametrize("surplus", [b"x", b"\0\0x", b"\x1f\x8b"])
def test_what_follows_a_member_is_another_or_damage(tmp_path, make, surplus):
    file = tmp_path / "file.gz"
    file.write_bytes(make.gz(b"123") + surplus)
    with reader(file) as stream, pytest.raises(DamagedFileError):
        stream.finish()
