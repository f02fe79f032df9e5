"""A file is written aside, flushed and renamed: a reader finds the old one or the new, whole."""

import os
from collections.abc import Iterable
from pathlib import Path

__all__ = ["PathLike", "sync_folder", "write_atomically", "write_durably"]

PathLike = str | os.PathLike[str]


def write_durably(path: Path, parts: Iterable[bytes | memoryview]) -> None:
    """Write a file and wait until the disk has it."""
    with path.open("wb") as file:
        for part in parts:
            file.write(part)
        file.flush()
        os.fsync(file.fileno())


def write_atomically(path: PathLike, parts: Iterable[bytes | memoryview]) -> None:
    """Replace a file in one step, which a crash cannot halve; what lies aside is cleared up."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}.writing")
    try:
        write_durably(aside, parts)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Wait until the disk knows the folder's names; where folders cannot be opened, do nothing."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
