"""safetensors files: written whole, read whole, and refused by name where they are damaged."""

import contextlib
import json
import os
import secrets
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.numpy import load_file

from tinytorch.tensor import tensor
from tinytorch.tensor.errors import ArgumentError, DTypeError, FileError
from tinytorch.training import load_safetensors, save_safetensors
from tinytorch.training.files import safetensors
from tinytorch.training.files.regular import RegularFile

DTYPES = ["?", "u1", "i1", "u2", "i2", "f2", "u4", "i4", "f4", "u8", "i8", "f8"]


def write(path, table, data=b"", length=None):
    """A file made by hand; the table may be anything that JSON can say, or bytes."""
    header = table if isinstance(table, bytes) else json.dumps(table).encode()
    length = len(header) if length is None else length
    path.write_bytes(length.to_bytes(8, "little") + header + data)
    return path


def entry(dtype="F32", shape=(2,), offsets=(0, 8)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


ARRAYS = st.dictionaries(
    st.text(max_size=8).filter(lambda name: name != "__metadata__"),
    st.sampled_from(DTYPES).flatmap(
        lambda d: hnp.arrays(d, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0))
    ),
    max_size=4,
)


@given(arrays=ARRAYS)
@settings(max_examples=60, deadline=None)
def test_whatever_is_written_comes_back(tmp_path_factory, arrays):
    path = tmp_path_factory.mktemp("st") / "a.safetensors"
    save_safetensors(path, arrays)
    back = load_safetensors(path)
    assert back.keys() == arrays.keys()
    for name, array in arrays.items():
        assert back[name].dtype == array.dtype
        assert back[name].shape == array.shape
        assert back[name].tobytes() == array.tobytes()
        assert back[name].flags.writeable
    assert [p.name for p in path.parent.iterdir()] == ["a.safetensors"]


@given(arrays=ARRAYS)
@settings(max_examples=60, deadline=None)
def test_the_library_reads_what_is_written(tmp_path_factory, arrays):
    path = tmp_path_factory.mktemp("st") / "a.safetensors"
    save_safetensors(path, arrays, {"made by": "hand"})
    back = load_file(path)
    assert back.keys() == arrays.keys()
    for name, array in arrays.items():
        assert (back[name].dtype, back[name].shape) == (array.dtype, array.shape)
        assert back[name].tobytes() == array.tobytes()


def test_transposed_strided_and_big_endian_arrays_are_written_right(tmp_path):
    base = np.arange(24, dtype=np.float32).reshape(4, 6)
    arrays = {"t": base.T, "s": base[::2, ::-3], "b": base.astype(">f4"), "x": tensor(base)}
    save_safetensors(tmp_path / "a", arrays)
    back = load_safetensors(tmp_path / "a")
    for name, array in arrays.items():
        np.testing.assert_array_equal(back[name], np.asarray(array))


def test_the_table_is_aligned_and_keeps_texts(tmp_path):
    save_safetensors(tmp_path / "a", {"x": np.zeros(3)}, {"made by": "hand"})
    content = (tmp_path / "a").read_bytes()
    length = int.from_bytes(content[:8], "little")
    assert length % 8 == 0
    assert json.loads(content[8 : 8 + length]) == {
        "__metadata__": {"made by": "hand"},
        "x": {"dtype": "F64", "shape": [3], "data_offsets": [0, 24]},
    }
    assert content[8 + length :] == bytes(24)
    assert list(load_safetensors(tmp_path / "a")) == ["x"]


def test_bfloat16_comes_as_float32(tmp_path):
    data = np.array([0x3F80, 0xC000, 0x7F80], "<u2").tobytes()
    path = write(tmp_path / "a", {"x": entry("BF16", (3,), (0, 6))}, data)
    x = load_safetensors(path)["x"]
    assert x.dtype == np.float32
    assert x.tolist() == [1.0, -2.0, float("inf")]


def test_arrays_may_stand_in_another_order_than_the_table(tmp_path):
    table = {"b": entry(offsets=(8, 16)), "a": entry(offsets=(0, 8))}
    data = np.arange(4, dtype="<f4").tobytes()
    back = load_safetensors(write(tmp_path / "a", table, data))
    assert {name: x.tolist() for name, x in back.items()} == {"b": [2.0, 3.0], "a": [0.0, 1.0]}
    assert list(back) == ["a", "b"]


