"""What is read must be a file: no folder, no device that never ends, no pipe that never begins."""

import os
import stat
from pathlib import Path
from typing import Any, Self

from tinytorch.tensor.errors import FileError

KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFLNK: "a link",
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
LONGEST = 160


class FileChangedError(FileError):
    """A file that was replaced while it was being opened; a second try meets the new one."""


class RegularFile:
    """A regular file, open to be read once from its beginning on, and closed by `with`.

    Args:
        operation: Who reads, for the error.
        path: The file.
        follow: Whether a link may lead to it.
        digest: What is to get every byte that is read, such as `hashlib.sha256()`.

    Attributes:
        size: Its length in bytes.
        offset: How many of them have been read.
    """

    def __init__(
        self, operation: str, path: Path, *, follow: bool = True, digest: Any = None
    ) -> None:
        self.operation = operation
        self.path = path
        self.offset = 0
        self._digest = digest
        try:
            found = path.stat() if follow else path.lstat()
            kind = stat.S_IFMT(found.st_mode)
            if kind == stat.S_IFREG:
                # Unbuffered: numbers go straight into their arrays.
                self._file = open(path, "rb", buffering=0, opener=_without_waiting)  # noqa: SIM115
        except (OSError, ValueError) as error:
            got = getattr(error, "strerror", None) or error
            raise self.unusable("a file that can be read", got) from error
        if kind != stat.S_IFREG:
            raise self.unusable("a regular file", KINDS.get(kind, "a socket"))
        self.size = found.st_size
        self.check_is(found)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def check_is(self, found: os.stat_result) -> None:
        """Check that what was found at the path is what is open here, and no other file."""
        if not os.path.samestat(found, os.fstat(self._file.fileno())):
            self._file.close()
            expected, got = "a file that stays while it is read", "another file, suddenly"
            raise self.unusable(expected, got, kind=FileChangedError)

    def read(self, count: int) -> bytes:
        """Return the next `count` bytes."""
        try:
            content = bytearray(count)
        except MemoryError as error:
            raise self.unusable("a file that memory can hold", f"{count} bytes") from error
        self.fill(memoryview(content))
        return bytes(content)

    def fill(self, view: memoryview) -> None:
        """Fill a view with the next bytes."""
        done = 0
        while done < len(view):
            count = self._file.readinto(view[done:])
            if not count:
                raise self.unusable("more bytes", f"the end, {len(view) - done} bytes too early")
            done += count
            self.offset += count
        if self._digest is not None:
            self._digest.update(view)

    def unusable(
        self,
        expected: str,
        got: object,
        offset: int | None = None,
        kind: type[FileError] = FileError,
    ) -> FileError:
        """Return an error that names the file and stays short, whatever the file holds."""
        offset = self.offset if offset is None else offset
        return kind(
            self.operation,
            expected=expected,
            got=f"{shown(got)}, in {self.path} at offset {offset}",
            fix="take another copy of the file; of a checkpoint folder, the one before serves",
            path=self.path,
            offset=offset,
        )


def shown(value: object) -> str:
    """Return a text of one line and bounded length, without control characters."""
    text = f"{type(value).__name__}: {value}" if isinstance(value, Exception) else str(value)
    text = text if len(text) <= LONGEST else text[:LONGEST] + "..."
    return text if text.isprintable() else repr(text)[1:-1]


def _without_waiting(path: str, flags: int) -> int:
    """Open what was a file a moment ago; a pipe put in its place cannot hang."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
