"""A folder has one run at a time; the system frees the lock of a process that is dead.

The lock is the process's own: a forked child does not inherit it, and what a dead one has left in
the file says nothing, whoever has its number today.
"""

import errno
import json
import os
import socket
import sys
import time
import warnings
from contextlib import suppress
from pathlib import Path
from typing import IO
from weakref import WeakValueDictionary

from tinytorch.tensor.errors import FileError
from tinytorch.training.files.atomic import file_errors
from tinytorch.training.files.regular import shown

if sys.platform == "win32":  # pragma: no cover  (the other half runs on the other system)
    import msvcrt

    def _acquire(file: IO[bytes]) -> None:
        file.seek(1 << 30)  # what is locked cannot be read, and the holder's name should be
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _acquire(file: IO[bytes]) -> None:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


NAME = ".lock"
NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL}


class FolderLock:
    """Holds a folder for this process, until `release` or the process's end."""

    def __init__(self, operation: str, folder: Path) -> None:
        self.folder = folder
        self._path = folder.resolve() / NAME
        self._key = (os.getpid(), self._path)
        if _held.setdefault(self._key, self) is not self:
            raise _in_use(operation, folder, "another Checkpoint of this process")
        try:
            with file_errors(operation, self._path):
                self._file = self._open(operation)
        except BaseException:
            del _held[self._key]
            raise
        with suppress(OSError):
            self._file.truncate(0)
            self._file.write(_holder())
            self._file.flush()

    def release(self) -> None:
        """Let the folder go, and leave nothing in it."""
        with suppress(OSError):
            self._path.unlink()
        self._file.close()
        del _held[self._key]

    def _open(self, operation: str) -> IO[bytes]:
        while True:
            file = open(self._path, "a+b", opener=_no_link)  # noqa: SIM115 - it stays open
            try:
                _acquire(file)
            except (BlockingIOError, PermissionError):
                with file:
                    holder = _read_holder(file)
                raise _in_use(operation, self.folder, holder) from None
            except OSError as error:
                if error.errno not in NO_LOCKS:
                    file.close()
                    raise
                warnings.warn(
                    f"{operation}: {self.folder} cannot be locked ({error.strerror}); see to it "
                    "that no other process saves in it",
                    stacklevel=2,
                )
                return file
            # The one before may have removed its file between the two lines above.
            with suppress(FileNotFoundError):
                if os.path.samestat(self._path.stat(), os.fstat(file.fileno())):
                    return file
            file.close()


_held: "WeakValueDictionary[tuple[int, Path], FolderLock]" = WeakValueDictionary()


def _no_link(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)


def _holder() -> bytes:
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    return json.dumps({"process": os.getpid(), "on": socket.gethostname(), "since": since}).encode()


def _read_holder(file: IO[bytes]) -> str:
    try:
        file.seek(0)
        holder = json.loads(file.read(1000))
        return shown(" ".join(f"{key} {value}" for key, value in holder.items()))
    except (OSError, ValueError, AttributeError):
        return "another process"


def _in_use(operation: str, folder: Path, holder: str) -> FileError:
    return FileError(
        operation,
        expected="a folder that no other run saves in",
        got=f"{folder} in use by {holder}",
        fix="wait until it is done, stop it, or give this run a folder of its own",
        path=folder,
        holder=holder,
    )