@pytest.mark.parametrize("value", [np.array(["a"]), np.array([None]), np.zeros(2, "c16")])
def test_what_is_no_number_is_refused_and_nothing_is_left(tmp_path, value):
    with pytest.raises(DTypeError, match="'x' of"):
        save_safetensors(tmp_path / "a", {"x": value})
    assert list(tmp_path.iterdir()) == []


EIGHT = bytes(8)
DAMAGED = {
    "empty": (b"", "header"),
    "seven bytes": (bytes(7), "header too small"),
    "length beyond the end": ((1000).to_bytes(8, "little") + b"{}", "header length"),
    "enormous length": (b"\xff" * 16, "a table of at most 16777216 bytes"),
    "no JSON": ((4).to_bytes(8, "little") + b"GIF8", "JSON"),
    "no UTF-8": ((2).to_bytes(8, "little") + b"\xff\xfe", "UTF-8"),
    "a list": ((2).to_bytes(8, "little") + b"[]", "JSON"),
    "deep nesting": ((200_000).to_bytes(8, "little") + b"[" * 200_000, "JSON"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_foreign_and_truncated_files_are_refused_with_their_name_and_the_reason(tmp_path, name):
    content, text = DAMAGED[name]
    path = tmp_path / "w.safetensors"
    path.write_bytes(content)
    with pytest.raises(FileError, match=text) as error:
        load_safetensors(path)
    assert error.value.path == path
    assert error.value.operation == "load_safetensors"
    assert f"w.safetensors at offset {error.value.offset}" in str(error.value)


BAD_ENTRIES = {
    "no dict": 3,
    "no dtype": {"shape": [2], "data_offsets": [0, 8]},
    "unknown dtype": entry("F8_E4M3", (8,)),
    "dtype no text": entry(["F32"]),
    "no shape": {"dtype": "F32", "data_offsets": [0, 8]},
    "negative shape": entry(shape=(-2,)),
    "fractional shape": entry(shape=(2.0,)),
    "boolean shape": entry("F64", shape=(True,)),
    "text offsets": entry(offsets="08"),
    "three offsets": entry(offsets=(0, 8, 16)),
    "negative offset": entry(offsets=(-8, 0)),
    "end before begin": entry(offsets=(8, 0)),
    "too few bytes": entry(offsets=(0, 4)),
    "too many bytes": entry(shape=(1,), offsets=(0, 8)),
    "beyond the end": entry(shape=(4,), offsets=(0, 16)),
    "a gap before": entry(shape=(1,), offsets=(4, 8)),
    "bytes left over": entry(shape=(1,), offsets=(0, 4)),
    "65 axes": entry(shape=(1,) * 64 + (2,)),
    "zero times huge": entry(shape=(0, 2**80), offsets=(0, 0)),
}


@pytest.mark.parametrize("name", BAD_ENTRIES)
def test_a_table_that_does_not_fit_is_refused(tmp_path, name):
    path = write(tmp_path / "w.safetensors", {"weight": BAD_ENTRIES[name]}, EIGHT)
    with pytest.raises(FileError, match=r"w\.safetensors at offset \d+"):
        load_safetensors(path)


def test_overlapping_arrays_are_refused(tmp_path):
    table = {"a": entry(offsets=(0, 8)), "b": entry(shape=(1,), offsets=(4, 8))}
    with pytest.raises(FileError, match="offset"):
        load_safetensors(write(tmp_path / "w", table, EIGHT))


@given(cut=st.integers(0, 10_000), flip=st.integers(0, 10_000))
@settings(max_examples=80, deadline=None)
def test_a_cut_or_damaged_file_raises_nothing_but_file_error(tmp_path_factory, cut, flip):
    path = tmp_path_factory.mktemp("st") / "w"
    save_safetensors(path, {"a": np.ones((2, 3)), "b": np.ones(4, np.int8)}, {"k": "v"})
    content = bytearray(path.read_bytes())
    path.write_bytes(content[: cut % len(content)])
    with pytest.raises(FileError):
        load_safetensors(path)
    content[flip % len(content)] ^= 1 << flip % 8
    path.write_bytes(content)
    with contextlib.suppress(FileError):
        load_safetensors(path)


def test_a_missing_file_and_a_folder(tmp_path):
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(FileError, match="at offset 0"):
            load_safetensors(path)


def test_the_reason_is_given_in_words(tmp_path):
    with pytest.raises(FileError) as error:
        load_safetensors(tmp_path / "none")
    assert "got:      No such file or directory, in " in str(error.value)


def test_paths_may_be_texts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_safetensors("w", {"a": np.ones(2)})
    assert load_safetensors("w")["a"].tolist() == [1.0, 1.0]
    with pytest.raises(FileError):
        load_safetensors("none")


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "w"
    save_safetensors(path, {"a": np.zeros(2)})
    before = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: (_ for _ in ()).throw(OSError(28, "full")))
        with pytest.raises(FileError, match="full") as error:
            save_safetensors(path, {"a": np.ones(2)})
    assert error.value.path == path
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["w"]


def test_the_folder_is_flushed_too(tmp_path, monkeypatch):
    flushed = []
    fsync = os.fsync
    link = "/proc/self/fd/{}" if Path("/proc/self/fd").exists() else None
    if link is None:
        pytest.skip("needs /proc to see what a descriptor stands for")

    def note(descriptor):
        flushed.append(Path(link.format(descriptor)).resolve())
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    save_safetensors(tmp_path / "new" / "w", {"a": np.zeros(2)})
    assert flushed[0] == tmp_path
    assert flushed[1].name.startswith(".writing-")
    assert flushed[2:] == [tmp_path / "new"]


def test_a_table_that_is_meant_to_take_time_is_not_even_read(tmp_path):
    sizes = b'{"a":{"dtype":"F32","shape":[' + b"9," * (9 << 20)
    path = write(tmp_path / "w", sizes)
    with pytest.raises(FileError, match="a table of at most"):
        load_safetensors(path)


def test_names_that_take_more_than_is_read_are_refused(tmp_path):
    with pytest.raises(ArgumentError, match="bytes for 1 arrays"):
        save_safetensors(tmp_path / "w", {"x" * (17 << 20): np.ones(1)})


@pytest.mark.parametrize("kind", ["F8_E4M3", "F8_E5M2", "C64"])
def test_types_that_are_not_read_are_named_with_the_way_out(tmp_path, kind):
    width = 8 if kind == "C64" else 1
    path = write(tmp_path / "w", {"x": entry(kind, (2,), (0, 2 * width))}, bytes(2 * width))
    with pytest.raises(FileError, match=f"'x' of type {kind}") as error:
        load_safetensors(path)
    assert "convert others where they were written" in error.value.expected


def test_bfloat16_of_no_axes_is_an_array_too(tmp_path):
    path = write(tmp_path / "a", {"x": entry("BF16", (), (0, 2))}, b"\x80\x3f")
    x = load_safetensors(path)["x"]
    assert (type(x), x.shape, x.item(), x.flags.writeable) == (np.ndarray, (), 1.0, True)


def test_a_boolean_that_is_neither_0_nor_1_is_true(tmp_path):
    path = write(tmp_path / "a", {"x": entry("BOOL", (3,), (0, 3))}, b"\x00\x01\x02")
    assert load_safetensors(path)["x"].sum() == 2


@pytest.mark.parametrize(
    "name", ["__metadata__", 1, None, "\ud800"], ids=["metadata", "number", "none", "surrogate"]
)
def test_names_that_the_format_cannot_hold_are_refused(tmp_path, name):
    with pytest.raises(ArgumentError, match="save_safetensors"):
        save_safetensors(tmp_path / "w", {name: np.ones(2)})
    assert list(tmp_path.iterdir()) == []


def test_metadata_are_texts(tmp_path):
    with pytest.raises(ArgumentError, match="metadata that are texts"):
        save_safetensors(tmp_path / "w", {"a": np.ones(2)}, {"epoch": 3})


@pytest.mark.parametrize("kind", ["folder", "pipe", "link to a device", "nul"])
def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path, kind):
    path = tmp_path / "w"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "link to a device":
        path.symlink_to(os.devnull)
    else:
        path = tmp_path / "w\0"
    with pytest.raises(FileError, match="load_safetensors") as error:
        load_safetensors(path)
    assert error.value.path == path


