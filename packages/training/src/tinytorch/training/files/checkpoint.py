"""A checkpoint is a folder that exists whole or not at all, and knows when it has been damaged.

    step-00000120-epoch-0003-batch-00000/
        model.safetensors   the weights alone: what PyTorch and others load by key
        state.safetensors   every other array (optimizer, ...)
        state.json          everything else, and length and sha256 of all three

The folder is written under another name, flushed to the disk, and renamed. Reading checks the sums
first, so a flipped bit is found as surely as a missing half.
"""

import hashlib
import json
import math
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from tinytorch.tensor import Tensor
from tinytorch.tensor.errors import DTypeError, FileError
from tinytorch.training.files.atomic import PathLike, sync_folder, write_durably
from tinytorch.training.files.safetensors import load_safetensors, safetensors_bytes

__all__ = ["clear_leftovers", "load_checkpoint", "remove_folder", "save_checkpoint"]

FORMAT = "tinytorch-checkpoint-1"
MODEL, ARRAYS, STATE = "model.safetensors", "state.safetensors", "state.json"
WRITING, REMOVING = ".writing-", ".removing-"


def save_checkpoint(folder: PathLike, model: Mapping[str, Any] | None = None, **parts: Any) -> None:
    """Write a checkpoint: after it returns the disk holds all of it; before, nothing has changed.

    Args:
        folder: The checkpoint's folder; one that exists is replaced.
        model: The model's `state_dict()`, name to array.
        **parts: Anything else worth keeping: an optimizer's `state_dict()`, a generator's state,
            numbers, texts, lists and dicts of such, with arrays and Tensors anywhere in them.

    Raises:
        DTypeError: A part holds something that is none of these.
        FileError: The disk is full, the folder is read-only, or writing fails otherwise.

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
    tree = {name: _pack(part, name, arrays) for name, part in parts.items()}
    aside = folder.with_name(f"{WRITING}{os.getpid()}-{folder.name}")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        aside.mkdir()
        sums = {
            name: _write_with_sum(aside / name, content)
            for name, content in ((MODEL, dict(model or {})), (ARRAYS, arrays))
        }
        state = {"format": FORMAT, "files": sums, "has_model": model is not None, "parts": tree}
        text = json.dumps(state, separators=(",", ":"), allow_nan=False)
        write_durably(aside / STATE, [_sealed(text.encode())])
        sync_folder(aside)
        replaced = _set_aside(folder) if folder.exists() else None
        aside.rename(folder)
        sync_folder(folder.parent)
        if replaced:
            shutil.rmtree(replaced, ignore_errors=True)
    except OSError as error:
        raise FileError(
            "save_checkpoint",
            expected=f"room and permission to write {folder}",
            got=error.strerror or str(error),
            fix=(
                "free some space, or choose another folder, and start again: what was saved "
                "before is whole, and the run goes on from it"
            ),
            path=folder,
        ) from error
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
        FileError: A file is missing, damaged, cut short or foreign; the error names it.
    """
    folder = _find(Path(folder))
    path = folder / STATE
    try:
        content = path.read_bytes()
    except OSError as error:
        _refuse(path, "a checkpoint's state.json", error.strerror or str(error))
    text = content[len(_sealed(b"")) - 1 : -1]
    if not text.startswith(f'{{"format":"{FORMAT}"'.encode()):
        _refuse(path, f"a checkpoint of the format {FORMAT}", "another file, or one cut short")
    if content != _sealed(text):
        _refuse(path, "the sha256 that stands at its beginning", "another: it has been damaged")
    state = json.loads(text)
    for name, (size, sum_) in state["files"].items():
        _check_sum(folder / name, size, sum_)
    arrays = load_safetensors(folder / ARRAYS)
    parts: dict[str, Any] = {k: _unpack(part, arrays) for k, part in state["parts"].items()}
    if state["has_model"]:
        parts["model"] = load_safetensors(folder / MODEL)
    return parts


