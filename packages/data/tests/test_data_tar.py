"""Of an archive known members are taken, and all of it is read; damage is located."""

import gzip
import tarfile

import pytest

from tinytorch.data import DamagedFileError
from tinytorch.data.files.source import Source
from tinytorch.data.files.tar import read_members

NO_LIMIT = 1 << 30


@pytest.fixture
def archive(tmp_path, make):
    def write(members, *, cut=None, change=None):
        content = bytearray(make.tar(members))[:cut]
        if change is not None:
            change(content)
        file = tmp_path / "archive.tar.gz"
        file.write_bytes(make.gz(bytes(content)))
        return file

    return write


def read(file, limit=NO_LIMIT, **sizes):
    buffers = {name: bytearray(size) for name, size in sizes.items()}
    members = {name: memoryview(each) for name, each in buffers.items()}
    read_members(Source("test", file), members, limit=limit)
    return {name: bytes(each) for name, each in buffers.items()}


def test_members_are_found_in_any_order_among_others(archive):
    file = archive([("x", b"1" * 700), ("b", b"22"), ("y", b""), ("a", b"3" * 512), ("z", b"4")])
    assert read(file, a=512, b=2) == {"a": b"3" * 512, "b": b"22"}


def test_an_archive_may_end_after_a_member_without_the_mark_of_its_end(archive):
    file = archive([("a", b"123"), ("b", b"456")], cut=1024)
    assert read(file, a=3) == {"a": b"123"}


@pytest.mark.parametrize("cut", [1025, 1537, 2047])
def test_what_follows_the_last_member_wanted_has_to_be_whole(archive, cut):
    with pytest.raises(DamagedFileError):
        read(archive([("a", b"123"), ("b", b"4" * 600)], cut=cut), a=3)


def test_one_wrong_bit_anywhere_in_the_content_is_found(tmp_path, make):
    content = make.tar([("a", bytes(range(256)) * 4), ("b", b"4" * 600)])
    stored = gzip.compress(content, 0)
    file = tmp_path / "archive.tar.gz"
    for place in range(len(stored) - len(content) - 8, len(stored), 37):
        broken = bytearray(stored)
        broken[place] ^= 1 << place % 8
        file.write_bytes(broken)
        with pytest.raises(DamagedFileError):
            read(file, a=1024)


def test_several_gzip_members_make_one_archive(tmp_path, make):
    content = make.tar([("a", b"1" * 700), ("b", b"2" * 700)])
    file = tmp_path / "archive.tar.gz"
    file.write_bytes(b"".join(make.gz(content[at : at + 900]) for at in range(0, 10240, 900)))
    assert read(file, a=700, b=700) == {"a": b"1" * 700, "b": b"2" * 700}


def test_the_first_of_two_members_of_one_name_counts(archive):
    assert read(archive([("a", b"1"), ("a", b"2"), ("b", b"3")]), a=1, b=1)["a"] == b"1"


def test_folders_links_and_devices_are_passed_over(archive):
    others = []
    for number, kind in enumerate(
        [tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE]
    ):
        info = tarfile.TarInfo()
        info.type = kind
        info.linkname = "/etc/passwd"
        info.size = 100_000  # old archives give links the size of what they point at
        others.append((f"other{number}", info))
    assert read(archive([*others, ("a", b"123")]), a=3) == {"a": b"123"}


def test_content_of_unknown_kinds_is_passed_over(archive):
    file = archive([("n" * 300, b"1"), ("a", b"123")])
    assert read(file, a=3) == {"a": b"123"}


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_a_wanted_name_has_to_be_a_regular_file(archive, kind):
    info = tarfile.TarInfo()
    info.type = kind
    with pytest.raises(DamagedFileError, match="a, a regular file of 3 bytes") as caught:
        read(archive([("b", b"1"), ("a", info)]), a=3)
    assert caught.value.offset == 1024


@pytest.mark.parametrize("size", [2, 4])
def test_a_wanted_name_has_to_have_its_size(archive, size):
    with pytest.raises(DamagedFileError, match=f"type b'0', {size} bytes"):
        read(archive([("a", bytes(size))]), a=3)


def test_old_archives_mark_regular_files_with_zero(archive):
    info = tarfile.TarInfo("a")

    def old(content):
        content[148:157] = b"        \0"
        content[148:156] = b"%06o\0 " % sum(content[:512])

    assert info.name == "a"
    assert read(archive([("a", b"123")], change=old), a=3) == {"a": b"123"}


def test_names_may_be_in_two_parts(archive):
    def split(content):
        content[0:100] = b"a".ljust(100, b"\0")
        content[257:265] = b"ustar\0" + b"00"
        content[345:500] = b"folder".ljust(155, b"\0")
        content[148:156] = b"        "
        content[148:156] = b"%06o\0 " % sum(content[:512])

    assert read(archive([("x", b"123")], change=split), **{"folder/a": 3}) == {"folder/a": b"123"}


def test_a_missing_member_is_named(archive):
    with pytest.raises(DamagedFileError, match="member c") as caught:
        read(archive([("a", b"123"), ("b", b"1")]), a=3, c=3)
    assert caught.value.offset == 2048


@pytest.mark.parametrize(
    ("cut", "offset", "message"),
    [
        (100, 0, "header of a tar member"),
        (512, 512, "the end after 0"),
        (600, 600, "512 bytes of x"),
        (1024, 1024, "member a"),
        (1200, 1024, "header of a tar member"),
        (1536, 1536, "the end after 0"),
        (1540, 1540, "the end after 4"),
        (0, 0, "member a"),
    ],
)
def test_an_archive_cut_short_is_located(archive, cut, offset, message):
    file = archive([("x", b"12"), ("a", bytes(900))], cut=cut)
    with pytest.raises(DamagedFileError, match=message) as caught:
        read(file, a=900)
    assert caught.value.offset == offset
    assert caught.value.file == file


def test_a_lost_padding_matters_only_where_something_follows(archive):
    file = archive([("a", b"123")], cut=515)
    assert read(file, a=3) == {"a": b"123"}
    with pytest.raises(DamagedFileError, match="512 bytes of a"):
        read(file, a=3, b=1)


@pytest.mark.parametrize("place", [0, 124, 150])
def test_a_damaged_header_is_located(archive, place):
    def change(content):
        content[1024 + place] ^= 2

    with pytest.raises(DamagedFileError, match="header of a tar member") as caught:
        read(archive([("x", b"12"), ("a", b"123")], change=change), a=3)
    assert caught.value.offset == 1024


def test_a_name_may_fill_its_field(archive):
    assert read(archive([("n" * 100, b"123")]), **{"n" * 100: 3}) == {"n" * 100: b"123"}


@pytest.mark.parametrize(
    "field", [b"\x80" + bytes(10) + b"\3", b"0000000X003\0", b"X0000000003\0", b"00000000008\0"]
)
def test_a_size_that_is_no_octal_number_is_damage(archive, field):
    def binary(content):
        content[124:136] = field
        content[148:156] = b"        "
        content[148:156] = b"%06o\0 " % sum(content[:512])

    with pytest.raises(DamagedFileError, match="header of a tar member"):
        read(archive([("a", b"123")], change=binary), a=3)


def test_a_bomb_is_given_up_at_the_limit(archive):
    file = archive([("bomb", bytes(1_000_000)), ("a", b"123")])
    with pytest.raises(DamagedFileError, match="at most 100,000 bytes") as caught:
        read(file, limit=100_000, a=3)
    assert caught.value.offset >= 100_000
