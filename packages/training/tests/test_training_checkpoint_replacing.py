"""Saving replaces a checkpoint whole or not at all, and nothing that is no checkpoint."""

import errno
import os
import shutil
import stat
import threading

import numpy as np
import pytest

from tinytorch.tensor.errors import FileError
from tinytorch.training import load_checkpoint, save_checkpoint
from tinytorch.training.files import atomic, checkpoint, folders
from tinytorch.training.files.folders import clear_leftovers, remove_checkpoint

MODEL = {"0.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "0.bias": np.ones(2)}


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


@pytest.mark.parametrize("path", ["", ".", "/", "a\0b"])
def test_a_path_that_is_none(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileError, match="save_checkpoint"):
        save_checkpoint(path, n=1)


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


FILES = dict.fromkeys(["model.safetensors", "state.safetensors", "state.json"], b"x")
PRECIOUS = {
    "a paper": {"thesis.tex": b"years"},
    "weights": {"model.safetensors": b"x"},
    "a checkpoint and notes": {**FILES, "notes": b""},
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
    monkeypatch.setattr(folders, "sync_folder", flushed.append)
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


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP])
def test_a_disk_that_cannot_flush_folders_is_used_without(tmp_path, monkeypatch, number):
    def flush(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", flush)
    save_checkpoint(tmp_path / "runs" / "c", n=1)
    assert load_checkpoint(tmp_path / "runs" / "c") == {"n": 1}


def test_a_folder_that_cannot_be_flushed_for_another_reason_is_an_error(tmp_path, monkeypatch):
    def flush(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", flush)
    with pytest.raises(FileError, match="Input/output error"):
        save_checkpoint(tmp_path / "c", n=1)


def test_a_parent_that_may_be_written_and_not_read_is_no_obstacle(tmp_path, monkeypatch):
    opened = os.open

    def without_reading(path, flags, *arguments, **settings):
        if path == tmp_path:
            raise PermissionError(errno.EACCES, "Permission denied")
        return opened(path, flags, *arguments, **settings)

    monkeypatch.setattr(os, "open", without_reading)
    save_checkpoint(tmp_path / "c", n=1)
    assert load_checkpoint(tmp_path / "c") == {"n": 1}


def test_windows_flushes_no_folders(monkeypatch):
    monkeypatch.setattr(os, "name", "nt")
    atomic.sync_folder("no such folder")
