"""A checkpoint's folder: whole or not there, and every byte of it checked."""

import hashlib
import json
import math
import os
import shutil
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinytorch.tensor import tensor
from tinytorch.tensor.errors import ArgumentError, DTypeError, FileError
from tinytorch.training import load_checkpoint, load_safetensors, save_checkpoint
from tinytorch.training.files import atomic, checkpoint
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


EMPTY = (2).to_bytes(8, "little") + b"{}"
RIGHT = [len(EMPTY), hashlib.sha256(EMPTY).hexdigest()]
FILES = {"model.safetensors": RIGHT, "state.safetensors": RIGHT}


def write(folder, *, format_=1, files=FILES, **state):
    """A checkpoint made by hand: sealed as it should be, whatever it says."""
    folder.mkdir()
    for name in FILES:
        (folder / name).write_bytes(EMPTY)
    state = {
        "format": f"tinytorch-checkpoint-{format_}",
        "files": files,
        "has_model": False,
        "parts": {},
        **state,
    }
    seal(folder, json.dumps(state, separators=(",", ":")).encode())
    return folder


def seal(folder, text):
    digest = hashlib.sha256(text).hexdigest().encode()
    (folder / "state.json").write_bytes(b'{"sha256":"%s","state":%s}' % (digest, text))


def test_a_checkpoint_made_by_hand_is_read(tmp_path):
    parts = {"n": {"tuple": [1, {"dict": [["k", {"float": "inf"}]]}]}}
    assert load_checkpoint(write(tmp_path / "c", parts=parts)) == {"n": (1, {"k": math.inf})}


@pytest.mark.parametrize(
    "files",
    [
        {"../secret": RIGHT, **FILES},
        {"/dev/zero": RIGHT, **FILES},
        {"model.safetensors": RIGHT},
        {**FILES, "state.safetensors": [10]},
        {**FILES, "state.safetensors": ["x", "y"]},
        {**FILES, "state.safetensors": None},
        [],
    ],
)
def test_files_other_than_its_own_are_not_even_opened(tmp_path, files):
    with pytest.raises(FileError, match=r"state\.json"):
        load_checkpoint(write(tmp_path / "c", files=files))


@pytest.mark.parametrize(
    "part",
    [
        {"array": "unknown"},
        {"array": 3},
        {"list": [], "dict": []},
        {},
        [],
        {"set": []},
        {"list": 3},
        {"list": {"a": 1}},
        {"dict": [[1]]},
        {"dict": [[{"list": []}, 1]]},
        {"float": "1e400"},
        {"float": 3},
    ],
)
def test_values_that_were_never_saved_are_refused(tmp_path, part):
    with pytest.raises(FileError, match=r"a state as save_checkpoint writes it"):
        load_checkpoint(write(tmp_path / "c", parts={"n": part}))


@pytest.mark.parametrize(
    "text",
    [
        b'{"format":"tinytorch-checkpoint-1","files":{}}',
        b'{"format":"tinytorch-checkpoint-1","a":' + b"[" * 99_999,
        b'{"format":"tinytorch-checkpoint-1","a":' + b"9" * 9_999 + b"}",
        b'{"format":"tinytorch-checkpoint-1"',
    ],
    ids=["no parts", "nested without end", "a long number", "no JSON"],
)
def test_states_that_are_none_are_refused(tmp_path, text):
    seal(write(tmp_path / "c"), text)
    with pytest.raises(FileError, match=r"state\.json"):
        load_checkpoint(tmp_path / "c")


def test_a_newer_format_says_so(tmp_path):
    with pytest.raises(FileError, match=r"-7: a newer TinyTorch wrote") as error:
        load_checkpoint(write(tmp_path / "c", format_=7))
    assert "--upgrade" in error.value.fix


@pytest.mark.parametrize("name", ["model.safetensors", "state.safetensors", "state.json"])
@pytest.mark.parametrize("kind", ["pipe", "link", "device", "folder"])
def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path, name, kind):
    path = write(tmp_path / "c") / name
    if kind == "link":
        path.rename(tmp_path / "elsewhere")
        path.symlink_to(tmp_path / "elsewhere")
    else:
        path.unlink()
        make = {"pipe": os.mkfifo, "folder": os.mkdir}
        make.get(kind, lambda p: p.symlink_to(os.devnull))(path)
    with pytest.raises(FileError, match="a regular file") as error:
        load_checkpoint(tmp_path / "c")
    assert error.value.path == path


def test_a_state_too_large_to_be_one_is_not_read(tmp_path):
    path = write(tmp_path / "c") / "state.json"
    os.truncate(path, 1 << 40)
    with pytest.raises(FileError, match="at most"):
        load_checkpoint(tmp_path / "c")


def test_a_state_that_would_be_too_large_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "LARGEST_STATE", 1000)
    with pytest.raises(ArgumentError, match="as arrays"):
        save_checkpoint(tmp_path / "c", n=[0] * 1000)
    assert list(tmp_path.iterdir()) == []


def test_a_list_that_holds_itself_is_refused(tmp_path):
    endless = []
    endless.append(endless)
    with pytest.raises(ArgumentError, match="nested at most 100 deep"):
        save_checkpoint(tmp_path / "c", n=endless)
    deep = 1
    for _ in range(100):
        deep = {"a": deep}
    save_checkpoint(tmp_path / "c", n=deep)
    assert load_checkpoint(tmp_path / "c") == {"n": deep}