def test_a_link_to_a_file_is_followed(tmp_path):
    save_safetensors(tmp_path / "w", {"a": np.ones(2)})
    (tmp_path / "link").symlink_to(tmp_path / "w")
    assert list(load_safetensors(tmp_path / "link")) == ["a"]


def test_errors_stay_short_and_of_one_line_each_whatever_the_file_holds(tmp_path):
    path = write(tmp_path / "w", {"\x1b[31m\n" * 9999: entry("C64", (1,), (0, 8))}, EIGHT)
    with pytest.raises(FileError) as error:
        load_safetensors(path)
    assert len(error.value.got) < 400 + len(str(path))
    assert "\x1b" not in str(error.value)
    assert str(error.value).count("\n") == 3


def test_a_file_keeps_its_mode_and_a_new_one_gets_the_usual_one(tmp_path):
    (tmp_path / "usual").touch()
    for name in ("w", "v"):
        save_safetensors(tmp_path / name, {"a": np.zeros(2)})
    assert (tmp_path / "w").stat().st_mode == (tmp_path / "usual").stat().st_mode
    (tmp_path / "w").chmod(0o640)
    save_safetensors(tmp_path / "w", {"a": np.ones(2)})
    assert (tmp_path / "w").stat().st_mode & 0o777 == 0o640


