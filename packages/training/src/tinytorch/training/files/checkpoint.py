"""A checkpoint is a folder that exists whole or not at all, and knows when it has been damaged.

    step-000000120-epoch-00003-batch-0000000/
        model.safetensors   the weights alone: what PyTorch and others load by key
        state.safetensors   every other array (optimizer, ...)
        state.json          everything else, and length and sha256 of all three

The folder is written under another name, flushed to the disk, and renamed. Reading takes the sum
of the very bytes that it uses, so a flipped bit is found as surely as a missing half, and what
comes is one save, also while another is being written.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from tinytorch.tensor.errors import ArgumentError, FileError
from tinytorch.training.files.atomic import (
    PathLike,
    file_errors,
    make_folder,
    sync_folder,
    unused_name,
    write_durably,
)
from tinytorch.training.files.regular import RegularFile, shown
from tinytorch.training.files.safetensors import read_safetensors, safetensors_parts
from tinytorch.training.files.tree import pack, unpack

__all__ = ["clear_leftovers", "load_checkpoint", "remove_checkpoint", "save_checkpoint"]

VERSION = 1
FORMAT = "tinytorch-checkpoint-"
MODEL, ARRAYS, STATE = "model.safetensors", "state.safetensors", "state.json"
WRITING, REMOVING = ".writing-", ".removing-"
LEFTOVER = re.compile(rf"({re.escape(WRITING)}|{re.escape(REMOVING)})[0-9a-f]+-step-")
DAMAGED = "another: it has been damaged"
LARGEST_STATE = 64 << 20
TRIES = 20


def save_checkpoint(folder: PathLike, model: Mapping[str, Any] | None = None, **parts: Any) -> None:
    """Write a checkpoint: after it returns the disk holds all of it; before, nothing has changed.

    Args:
        folder: The checkpoint's folder; a checkpoint that is there is replaced, and nothing else.
        model: The model's `state_dict()`, name to array.
        **parts: Anything else worth keeping: an optimizer's `state_dict()`, a generator's state,
            numbers, texts, lists and dicts of such, with arrays and Tensors anywhere in them.

    Raises:
        ArgumentError: The model's state is no dict of names and arrays; a part is nested too deep,
            or too large.
        DTypeError: A part holds something that is none of these.
        FileError: The disk is full, the folder is read-only or holds other things than a
            checkpoint, or writing fails otherwise.

    Example:
        >>> import numpy as np, tempfile
        >>> folder = tempfile.mkdtemp() + "/first"
        >>> save_checkpoint(folder, {"weight": np.ones(3)}, optimizer={"step": 7}, note="hello")
        >>> checkpoint = load_checkpoint(folder)
        >>> checkpoint["optimizer"], checkpoint["note"]
        ({'step': 7}, 'hello')
        >>> checkpoint["model"]["weight"]
        array([1., 1., 1.])
    """
    folder = Path(folder)
    arrays: dict[str, Any] = {}
    tree = {name: pack(part, name, arrays) for name, part in parts.items()}
    with file_errors("save_checkpoint", folder):
        _check_replaceable(folder)
        make_folder(folder.parent)
        aside = unused_name(folder, WRITING, f"-{folder.name}")
        aside.mkdir()
        try:
            if folder.exists():
                aside.chmod(folder.stat().st_mode & 0o7777)
            sums = {
                name: _write(aside, folder, name, safetensors_parts("save_checkpoint", tensors))
                for name, tensors in ((MODEL, {} if model is None else model), (ARRAYS, arrays))
            }
            state = {
                "format": f"{FORMAT}{VERSION}",
                "files": sums,
                "has_model": model is not None,
                "parts": tree,
            }
            _write(aside, folder, STATE, [_as_json(state)])
            sync_folder(aside)
            _publish(aside, folder)
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def load_checkpoint(folder: PathLike) -> dict[str, Any]:
    """Read a checkpoint, every byte of it checked.

    Args:
        folder: The checkpoint's folder.

    Returns:
        The parts by name, as they were given to `save_checkpoint`; `model` is among them if it
        was given. Arrays and Tensors come as arrays, all else as it was.

    Raises:
        FileError: A file is missing, damaged, cut short, foreign, or written by a newer TinyTorch;
            the error names it.
    """
    folder = Path(folder)
    for _ in range(TRIES):
        before = _identity(folder)
        try:
            return _load(_find(folder))
        except FileError:
            if _identity(folder) == before:  # else it was being replaced meanwhile
                raise
    return _load(_find(folder))


def remove_checkpoint(folder: Path) -> None:
    """Remove a checkpoint so that a crash halfway leaves no half of it under its name.

    What holds anything that `save_checkpoint` did not write stays as it is.

    Raises:
        FileError: The system does not allow it.
    """
    with file_errors("Checkpoint", folder):
        if _is_checkpoint(folder):
            shutil.rmtree(_set_aside(folder), ignore_errors=True)


def clear_leftovers(folder: Path) -> None:
    """Clear away what killed runs were writing or removing in the folder of a run."""
    for path in _entries(folder):
        names = _names(path) if LEFTOVER.match(path.name) else None
        if names is not None and names <= {MODEL, ARRAYS, STATE}:
            shutil.rmtree(path, ignore_errors=True)


def _load(folder: Path) -> dict[str, Any]:
    file = RegularFile("load_checkpoint", folder / STATE, follow=False)
    state = _read_state(file)
    try:
        files, parts, has_model = state["files"], state["parts"], state["has_model"]
        expected = {name: (int(size), str(sum_)) for name, (size, sum_) in files.items()}
        if expected.keys() != {MODEL, ARRAYS} or not isinstance(parts, dict):
            raise ValueError(f"the files {', '.join(expected)}")
        model = _read_arrays(folder / MODEL, *expected[MODEL])
        arrays = _read_arrays(folder / ARRAYS, *expected[ARRAYS])
        found = {name: unpack(part, arrays) for name, part in parts.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise file.unusable("a state as save_checkpoint writes it", error) from error
    return {**found, "model": model} if has_model else found


def _read_state(file: RegularFile) -> Any:
    """Return what stands in state.json, if the sum at its beginning is right."""
    with file:
        if file.size > LARGEST_STATE:
            raise file.unusable(f"at most {LARGEST_STATE} bytes", f"{file.size} bytes")
        content = file.read(file.size)
    text = content[len(_sealed(b"")) - 1 : -1]
    found = re.match(rb'\{"format":"%s(\d{1,9})"' % FORMAT.encode(), text)
    if not found:
        expected = f"a checkpoint of the format {FORMAT}{VERSION}"
        raise file.unusable(expected, "another file, or one cut short")
    if (version := int(found[1])) > VERSION:
        raise FileError(
            "load_checkpoint",
            expected=f"a checkpoint of the format {FORMAT}{VERSION} or an older one",
            got=f"{FORMAT}{version}: a newer TinyTorch wrote {file.path}",
            fix="python -m pip install --upgrade tinytorch-training",
            path=file.path,
            version=version,
        )
    if content != _sealed(text):
        raise file.unusable("the sha256 that stands at its beginning", DAMAGED)
    try:
        return json.loads(text)
    except (ValueError, RecursionError, MemoryError) as error:
        raise file.unusable("a state in JSON", error) from error


def _read_arrays(path: Path, size: int, expected: str) -> dict[str, np.ndarray]:
    digest = hashlib.sha256()
    with RegularFile("load_checkpoint", path, follow=False, digest=digest) as file:
        if file.size != size:
            got = f"{file.size} bytes: it ends there"
            raise file.unusable(f"{size} bytes", got, offset=file.size)
        arrays = read_safetensors(file)
    if digest.hexdigest() != expected:
        raise file.unusable(f"sha256 {expected}", DAMAGED)
    return arrays


def _as_json(state: dict[str, Any]) -> bytes:
    content = _sealed(json.dumps(state, separators=(",", ":"), allow_nan=False).encode())
    if len(content) > LARGEST_STATE:
        raise ArgumentError(
            "save_checkpoint",
            expected=f"parts that take at most {LARGEST_STATE} bytes as JSON, arrays not counted",
            got=f"{len(content)} bytes",
            fix="give long lists of numbers as arrays",
        )
    return content


def _write(
    aside: Path, folder: Path, name: str, parts: list[bytes | memoryview]
) -> tuple[int, str]:
    """Write a file of the checkpoint; return its length and sha256."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    length = write_durably(aside / name, parts, like=folder / name)
    return length, digest.hexdigest()


