"""safetensors: a table in JSON, then raw numbers, and no code in it that could run.

The library of that name judges the tables of files that are read. Numbers go straight from arrays
to the disk and from the disk to arrays, which costs no memory beside theirs; so a checkpoint's sum
is that of the very bytes that are used.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from tinytorch.tensor import Tensor
from tinytorch.tensor.errors import ArgumentError, DTypeError
from tinytorch.training.files.atomic import PathLike, write_atomically
from tinytorch.training.files.regular import FileChangedError, RegularFile, shown

DTYPES = {
    "BOOL": "u1",
    "U8": "u1",
    "I8": "i1",
    "U16": "<u2",
    "I16": "<i2",
    "F16": "<f2",
    "BF16": "<u2",
    "U32": "<u4",
    "I32": "<i4",
    "F32": "<f4",
    "U64": "<u8",
    "I64": "<i8",
    "F64": "<f8",
}
NAMES = {np.dtype(code): name for name, code in DTYPES.items() if name not in {"BOOL", "BF16"}}
NAMES[np.dtype("?")] = "BOOL"
METADATA = "__metadata__"
TRIES = 20  # a file may be replaced while it is being opened
LARGEST_TABLE = 16 << 20  # two hundred thousand arrays; a larger one is meant to take time


def save_safetensors(
    path: PathLike, tensors: Mapping[str, Any], metadata: Mapping[str, str] | None = None
) -> None:
    """Write named arrays to a file that PyTorch, JAX and many others read.

    Args:
        path: The file; it is written aside and renamed, so a crash leaves the old one.
        tensors: Name to Tensor or array, of any shape.
        metadata: Texts to keep beside them.

    Raises:
        ArgumentError: The tensors are no dict, a name is no text, or one that the format keeps for
            itself (`__metadata__`); the metadata are not all texts; names take more than 16 MiB.
        DTypeError: An array is neither boolean, integer nor floating-point.
        FileError: The file cannot be written.

    Source: https://github.com/huggingface/safetensors (the format).

    Example:
        >>> import numpy as np, tempfile, pathlib
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "weights.safetensors"
        >>> save_safetensors(path, {"weight": np.ones((2, 3), dtype=np.float32)})
        >>> load_safetensors(path)["weight"].shape
        (2, 3)
    """
    operation = "save_safetensors"
    write_atomically(operation, path, safetensors_parts(operation, tensors, metadata))


def load_safetensors(path: PathLike) -> dict[str, np.ndarray]:
    """Read the named arrays of a safetensors file.

    Args:
        path: The file.

    Returns:
        Name to array, in the order of the numbers in the file; bfloat16 comes as float32, which
        holds it exactly.

    Raises:
        FileError: The file is missing, cut short, damaged, no safetensors file, or holds numbers of
            a type that NumPy lacks (8 bits and fewer) or TinyTorch (complex); the error names it.
    """
    for _ in range(TRIES):
        with suppress(FileChangedError), RegularFile("load_safetensors", Path(path)) as file:
            return read_safetensors(file)
    with RegularFile("load_safetensors", Path(path)) as file:
        return read_safetensors(file)


def safetensors_parts(
    operation: str, tensors: Mapping[str, Any], metadata: Mapping[str, str] | None = None
) -> list[bytes | memoryview]:
    """Return the parts of a safetensors file; wide types come first, which keeps all aligned."""
    if not isinstance(tensors, Mapping):
        raise _unfit(operation, "a dict of names and arrays", f"a {type(tensors).__name__}")
    for name in tensors:
        if not _is_text(name) or name == METADATA:
            expected = f"names that are texts, and not {METADATA}, the format's own"
            raise _unfit(operation, expected, repr(name))
    texts = dict(metadata or {})
    if not all(map(_is_text, (*texts, *texts.values()))):
        raise _unfit(operation, "metadata that are texts", repr(texts))
    arrays = {name: _writable(operation, name, value) for name, value in tensors.items()}
    table: dict[str, Any] = {METADATA: texts} if texts else {}
    parts, end = [], 0
    for name, array in sorted(arrays.items(), key=lambda item: -item[1].itemsize):
        begin, end = end, end + array.nbytes
        kind = NAMES[array.dtype]
        table[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [begin, end]}
        parts.append(array.reshape(-1).view(np.uint8).data)
    header = json.dumps(table, separators=(",", ":"), ensure_ascii=False).encode()
    header += b" " * (-len(header) % 8)
    if len(header) > LARGEST_TABLE:
        expected = f"names and metadata that take at most {LARGEST_TABLE} bytes"
        raise _unfit(operation, expected, f"{len(header)} bytes for {len(parts)} arrays")
    return [len(header).to_bytes(8, "little") + header, *parts]


def read_safetensors(file: RegularFile) -> dict[str, np.ndarray]:
    """Read a safetensors file from its beginning to its end."""
    length = int.from_bytes(file.read(min(8, file.size)), "little")
    if length > LARGEST_TABLE:
        raise file.unusable(f"a table of at most {LARGEST_TABLE} bytes", f"{length} bytes")
    table = _read_table(file)
    file.read(length)
    tensors = {}
    for name, kind, shape in table:
        if kind not in DTYPES:
            raise file.unusable(
                f"numbers of the types {', '.join(DTYPES)}; convert others where they were written",
                f"{name!r} of type {kind}",
            )
        try:
            array = np.empty(shape, DTYPES[kind])
        except (ValueError, MemoryError) as error:
            raise file.unusable("arrays that memory can hold", f"{name!r}: {error}") from error
        if array.size:
            file.fill(array.reshape(-1).view(np.uint8).data)
        tensors[name] = _as_numpy(kind, array)
    return tensors


def _read_table(file: RegularFile) -> list[tuple[str, str, list[int]]]:
    """Return name, type and shape of each array, in the order of the numbers, without a gap."""
    try:
        with safe_open(file.path, framework="numpy") as table:
            found = file.path.stat()
            slices = [(name, table.get_slice(name)) for name in table.offset_keys()]
            entries = [(name, part.get_dtype(), part.get_shape()) for name, part in slices]
    except (SafetensorError, OSError, ValueError, MemoryError) as error:
        raise file.unusable(
            "the table of a safetensors file, and all its numbers", error
        ) from error
    file.check_is(found)  # the library opens the path by itself
    return entries


def _as_numpy(kind: str, array: np.ndarray) -> np.ndarray:
    if kind == "BF16":
        wide = array.astype(np.uint32)
        wide <<= 16
        return wide.view(np.float32)
    if kind == "BOOL":  # NumPy reckons wrongly with a boolean that is neither 0 nor 1
        truth = array.view(np.bool_)
        np.not_equal(array, 0, out=truth)
        return truth
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _writable(operation: str, name: str, value: Any) -> np.ndarray:
    """Return an array in C order and little-endian, if its type can be kept."""
    array = value.data if isinstance(value, Tensor) else np.asarray(value)
    dtype = array.dtype.newbyteorder("<")
    if dtype not in NAMES:
        raise DTypeError(
            operation,
            expected="booleans, integers or floating-point numbers",
            got=f"{shown(repr(name))} of {array.dtype}",
            fix="convert it with astype, or leave it out",
        )
    return np.asarray(array, dtype, order="C")


def _is_text(value: Any) -> bool:
    """Whether it is a str of Unicode characters, which lone surrogates are not."""
    return isinstance(value, str) and value == value.encode(errors="ignore").decode()


def _unfit(operation: str, expected: str, got: str) -> ArgumentError:
    fix = "give model.state_dict(), or a dict like it"
    return ArgumentError(operation, expected=expected, got=shown(got), fix=fix)
