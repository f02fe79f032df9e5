"""safetensors: eight bytes of length, a JSON table, raw numbers; no code in it that could run."""

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn, TypeGuard

import numpy as np

from tinytorch.tensor.errors import DTypeError, FileError
from tinytorch.training.files.atomic import PathLike, write_atomically
from tinytorch.training.metrics.metric import as_array

__all__ = ["load_safetensors", "safetensors_bytes", "save_safetensors"]

DTYPES = {
    "BOOL": "?",
    "U8": "<u1",
    "I8": "<i1",
    "U16": "<u2",
    "I16": "<i2",
    "F16": "<f2",
    "U32": "<u4",
    "I32": "<i4",
    "F32": "<f4",
    "U64": "<u8",
    "I64": "<i8",
    "F64": "<f8",
    "BF16": "<u2",
}
NAMES = {np.dtype(code): name for name, code in DTYPES.items() if name != "BF16"}
LARGEST_TABLE = 100_000_000


def save_safetensors(
    path: PathLike, tensors: Mapping[str, Any], metadata: Mapping[str, str] | None = None
) -> None:
    """Write named arrays to a file that PyTorch, JAX and many others read.

    Args:
        path: The file; it is written aside and renamed, so a crash leaves the old one.
        tensors: Name to Tensor or array, of any shape.
        metadata: Texts to keep beside them.

    Raises:
        DTypeError: An array is neither boolean, integer nor floating-point.
        OSError: The file cannot be written.

    Source: https://github.com/huggingface/safetensors (the format).

    Example:
        >>> import numpy as np, tempfile, pathlib
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "weights.safetensors"
        >>> save_safetensors(path, {"weight": np.ones((2, 3), dtype=np.float32)})
        >>> load_safetensors(path)["weight"].shape
        (2, 3)
    """
    write_atomically(path, safetensors_bytes(tensors, metadata))


def safetensors_bytes(
    tensors: Mapping[str, Any], metadata: Mapping[str, str] | None = None
) -> Iterator[bytes | memoryview]:
    """Give the parts of a safetensors file in order; the table is complete before the first."""
    table: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    arrays: list[np.ndarray] = []
    end = 0
    for name, value in tensors.items():
        array = as_array(value)
        dtype = array.dtype.newbyteorder("<")
        if dtype not in NAMES:
            raise DTypeError(
                "save_safetensors",
                expected="booleans, integers or floating-point numbers",
                got=f"{name!r} of {array.dtype}",
                fix="convert it with astype, or leave it out",
            )
        arrays.append(np.ascontiguousarray(array, dtype=dtype))
        begin, end = end, end + array.nbytes
        table[name] = {
            "dtype": NAMES[dtype],
            "shape": list(array.shape),
            "data_offsets": [begin, end],
        }
    header = json.dumps(table, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    yield len(header).to_bytes(8, "little") + header
    for array in arrays:
        yield array.reshape(-1).view(np.uint8).data


def load_safetensors(path: PathLike) -> dict[str, np.ndarray]:
    """Read the named arrays of a safetensors file.

    Args:
        path: The file.

    Returns:
        Name to array, in the file's order; bfloat16 comes as float32, which holds it exactly.

    Raises:
        FileError: The file is missing, cut short, damaged or no safetensors file; the error
            names the file and the offset.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        _refuse(path, 0, "a readable safetensors file", error.strerror or str(error))
    data_start, table = _read_table(path, content)
    tensors: dict[str, np.ndarray] = {}
    expected_begin = 0
    for name, entry in sorted(table.items(), key=_begin_of):
        dtype, shape, begin, end = _check_entry(path, name, entry, len(content) - data_start)
        if begin != expected_begin:
            _refuse(
                path,
                data_start + expected_begin,
                f"{name!r} to begin here, as arrays follow each other without a gap",
                f"it begins at offset {data_start + begin}",
            )
        expected_begin = end
        numbers = np.frombuffer(memoryview(content)[data_start + begin : data_start + end], dtype)
        try:
            array = numbers.reshape(shape)
        except ValueError as error:
            _refuse(path, 8, f"{name!r} of a shape that memory can have", f"{shape}: {error}")
        if entry["dtype"] == "BF16":
            tensors[name] = (array.astype(np.uint32) << 16).view(np.float32)
        else:
            tensors[name] = array.copy()
    if data_start + expected_begin != len(content):
        _refuse(
            path,
            data_start + expected_begin,
            "the end of the file",
            f"{len(content) - data_start - expected_begin} more bytes",
        )
    return {name: tensors[name] for name in table}


def _read_table(path: Path, content: bytes) -> tuple[int, dict[str, Any]]:
    """Give the offset of the numbers, and the table of names."""
    if len(content) < 8:
        _refuse(path, 0, "eight bytes with the table's length", f"{len(content)} bytes in all")
    length = int.from_bytes(content[:8], "little")
    if length > min(LARGEST_TABLE, len(content) - 8):
        _refuse(path, 0, f"a table of at most {len(content) - 8} bytes", f"length {length}")
    try:
        table = json.loads(content[8 : 8 + length])
    except (ValueError, RecursionError) as error:
        _refuse(path, 8, "a table in JSON", str(error))
    if not isinstance(table, dict):
        _refuse(path, 8, "a JSON object", f"a JSON {type(table).__name__}")
    table.pop("__metadata__", None)
    return 8 + length, table


def _check_entry(
    path: Path, name: str, entry: Any, available: int
) -> tuple[np.dtype[Any], tuple[int, ...], int, int]:
    """Give dtype, shape, begin and end of one array, if they agree with each other."""
    expected = f"{name!r} with dtype, shape and data_offsets"
    if not isinstance(entry, dict):
        _refuse(path, 8, expected, repr(entry))
    kind, shape, offsets = (entry.get(key) for key in ("dtype", "shape", "data_offsets"))
    if not (_are_sizes(shape) and _are_sizes(offsets) and len(offsets) == 2):
        _refuse(path, 8, expected, repr(entry))
    if not isinstance(kind, str) or kind not in DTYPES:
        _refuse(path, 8, f"{name!r} of one of {', '.join(DTYPES)}", f"dtype {kind!r}")
    begin, end = offsets
    dtype = np.dtype(DTYPES[kind])
    size = math.prod(shape) * dtype.itemsize
    if end - begin != size:
        _refuse(path, 8, f"{name!r} {tuple(shape)} {kind} in {size} bytes", f"{end - begin} bytes")
    if end > available:
        _refuse(
            path,
            8,
            f"{name!r} to end within the {available} bytes that are there",
            f"it ends at byte {end}: the file is cut short",
        )
    return dtype, tuple(shape), begin, end


def _are_sizes(values: Any) -> TypeGuard[list[int]]:
    return isinstance(values, list) and all(type(v) is int and v >= 0 for v in values)


def _begin_of(item: tuple[str, Any]) -> tuple[int, int]:
    """Sort key: arrays in the order of their numbers, unreadable entries first."""
    try:
        begin, end = item[1]["data_offsets"]
        return int(begin), int(end)
    except (TypeError, KeyError, ValueError):
        return -1, -1


def _refuse(path: Path, offset: int, expected: str, got: str) -> NoReturn:
    raise FileError(
        "load_safetensors",
        expected=expected,
        got=f"{got}, in {path} at offset {offset}",
        fix="take another copy of the file; of a checkpoint folder, the one before serves",
        path=path,
        offset=offset,
    )
