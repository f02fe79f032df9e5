"""What is read must be a file: no folder, no device that never ends, no pipe that never begins."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import NoReturn

from tinytorch.tensor.errors import FileError

__all__ = ["open_regular", "refuse", "shown"]

KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFLNK: "a link",
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
LONGEST = 160
WAY_OUT = "take another copy of the file; of a checkpoint folder, the one before serves"


@contextmanager
def open_regular(operation: str, path: Path, *, follow: bool = True) -> Iterator[FileIO]:
    """Open a regular file to be read.

    Args:
        operation: Who reads, for the error.
        path: The file.
        follow: Whether a link may lead to it.

    Raises:
        FileError: It is missing, none of that kind, or cannot be read.
    """
    try:
        found = path.stat() if follow else path.lstat()
        if not stat.S_ISREG(found.st_mode):
            refuse(
                operation, path, "a regular file", KINDS.get(stat.S_IFMT(found.st_mode), "a socket")
            )
        # Unbuffered: numbers go straight into their arrays. A pipe put here meanwhile cannot hang.
        file = open(path, "rb", buffering=0, opener=_without_waiting)  # noqa: SIM115 - see below
    except FileError:
        raise
    except (OSError, ValueError) as error:
        refuse(operation, path, "a file that can be read", getattr(error, "strerror", 0) or error)
    with file:
        if not os.path.samestat(found, os.fstat(file.fileno())):
            refuse(operation, path, "a file that stays while it is read", "another file, suddenly")
        yield file


def refuse(operation: str, path: Path, expected: str, got: object, offset: int = 0) -> NoReturn:
    """Raise a FileError that names the file and stays short, whatever the file holds."""
    raise FileError(
        operation,
        expected=expected,
        got=f"{shown(got)}, in {path} at offset {offset}",
        fix=WAY_OUT,
        path=path,
        offset=offset,
    )


def shown(value: object) -> str:
    """Return a text of one line and bounded length, without control characters."""
    text = str(value)
    text = text if len(text) <= LONGEST else text[:LONGEST] + "..."
    return text if text.isprintable() else repr(text)[1:-1]


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
