"""A file is written aside, flushed and renamed: a reader finds the old one or the new, whole."""

import errno
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tinytorch.tensor.errors import FileError, TinyTorchError

PathLike = str | os.PathLike[str]
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
NO_FLUSH = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP}


def write_atomically(operation: str, path: PathLike, parts: Iterable[bytes | memoryview]) -> None:
    """Replace a file in one step, which a crash cannot halve; a file that was there lends its mode.

    Folders that are missing are made.
    """
    path = Path(path)
    with file_errors(operation, path):
        make_folder(path.parent)
        aside = unused_name(path, ".writing-")
        try:
            write_durably(aside, parts, like=path)
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)
        sync_folder(path.parent)


def write_durably(path: Path, parts: Iterable[bytes | memoryview], like: Path | None = None) -> int:
    """Write a file that must not exist, and wait until the disk has it; return its length.

    Whatever has its name already, be it a link, is an error. It gets the mode of `like`.
    """
    with open(path, "wb", opener=_create) as file:
        if (mode := _mode(like)) not in {None, _mode(path)}:
            path.chmod(mode)
        length = sum(file.write(part) for part in parts)
        file.flush()
        os.fsync(file.fileno())
    return length


def make_folder(folder: Path) -> None:
    """Make a folder and its parents, and wait until the disk knows the names of the new ones."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in reversed(missing):
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Wait until the disk knows the folder's names; where folders cannot be flushed, do nothing."""
    if os.name == "nt":
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in NO_FLUSH:
            raise
    finally:
        os.close(descriptor)


def unused_name(path: Path, prefix: str, suffix: str = "") -> Path:
    """Return a path beside `path` that nobody can foresee: no other writer's, no one's trap."""
    return path.with_name(f"{prefix}{secrets.token_hex(6)}{suffix}")


@contextmanager
def file_errors(operation: str, path: Path, purpose: str = "write") -> Iterator[None]:
    """Turn what the system says about `path` in the block into a FileError with a way out."""
    try:
        yield
    except TinyTorchError:
        raise
    except (OSError, ValueError) as error:
        raise FileError(
            operation,
            expected=f"room and permission to {purpose} {path}",
            got=getattr(error, "strerror", None) or str(error),
            fix=(
                "free some space, or choose another place, and start again: what was written "
                "before is whole"
                if getattr(error, "errno", None) in NO_ROOM
                else "look at the place and its permissions, or choose another: what was written "
                "before is whole"
            ),
            path=path,
        ) from error


def _create(path: str, flags: int) -> int:
    """Open a new file; with O_EXCL not even a link may have its name."""
    return os.open(path, flags | os.O_EXCL, 0o666)


def _mode(path: Path | None) -> int | None:
    with suppress(OSError):
        return None if path is None else stat.S_IMODE(path.stat().st_mode)
    return None