def _publish(aside: Path, folder: Path) -> None:
    """Give what was written its name; of several writers the last one stays.

    A crash between the two renames leaves the old one under a name that `load_checkpoint` finds.
    """
    replaced: list[Path] = []
    for attempt in range(TRIES):
        if os.path.lexists(folder):
            with suppress(FileNotFoundError):
                replaced.append(_set_aside(folder))
        try:
            aside.rename(folder)
            break
        except OSError:
            if not folder.exists():
                with suppress(OSError, IndexError):
                    replaced[-1].rename(folder)
                raise
            if attempt == TRIES - 1:
                raise
    sync_folder(folder.parent)
    for path in replaced:
        shutil.rmtree(path, ignore_errors=True)


def _set_aside(folder: Path) -> Path:
    """Rename a checkpoint to what `_find` knows."""
    _check_replaceable(folder)
    return folder.rename(unused_name(folder, REMOVING, f"-{folder.name}"))


def _find(folder: Path) -> Path:
    """Return the folder, or the one that a crash kept from being replaced by its successor."""
    with suppress(OSError):
        if not folder.exists():
            pattern = re.compile(rf"{re.escape(REMOVING)}[0-9a-f]+-{re.escape(folder.name)}")
            found = [path for path in _entries(folder.parent) if pattern.fullmatch(path.name)]
            whole = [path for path in found if (path / STATE).is_file()]
            return max(whole, key=lambda path: path.stat().st_ctime_ns, default=folder)
    return folder