@pytest.mark.parametrize(
    "value",
    [10**4000, np.longdouble(1), {tensor([1]): 1}, {(1, b"x"): 1}],
    ids=["a long integer", "a long float", "a Tensor as key", "bytes in a key"],
)
def test_what_would_not_come_back_is_refused(tmp_path, value):
    with pytest.raises(DTypeError, match="part"):
        save_checkpoint(tmp_path / "c", part=value)


@pytest.mark.parametrize("name", ["__metadata__", "\ud800", "", "a\nb"])
def test_parts_and_keys_may_have_any_name(tmp_path, name):
    save_checkpoint(tmp_path / "c", **{name or "x": {name: np.arange(3)}})
    assert load_checkpoint(tmp_path / "c")[name or "x"][name].tolist() == [0, 1, 2]


PRECIOUS = {
    "a paper": {"thesis.tex": b"years"},
    "weights": {"model.safetensors": EMPTY},
    "a checkpoint and notes": {**dict.fromkeys(FILES, EMPTY), "state.json": b"", "notes": b""},
    "a state of another program": {"state.json": b"{}"},
    "a folder in it": {"state.json/a": b""},
}


@pytest.mark.parametrize("what", PRECIOUS)
def test_nothing_is_replaced_but_a_checkpoint(tmp_path, what):
    for name, content in PRECIOUS[what].items():
        (tmp_path / "c" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "c" / name).write_bytes(content)
    with pytest.raises(FileError, match="holds a checkpoint and nothing else"):
        save_checkpoint(tmp_path / "c", n=1)
    remove_checkpoint(tmp_path / "c")
    for name, content in PRECIOUS[what].items():
        assert (tmp_path / "c" / name).read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


def test_files_and_links_are_not_replaced_either(tmp_path):
    (tmp_path / "file").write_text("mine")
    save_checkpoint(tmp_path / "c", n=1)
    (tmp_path / "link").symlink_to(tmp_path / "c")
    for name in ("file", "link"):
        with pytest.raises(FileError, match=r"which is none|with "):
            save_checkpoint(tmp_path / name, n=2)
    assert load_checkpoint(tmp_path / "link") == {"n": 1}


@pytest.mark.parametrize("damage", ["", "state.json", "model.safetensors", "state.safetensors"])
def test_an_empty_folder_and_a_damaged_checkpoint_are_replaced(tmp_path, damage):
    if damage:
        save_checkpoint(tmp_path / "c", MODEL, n=1)
        (tmp_path / "c" / damage).write_bytes(b"")
    else:
        (tmp_path / "c").mkdir()
    save_checkpoint(tmp_path / "c", n=2)
    assert load_checkpoint(tmp_path / "c") == {"n": 2}
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


def test_modes_are_kept(tmp_path):
    save_checkpoint(tmp_path / "c", n=1)
    (tmp_path / "usual").mkdir()
    assert (tmp_path / "c").stat().st_mode == (tmp_path / "usual").stat().st_mode
    (tmp_path / "c").chmod(0o750)
    (tmp_path / "c" / "state.json").chmod(0o640)
    save_checkpoint(tmp_path / "c", n=2)
    assert (tmp_path / "c").stat().st_mode & 0o777 == 0o750
    assert (tmp_path / "c" / "state.json").stat().st_mode & 0o777 == 0o640


def test_new_folders_are_flushed_from_the_top_down(tmp_path, monkeypatch):
    flushed = []
    monkeypatch.setattr(checkpoint, "sync_folder", flushed.append)
    monkeypatch.setattr(atomic, "sync_folder", flushed.append)
    save_checkpoint(tmp_path / "runs" / "digits" / "c", n=1)
    runs = tmp_path / "runs"
    assert flushed[:2] == [tmp_path, runs]
    assert flushed[-1] == runs / "digits"


def test_several_writers_publish_one_save_each_and_readers_see_one(tmp_path):
    failures = []

    def work(number):
        try:
            for k in range(8):
                value = 100 * number + k
                save_checkpoint(tmp_path / "c", {"x": np.full(100, value)}, k=value)
                found = load_checkpoint(tmp_path / "c")
                if (found["model"]["x"] != found["k"]).any():
                    failures.append("a mixture")
        except FileError as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


def test_a_load_that_meets_a_replacement_begins_again(tmp_path, monkeypatch):
    save_checkpoint(tmp_path / "c", {"x": np.zeros(3)}, k=0)
    read = checkpoint.read_safetensors

    def replaced_meanwhile(*arguments):
        monkeypatch.setattr(checkpoint, "read_safetensors", read)
        save_checkpoint(tmp_path / "c", {"x": np.ones(4)}, k=1)
        return read(*arguments)

    monkeypatch.setattr(checkpoint, "read_safetensors", replaced_meanwhile)
    found = load_checkpoint(tmp_path / "c")
    assert (found["model"]["x"].tolist(), found["k"]) == ([1.0] * 4, 1)


def test_a_failed_replacement_gives_the_old_one_its_name_back(tmp_path, monkeypatch):
    save_checkpoint(tmp_path / "c", n=1)
    rename = type(tmp_path).rename

    def fail(path, target):
        if path.name.startswith(".writing"):
            raise OSError(5, "Input/output error")
        return rename(path, target)

    monkeypatch.setattr(type(tmp_path), "rename", fail)
    with pytest.raises(FileError, match="Input/output error") as error:
        save_checkpoint(tmp_path / "c", n=2)
    assert "free some space" not in error.value.fix
    assert [path.name for path in tmp_path.iterdir()] == ["c"]
    assert load_checkpoint(tmp_path / "c") == {"n": 1}
