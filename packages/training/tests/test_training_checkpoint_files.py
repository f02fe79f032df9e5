"""A checkpoint's folder: whole or not there, and every byte of it checked."""

import json
import math
import os
import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinytorch.tensor import tensor
from tinytorch.tensor.errors import DTypeError, FileError
from tinytorch.training import load_checkpoint, load_safetensors, save_checkpoint
from tinytorch.training.files.checkpoint import clear_leftovers, remove_checkpoint

MODEL = {"0.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "0.bias": np.ones(2)}
NUMBERS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
TREES = st.recursive(
    NUMBERS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=4) | st.integers(), inner, max_size=3)
    ),
    max_leaves=12,
)


def same(a, b):
    """Equal in type and bits, NaN included."""
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and (repr(a) == repr(b))


@given(tree=TREES)
@settings(max_examples=60, deadline=None)
def test_every_tree_of_plain_values_comes_back(tmp_path_factory, tree):
    folder = tmp_path_factory.mktemp("c") / "one"
    save_checkpoint(folder, part=tree)
    back = load_checkpoint(folder)
    assert list(back) == ["part"]
    assert same(back["part"], tree)


def test_arrays_anywhere_come_back_and_tensors_as_arrays(tmp_path):
    state = {"state": [{"m": np.ones(3), "step": 4}, {}], "x": (tensor([1, 2]), np.float32(0.5))}
    save_checkpoint(tmp_path / "c", MODEL, optimizer=state, n=np.int64(3))
    back = load_checkpoint(tmp_path / "c")
    np.testing.assert_array_equal(back["optimizer"]["state"][0]["m"], np.ones(3))
    np.testing.assert_array_equal(back["optimizer"]["x"][0], [1, 2])
    assert back["optimizer"]["x"][1] == 0.5
    assert (back["n"], type(back["n"])) == (3, int)
    for name, array in MODEL.items():
        assert back["model"][name].tobytes() == array.tobytes()


def test_names_that_look_alike_do_not_collide(tmp_path):
    tree = {"a.b": np.zeros(1), "a": {"b": np.ones(1)}}
    save_checkpoint(tmp_path / "c", tree=tree)
    back = load_checkpoint(tmp_path / "c")["tree"]
    assert (back["a.b"].item(), back["a"]["b"].item()) == (0.0, 1.0)


def test_generator_states_come_back(tmp_path):
    for bits in (np.random.PCG64(1), np.random.MT19937(1), np.random.Philox(1)):
        generator = np.random.Generator(bits)
        generator.normal(size=3)
        save_checkpoint(tmp_path / "c", rng=generator.bit_generator.state)
        expected = generator.normal(size=5)
        other = np.random.Generator(type(bits)(2))
        other.bit_generator.state = load_checkpoint(tmp_path / "c")["rng"]
        np.testing.assert_array_equal(other.normal(size=5), expected)


def test_the_weights_alone_are_a_file_of_their_own(tmp_path):
    save_checkpoint(tmp_path / "c", MODEL, note="x")
    assert sorted(p.name for p in (tmp_path / "c").iterdir()) == [
        "model.safetensors",
        "state.json",
        "state.safetensors",
    ]
    assert load_safetensors(tmp_path / "c" / "model.safetensors").keys() == MODEL.keys()
    save_checkpoint(tmp_path / "d", note="x")
    assert load_checkpoint(tmp_path / "d") == {"note": "x"}
    save_checkpoint(tmp_path / "e", {})
    assert load_checkpoint(tmp_path / "e") == {"model": {}}


def test_paths_may_be_texts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_checkpoint("runs/c", n=1)
    assert load_checkpoint("runs/c") == {"n": 1}


def test_saving_again_replaces(tmp_path):
    save_checkpoint(tmp_path / "c", n=1)
    save_checkpoint(tmp_path / "c", n=2)
    assert load_checkpoint(tmp_path / "c") == {"n": 2}
    assert [p.name for p in tmp_path.iterdir()] == ["c"]


@pytest.mark.parametrize("kind", [".removing", ".writing"])
def test_what_a_dead_process_of_the_same_number_left_is_no_obstacle(tmp_path, kind):
    leftover = tmp_path / f"{kind}-{os.getpid()}-c" / "old"
    leftover.mkdir(parents=True)
    for n in (1, 2):
        save_checkpoint(tmp_path / "c", n=n)
        assert load_checkpoint(tmp_path / "c") == {"n": n}
    assert leftover.is_dir()


@pytest.mark.parametrize("value", [object(), {1, 2}, np.array(["a"]), b"bytes"])
def test_what_cannot_be_kept_is_refused_and_nothing_is_left(tmp_path, value):
    with pytest.raises(DTypeError, match="part"):
        save_checkpoint(tmp_path / "c", part={"x": value})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["model.safetensors", "state.safetensors", "state.json"])