def test_what_is_planted_beside_a_file_is_not_written_through(tmp_path, monkeypatch):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    monkeypatch.setattr(secrets, "token_hex", lambda count: "foreseen")
    (tmp_path / ".writing-foreseen").symlink_to(victim)
    with pytest.raises(FileError, match="save_safetensors"):
        save_safetensors(tmp_path / "w", {"a": np.zeros(2)})
    assert victim.read_text() == "precious"


def test_what_is_no_dict_is_refused(tmp_path):
    with pytest.raises(ArgumentError, match="got:      a list"):
        save_safetensors(tmp_path / "w", [np.ones(2)])


def test_a_name_as_long_as_the_system_allows_can_be_written(tmp_path):
    path = tmp_path / ("w" * 255)
    save_safetensors(path, {"a": np.ones(2)})
    assert list(load_safetensors(path)) == ["a"]


def test_a_file_that_ends_while_it_is_read_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "w"
    save_safetensors(path, {"a": np.ones(1000)})
    read_table = safetensors._read_table

    def cut_meanwhile(file):
        entries = read_table(file)
        os.truncate(path, 4000)
        return entries

    monkeypatch.setattr(safetensors, "_read_table", cut_meanwhile)
    with pytest.raises(FileError, match=r"the end, [0-9]+ bytes too early, in .* at offset 4000"):
        load_safetensors(path)


def test_a_file_that_is_replaced_while_it_is_read_is_refused(tmp_path, monkeypatch):
    save_safetensors(tmp_path / "w", {"a": np.ones(3)})
    with RegularFile("load_safetensors", tmp_path / "w") as file:
        save_safetensors(tmp_path / "w", {"a": np.zeros(3)})
        with pytest.raises(FileError, match="another file, suddenly"):
            safetensors.read_safetensors(file)


def test_a_file_that_is_replaced_again_and_again_is_read_whole(tmp_path):
    save_safetensors(tmp_path / "w", {"a": np.zeros(100)})
    done = threading.Event()

    def replace():
        for k in range(60):
            save_safetensors(tmp_path / "w", {"a": np.full(100, float(k))})
        done.set()

    thread = threading.Thread(target=replace)
    thread.start()
    while not done.is_set():
        assert len(set(load_safetensors(tmp_path / "w")["a"].tolist())) == 1
    thread.join()


def test_more_than_memory_holds_is_refused(tmp_path):
    (tmp_path / "w").write_bytes(bytes(8))
    with (
        RegularFile("load_safetensors", tmp_path / "w") as file,
        pytest.raises(FileError, match="a file that memory can hold"),
    ):
        file.read(1 << 62)
