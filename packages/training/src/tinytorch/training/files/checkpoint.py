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
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tinytorch.tensor.errors import ArgumentError, FileError
from tinytorch.training.files.atomic import PathLike, write_durably
from tinytorch.training.files.folders import (
    ARRAYS,
    MODEL,
    SEAL,
    STATE,
    TRIES,
    identity,
    present,
    replacement,
)
from tinytorch.training.files.regular import RegularFile
from tinytorch.training.files.safetensors import read_safetensors, safetensors_parts
from tinytorch.training.files.tree import pack, unpack

VERSION = 1
FORMAT = "tinytorch-checkpoint-"
DAMAGED = "another: it has been damaged"
LARGEST_STATE = 64 << 20


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
    with replacement(folder) as aside:
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
    for attempt in range(TRIES):
        before = identity(folder)
        try:
            return _load(present(folder))
        except FileError:
            if before is not None and identity(folder) == before:
                raise
        time.sleep(attempt / 1000)  # it is being replaced
    return _load(present(folder))


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


def _sealed(text: bytes) -> bytes:
    """Return the JSON text with its sha256 before it."""
    return SEAL + b'%s","state":%s}' % (hashlib.sha256(text).hexdigest().encode(), text)
