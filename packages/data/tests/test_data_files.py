"""Places, locks, and what the system and foreign text are turned into."""

import errno
import os
import sys
from pathlib import Path

import pytest

from tinytorch.data import CIFAR10, MNIST, data_root
from tinytorch.data.files.errors import printable
from tinytorch.data.files.lock import locked
from tinytorch.data.files.source import Source
from tinytorch.tensor.errors import FileError


def test_the_root_is_the_argument_then_the_variable_then_the_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("TINYTORCH_DATA", str(tmp_path / "variable"))
    assert data_root("here") == Path("here")
    assert data_root(tmp_path) == tmp_path
    assert data_root("~/there") == Path.home() / "there"
    assert data_root() == tmp_path / "variable"
    monkeypatch.setenv("TINYTORCH_DATA", "~/variable")
    assert data_root() == Path.home() / "variable"
    for unset in (True, False):
        if unset:
            monkeypatch.delenv("TINYTORCH_DATA")
        else:
            monkeypatch.setenv("TINYTORCH_DATA", "")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
        monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
        assert data_root() == tmp_path / "xdg" / "tinytorch"
        monkeypatch.delenv("XDG_CACHE_HOME")
        assert data_root() == tmp_path / "local" / "tinytorch"
        monkeypatch.delenv("LOCALAPPDATA")
        monkeypatch.setattr(sys, "platform", "darwin")
        assert data_root() == Path.home() / "Library" / "Caches" / "tinytorch"
        monkeypatch.setattr(sys, "platform", "linux")
        assert data_root() == Path.home() / ".cache" / "tinytorch"


@pytest.mark.parametrize("asked", ["argument", "variable"])
def test_the_home_of_an_unknown_user_is_an_error(monkeypatch, asked):
    monkeypatch.setenv("TINYTORCH_DATA", "~nobody.at.all/data")
    root = "~nobody.at.all/data" if asked == "argument" else None
    for operation, call in {"data_root": data_root, "MNIST": MNIST, "CIFAR10": CIFAR10}.items():
        with pytest.raises(FileError, match="no such home folder") as caught:
            call(root)
        assert caught.value.operation == operation
        assert "TINYTORCH_DATA" in caught.value.fix


def test_no_home_folder_is_an_error(monkeypatch):
    for name in ("TINYTORCH_DATA", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "expanduser", Path("~nobody.at.all").expanduser)
    with pytest.raises(FileError, match="no such home folder"):
        data_root()


@pytest.mark.parametrize("dataset", [MNIST, CIFAR10])
def test_what_the_system_refuses_is_an_error_that_names_the_file(dataset, tmp_path, monkeypatch):
    def refuse(*arguments, **settings):
        raise PermissionError(errno.EACCES, "Permission denied", "file")

    monkeypatch.setattr(Path, "stat", refuse)
    with pytest.raises(FileError, match="Permission denied") as caught:
        dataset(tmp_path, download=False)
    assert caught.value.operation == dataset.__name__
    assert str(tmp_path) in caught.value.expected


def test_a_name_that_no_system_allows_is_an_error():
    with pytest.raises(FileError, match="null"):
        MNIST("a\0b")


@pytest.mark.parametrize("kind", [os.mkdir, os.mkfifo])
def test_only_a_regular_file_is_a_file(kind, tmp_path):
    source = Source("MNIST", tmp_path / "there")
    assert not source.exists()
    kind(source.file)
    with pytest.raises(FileError, match="a folder" if kind is os.mkdir else "pipe") as caught:
        source.exists()
    assert caught.value.file == source.file


def test_what_goes_wrong_while_a_file_is_read_names_it(tmp_path):
    source = Source("MNIST", tmp_path / "there")
    with pytest.raises(FileError, match="No such file"), source.open():
        pass
    source.file.touch()
    with pytest.raises(FileError, match="Input/output") as caught, source.open() as stream:
        raise OSError(errno.EIO, "Input/output error")
    assert stream.closed
    assert caught.value.file == source.file


def test_a_damaged_file_is_described():
    source = Source("MNIST", Path("/folder/file"))
    error = source.damaged(12_345, expected="order", got="chaos")
    assert isinstance(error, FileError)
    assert str(error).splitlines() == [
        "MNIST: damaged or foreign file",
        "  expected: order",
        "  got:      chaos, at byte 12,345 of /folder/file",
        "  way out:  delete /folder/file and load the data set again, or put a good copy there",
    ]
    assert (error.file, error.offset) == (Path("/folder/file"), 12_345)


def test_foreign_text_is_printed_on_one_line_without_control_codes():
    assert printable("plain é") == "plain é"
    assert printable("\x1b[31m\n\u202e") == r"\x1b[31m\n\u202e"
    assert printable("x" * 300) == "x" * 200 + "..."
    assert printable(KeyError("\x07")) == r"'\x07'"


def test_a_lock_is_freed_after_an_error(tmp_path):
    file = tmp_path / "lock"
    with pytest.raises(KeyError), locked(file):
        raise KeyError
    with locked(file):
        assert file.read_bytes() == b""


def test_a_lock_keeps_others_out(tmp_path):
    import fcntl

    file = tmp_path / "lock"
    with locked(file), file.open("ab") as other, pytest.raises(BlockingIOError):
        fcntl.flock(other.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    with file.open("ab") as other:
        fcntl.flock(other.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