def _identity(folder: Path) -> object:
    """Return what changes when the folder is replaced."""
    with suppress(OSError):
        found = folder.stat()
        return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_ctime_ns
    return None


def _check_replaceable(folder: Path) -> None:
    """Let nothing be removed that `save_checkpoint` did not write."""
    if os.path.lexists(folder) and not _is_checkpoint(folder):
        held = [path.name for path in _entries(folder)]
        raise FileError(
            "save_checkpoint",
            expected="a new folder, or one that holds a checkpoint and nothing else",
            got=f"{folder}, " + (f"with {shown(', '.join(held))}" if held else "which is none"),
            fix="choose another folder, or move away what is yours",
            path=folder,
        )


def _is_checkpoint(folder: Path) -> bool:
    """Whether all in a folder is of a checkpoint, and is seen to be; an empty one is as good."""
    names = _names(folder)
    if names is None or not names <= {MODEL, ARRAYS, STATE}:
        return False
    return not names or ARRAYS in names or (STATE in names and _begins_sealed(folder / STATE))


def _names(folder: Path) -> set[str] | None:
    """Return the names of a folder's files, and None if it is a link, or holds anything else."""
    if folder.is_symlink() or not folder.is_dir():
        return None
    with os.scandir(folder) as found:
        entries = list(found)
    plain = all(entry.is_file(follow_symlinks=False) for entry in entries)
    return {entry.name for entry in entries} if plain else None


def _begins_sealed(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(11) == _sealed(b"")[:11]


def _sealed(text: bytes) -> bytes:
    """Return the JSON text with its sha256 before it."""
    return b'{"sha256":"%s","state":%s}' % (hashlib.sha256(text).hexdigest().encode(), text)


def _entries(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []
