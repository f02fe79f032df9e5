"""A checkpoint's folder is replaced and removed under other names, and no folder but such ever is.

.writing-5f0e2c81a9d4-NAME      is being written, or was when a crash came
.removing-9b3d7c60e1f2-NAME     was NAME a moment ago, and is, if a crash kept its successor out
"""

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tinytorch.tensor.errors import FileError
from tinytorch.training.files.atomic import file_errors, make_folder, sync_folder, unused_name
from tinytorch.training.files.regular import shown

MODEL, ARRAYS, STATE = "model.safetensors", "state.safetensors", "state.json"
SEAL = b'{"sha256":"'  # how state.json begins
LEFTOVER = re.compile(r"\.(writing|removing)-[0-9a-f]+-(.*)")
TRIES = 20


@contextmanager
def replacement(folder: Path) -> Iterator[Path]:
    """Make a folder to write in, which is given the name of `folder` when the block is done."""
    with file_errors("save_checkpoint", folder):
        _check_replaceable(folder)
        make_folder(folder.parent)
        aside = unused_name(folder, ".writing-", f"-{folder.name}")
        aside.mkdir()
        try:
            with suppress(FileNotFoundError):
                aside.chmod(folder.stat().st_mode & 0o7777)
            yield aside
            sync_folder(aside)
            _publish(aside, folder)
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def present(folder: Path) -> Path:
    """Return the folder, or the one that a crash kept from being replaced by its successor."""
    with suppress(OSError):
        if not folder.exists():
            found = [path for path in _entries(folder.parent) if _was(path, folder.name)]
            return max(found, key=lambda path: path.stat().st_ctime_ns, default=folder)
    return folder


def identity(folder: Path) -> object:
    """Return what changes when the folder is replaced."""
    with suppress(OSError):
        found = folder.stat()
        return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_ctime_ns
    return None


def remove_checkpoint(folder: Path) -> None:
    """Remove a checkpoint so that a crash halfway leaves no half of it under its name.

    What holds anything that `save_checkpoint` did not write stays as it is.
    """
    with file_errors("Checkpoint", folder):
        if _is_checkpoint(folder):
            shutil.rmtree(_set_aside(folder), ignore_errors=True)


def clear_leftovers(folder: Path) -> None:
    """Clear away what killed runs were writing or removing in the folder of a run."""
    for path in _entries(folder):
        found = LEFTOVER.fullmatch(path.name)
        if found and found[2].startswith("step-") and _names(path) is not None:
            shutil.rmtree(path, ignore_errors=True)


def _publish(aside: Path, folder: Path) -> None:
    """Give what was written its name; of several writers the last one stays."""
    replaced: list[Path] = []
    for attempt in range(TRIES):
        if os.path.lexists(folder):
            with suppress(FileNotFoundError):
                replaced.append(_set_aside(folder))
        try:
            aside.rename(folder)
            break
        except OSError as error:
            overtaken = folder.exists() or error.errno in {errno.ENOTEMPTY, errno.EEXIST}
            if replaced and not overtaken:
                with suppress(OSError):
                    replaced[-1].rename(folder)
            if not overtaken or attempt == TRIES - 1:
                raise
    sync_folder(folder.parent)
    for path in replaced:
        shutil.rmtree(path, ignore_errors=True)


def _set_aside(folder: Path) -> Path:
    """Rename a checkpoint to what `present` finds."""
    _check_replaceable(folder)
    return folder.rename(unused_name(folder, ".removing-", f"-{folder.name}"))


def _was(path: Path, name: str) -> bool:
    """Whether a folder had that name before it was set aside, and is whole as far as one sees."""
    found = LEFTOVER.fullmatch(path.name)
    right = found is not None and found[1] == "removing" and found[2] == name
    return right and (path / STATE).is_file()


def _check_replaceable(folder: Path) -> None:
    """Let nothing be removed that `save_checkpoint` did not write."""
    if _is_foreign(folder) and _is_foreign(folder):  # another writer may come between two looks
        held = [path.name for path in _entries(folder)]
        raise FileError(
            "save_checkpoint",
            expected="a new folder, or one that holds a checkpoint and nothing else",
            got=f"{folder}, " + (f"with {shown(', '.join(held))}" if held else "which is none"),
            fix="choose another folder, or move away what is yours",
            path=folder,
        )


def _is_foreign(folder: Path) -> bool:
    return os.path.lexists(folder) and not _is_checkpoint(folder)


def _is_checkpoint(folder: Path) -> bool:
    """Whether all in a folder is of a checkpoint, and is seen to be; an empty one is as good."""
    with suppress(FileNotFoundError):
        names = _names(folder)
        if names in ({STATE}, {STATE, MODEL}):
            with (folder / STATE).open("rb") as file:
                return file.read(len(SEAL)) == SEAL
        return names is not None and names != {MODEL}
    return False


def _names(folder: Path) -> set[str] | None:
    """Return what a folder holds, and None if it holds anything but a checkpoint's files."""
    if folder.is_symlink() or not folder.is_dir():
        return None
    with os.scandir(folder) as found:
        plain = {entry.name: entry.is_file(follow_symlinks=False) for entry in found}
    return set(plain) if plain.keys() <= {MODEL, ARRAYS, STATE} and all(plain.values()) else None


def _entries(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []
