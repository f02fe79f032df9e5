"""A checkpoint from a stranger: whatever it says, it is read or refused by name, at no cost."""

import hashlib
import json
import math
import os

import pytest

from tinytorch.tensor.errors import FileError
from tinytorch.training import load_checkpoint


@pytest.mark.parametrize("content", [b"{}", b"\x80\x04pickle", b"", b'{"sha256":"'])
def test_foreign_files_are_refused(tmp_path, content):
    (tmp_path / "state.json").write_bytes(content)
    with pytest.raises(FileError, match="tinytorch-checkpoint-1"):
        load_checkpoint(tmp_path)


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