@given(position=st.integers(0, 2000), bit=st.integers(0, 7))
@settings(max_examples=25, deadline=None)
def test_every_flipped_bit_is_found(tmp_path_factory, name, position, bit):
    folder = tmp_path_factory.mktemp("c") / "one"
    save_checkpoint(folder, MODEL, optimizer={"m": np.ones(3)}, epoch=3)
    content = bytearray((folder / name).read_bytes())
    content[position % len(content)] ^= 1 << bit
    (folder / name).write_bytes(content)
    with pytest.raises(FileError, match="one") as error:
        load_checkpoint(folder)
    assert error.value.path.name == name


@pytest.mark.parametrize("name", ["model.safetensors", "state.safetensors", "state.json"])
@pytest.mark.parametrize("cut", [0, 1, 40, -1])
def test_every_cut_file_is_refused_by_name(tmp_path, name, cut):
    save_checkpoint(tmp_path / "c", MODEL, m=np.ones(3))
    path = tmp_path / "c" / name
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(FileError, match=name):
        load_checkpoint(tmp_path / "c")
    path.unlink()
    with pytest.raises(FileError, match=name):
        load_checkpoint(tmp_path / "c")


def test_the_error_says_where_a_cut_file_ends(tmp_path):
    save_checkpoint(tmp_path / "c", MODEL)
    path = tmp_path / "c" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(FileError, match=r"50 bytes: it ends there, .* at offset 50"):
        load_checkpoint(tmp_path / "c")


@pytest.mark.parametrize("content", [b"{}", b"\x80\x04pickle", b"", b'{"sha256":"'])
def test_foreign_files_are_refused(tmp_path, content):
    (tmp_path / "state.json").write_bytes(content)
    with pytest.raises(FileError, match="tinytorch-checkpoint-1"):
        load_checkpoint(tmp_path)


def test_a_missing_folder(tmp_path):
    with pytest.raises(FileError, match=r"state\.json"):
        load_checkpoint(tmp_path / "none" / "at all")
    with pytest.raises(FileError, match=r"state\.json"):
        load_checkpoint(tmp_path / "none")


def test_a_full_disk_leaves_what_there_is(tmp_path, monkeypatch):
    save_checkpoint(tmp_path / "c", MODEL, n=1)
    calls = []

    def full(descriptor):
        calls.append(descriptor)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    for name in ("c", "d"):
        with pytest.raises(FileError, match="No space left on device") as error:
            save_checkpoint(tmp_path / name, MODEL, n=2)
        assert "free some space" in error.value.fix
    assert calls
    assert [p.name for p in tmp_path.iterdir()] == ["c"]
    assert load_checkpoint(tmp_path / "c")["n"] == 1


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="room and permission"):
        save_checkpoint(tmp_path / "file" / "c", n=1)


def test_everything_is_on_the_disk_before_the_folder_gets_its_name(tmp_path, monkeypatch):
    events = []
    fsync = os.fsync
    rename = type(tmp_path).rename

    def note_rename(path, target):
        events.append("rename")
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", lambda fd: (events.append("fsync"), fsync(fd))[1])
    monkeypatch.setattr(type(tmp_path), "rename", note_rename)
    save_checkpoint(tmp_path / "c", MODEL)
    assert events == ["fsync"] * 4 + ["rename", "fsync"]


def test_a_crash_while_replacing_loses_neither(tmp_path, monkeypatch):
    save_checkpoint(tmp_path / "c", n=1)
    rename = type(tmp_path).rename
    count = []

    def crash(path, target):
        count.append(path)
        if len(count) == 2:
            raise KeyboardInterrupt
        return rename(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(type(tmp_path), "rename", crash)
        with pytest.raises(KeyboardInterrupt):
            save_checkpoint(tmp_path / "c", n=2)
    assert not (tmp_path / "c").exists()
    (tmp_path / ".removing-7-b-c").mkdir()
    assert load_checkpoint(tmp_path / "c") == {"n": 1}
    with pytest.raises(FileError):
        load_checkpoint(tmp_path / "d")


def test_a_crash_while_removing_leaves_no_half(tmp_path, monkeypatch):
    save_checkpoint(tmp_path / "step-1", n=1)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", lambda path, ignore_errors: None)
        remove_checkpoint(tmp_path / "step-1")
    assert not (tmp_path / "step-1").exists()
    (tmp_path / ".writing-1-step-2").mkdir()
    (tmp_path / ".writing-notes").mkdir()
    clear_leftovers(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == [".writing-notes"]


def test_the_state_is_strict_json(tmp_path):
    save_checkpoint(tmp_path / "c", x=[math.nan, math.inf])
    assert repr(load_checkpoint(tmp_path / "c")["x"]) == "[nan, inf]"
    json.loads((tmp_path / "c" / "state.json").read_text(), parse_constant=pytest.fail)
