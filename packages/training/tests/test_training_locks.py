"""A folder has one run at a time: a second one is told who holds it, a dead one does not count."""

import json
import multiprocessing
import os
import socket

import pytest

from tinytorch.tensor.errors import FileError
from tinytorch.training import Callback, Checkpoint
from tinytorch.training.files import lock
from tinytorch.training.files.lock import FolderLock


def hold(folder, connection):
    """In another process: hold the folder until told to let it go, or killed."""
    held = FolderLock("Checkpoint", folder)
    connection.send("held")
    if connection.recv() == "release":
        held.release()
        connection.send("released")


@pytest.fixture
def other(tmp_path):
    """Another process that holds tmp_path, and the line to it."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=hold, args=(tmp_path, theirs))
    process.start()
    assert ours.recv() == "held"
    yield process, ours
    process.kill()
    process.join()
    process.close()


def test_a_second_process_is_told_who_holds_the_folder(tmp_path, other, make_trainer):
    process, line = other
    trainer = make_trainer(callbacks=[Checkpoint(tmp_path)])
    with pytest.raises(FileError, match="in use by process") as error:
        trainer.fit(1)
    text = str(error.value)
    assert f"process {process.pid} on {socket.gethostname()}" in text
    assert "a folder of its own" in error.value.fix
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]
    line.send("release")
    assert line.recv() == "released"
    trainer.fit(1)


def test_the_lock_of_a_killed_process_is_free(tmp_path, other):
    process, _ = other
    process.kill()
    process.join()
    assert (tmp_path / ".lock").exists()
    FolderLock("Checkpoint", tmp_path).release()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("left", [b"", b"nonsense", b'{"process": %d}' % os.getpid()])
def test_what_a_dead_process_of_the_same_number_left_is_no_obstacle(tmp_path, left):
    (tmp_path / ".lock").write_bytes(left)
    held = FolderLock("Checkpoint", tmp_path)
    assert json.loads((tmp_path / ".lock").read_bytes())["process"] == os.getpid()
    held.release()


def test_a_second_trainer_of_the_same_process_is_refused_while_the_first_one_fits(
    tmp_path, make_trainer
):
    class Nested(Callback):
        def on_step_end(self, run):
            if run.step == 3:
                with pytest.raises(FileError, match="another Checkpoint of this process"):
                    make_trainer(callbacks=[Checkpoint(tmp_path)]).fit(1)

    trainer = make_trainer(callbacks=[Checkpoint(tmp_path), Nested()])
    trainer.fit(1)
    assert ".lock" not in {path.name for path in tmp_path.iterdir()}


def test_a_forked_child_does_not_hold_what_its_parent_holds(tmp_path, monkeypatch):
    held = FolderLock("Checkpoint", tmp_path)
    monkeypatch.setattr(lock.os, "getpid", lambda: -1)
    other = tmp_path / "other"
    other.mkdir()
    FolderLock("Checkpoint", other).release()
    monkeypatch.undo()
    held.release()


def test_a_lock_that_its_holder_took_away_meanwhile_is_made_anew(tmp_path, monkeypatch):
    acquire = lock._acquire
    taken = []

    def acquired_too_late(file):
        if not taken:
            taken.append(file)
            (tmp_path / ".lock").unlink()
        acquire(file)

    monkeypatch.setattr(lock, "_acquire", acquired_too_late)
    held = FolderLock("Checkpoint", tmp_path)
    assert (tmp_path / ".lock").exists()
    assert taken[0].closed
    held.release()


def test_a_disk_that_has_no_locks_is_used_with_a_warning(tmp_path, monkeypatch):
    def no_locks(file):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(lock, "_acquire", no_locks)
    with pytest.warns(UserWarning, match="cannot be locked"):
        FolderLock("Checkpoint", tmp_path).release()


def test_a_lock_that_cannot_be_had_for_another_reason_is_an_error(tmp_path, monkeypatch):
    def broken(file):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(lock, "_acquire", broken)
    for _ in range(2):
        with pytest.raises(FileError, match="Input/output error"):
            FolderLock("Checkpoint", tmp_path)


def test_a_link_in_the_lock_s_place_is_not_followed(tmp_path):
    (tmp_path / "victim").write_text("precious")
    (tmp_path / ".lock").symlink_to(tmp_path / "victim")
    with pytest.raises(FileError):
        FolderLock("Checkpoint", tmp_path)
    assert (tmp_path / "victim").read_text() == "precious"