def remove_folder(folder: Path) -> None:
    """Remove a checkpoint so that a crash halfway leaves no half of it under its name."""
    shutil.rmtree(_set_aside(folder), ignore_errors=True)


def clear_leftovers(folder: Path) -> None:
    """Clear away what killed runs were writing or removing in a folder of checkpoints."""
    for path in folder.iterdir():
        if path.name.startswith((WRITING, REMOVING)):
            shutil.rmtree(path, ignore_errors=True)


def _sealed(text: bytes) -> bytes:
    """Give the JSON text with its sha256 before it."""
    return b'{"sha256":"%s","state":%s}' % (hashlib.sha256(text).hexdigest().encode(), text)


def _set_aside(folder: Path) -> Path:
    aside = folder.with_name(f"{REMOVING}{os.getpid()}-{folder.name}")
    shutil.rmtree(aside, ignore_errors=True)
    return folder.rename(aside)


def _find(folder: Path) -> Path:
    """Give the folder, or the one that a crash kept from being replaced by its successor."""
    if not folder.exists() and folder.parent.is_dir():
        for path in folder.parent.iterdir():
            head, _, name = path.name.removeprefix(REMOVING).partition("-")
            if path.name.startswith(REMOVING) and head.isdigit() and name == folder.name:
                return path
    return folder


def _write_with_sum(path: Path, tensors: Mapping[str, Any]) -> tuple[int, str]:
    """Write arrays; give the file's length and sha256."""
    digest, size = hashlib.sha256(), 0
    parts = list(safetensors_bytes(tensors))
    for part in parts:
        digest.update(part)
        size += len(part)
    write_durably(path, parts)
    return size, digest.hexdigest()


def _check_sum(path: Path, size: int, expected: str) -> None:
    try:
        content = path.read_bytes()
    except OSError as error:
        _refuse(path, "a file of the checkpoint", error.strerror or str(error))
    if len(content) != size:
        _refuse(path, f"{size} bytes", f"{len(content)} bytes: it ends at offset {len(content)}")
    if hashlib.sha256(content).hexdigest() != expected:
        _refuse(path, f"sha256 {expected}", "another: it has been damaged")


def _pack(value: Any, name: str, arrays: dict[str, Any]) -> Any:
    """Turn a tree into JSON; arrays go into `arrays` under the path that leads to them."""
    if value is None or isinstance(value, (bool, str)) or type(value) is int:
        return value
    if isinstance(value, np.generic):
        return _pack(value.item(), name, arrays)
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": str(value)}
    if isinstance(value, (np.ndarray, Tensor)):
        while name in arrays:
            name += "'"
        arrays[name] = value
        return {"array": name}
    if isinstance(value, (list, tuple)):
        kind = "list" if isinstance(value, list) else "tuple"
        return {kind: [_pack(item, f"{name}.{i}", arrays) for i, item in enumerate(value)]}
    if isinstance(value, Mapping):
        items = enumerate(value.items())
        return {
            "dict": [
                [_pack(k, f"{name}.{i}", {}), _pack(v, f"{name}.{k}", arrays)]
                for i, (k, v) in items
            ]
        }
    raise DTypeError(
        "save_checkpoint",
        expected="numbers, texts, None, arrays, Tensors, and lists and dicts of these",
        got=f"{name} of type {type(value).__name__}",
        fix="give its state_dict(), or leave it out",
    )


def _unpack(value: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    """Undo `_pack`."""
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "array":
        return arrays[content]
    if kind == "float":
        return float(content)
    if kind == "dict":
        return {_unpack(k, arrays): _unpack(v, arrays) for k, v in content}
    items = [_unpack(item, arrays) for item in content]
    return items if kind == "list" else tuple(items)


def _refuse(path: Path, expected: str, got: str) -> NoReturn:
    raise FileError(
        "load_checkpoint",
        expected=expected,
        got=f"{got}, in {path}",
        fix="take the checkpoint before it; a fit with Checkpoint(folder) does so by itself",
        path=path,
    )
