"""A folder of `.npy` files, each a piece of one array, and the index that says what they hold.

    index.json         the fields of an item, and for each shard its items and its checksums
    000000-0.npy       the first field of the items in shard 0, (items, ...)
    000000-1.npy       the second, and so on

The index is written last: a folder without one was not finished. It names no files, so it cannot
point outside, and says what each has to hold, so a file decides nothing.
"""

import hashlib
import io
import json
import math
import mmap
import os
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tinytorch.data.files.source import Source
from tinytorch.tensor.errors import FileError

INDEX = "index.json"
FORMAT = "tinytorch-shards"
VERSION = 1
LARGEST_INDEX = 1 << 28
FORMS = ("array", "tuple", "dict")
NUMBERS = "biufc"


class Field(NamedTuple):
    """One array of each item: its key or place, its type, its shape without the items' axis."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]


class Shard(NamedTuple):
    """So many items in a row, and the checksum of each field's file."""

    items: int
    sha256: tuple[str, ...]


class Index(NamedTuple):
    """What the files hold: the form of an item, one of `FORMS`, its fields, and the shards."""

    form: str
    fields: tuple[Field, ...]
    shards: tuple[Shard, ...]


def file_of(folder: Path, shard: int, field: int) -> Path:
    """Return where the items of a shard lie, one field of them."""
    return folder / f"{shard:06d}-{field}.npy"


def write_array(file: Path, array: np.ndarray) -> str:
    """Write a new `.npy` file, wait until the disk has it, and return its checksum."""
    header = io.BytesIO()
    array = np.ascontiguousarray(array)
    np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(array))
    checksum = hashlib.sha256(header.getvalue())
    with file.open("xb") as stream:
        stream.write(header.getvalue())
        if array.size:
            content = array.reshape(-1).view(np.uint8).data
            stream.write(content)
            checksum.update(content)
        stream.flush()
        os.fsync(stream.fileno())
    return checksum.hexdigest()


def map_array(source: Source, field: Field, items: int) -> tuple[np.ndarray, mmap.mmap]:
    """Map a file of `items` of a field into memory, to be read only.

    Returns:
        The array, `(items, ...)`, and the map underneath.
    """
    shape = (items, *field.shape)
    with source.open() as stream:
        found, offset = _read_header(source, stream)
        if found != (shape, False, field.dtype):
            raise source.damaged(
                0, expected=f"{field.dtype} {shape}", got=f"{found[2]} {found[0]} in the header"
            )
        end = offset + math.prod(shape) * field.dtype.itemsize
        if (size := source.size()) != end:
            raise source.damaged(min(size, end), expected=f"{end:,} bytes", got=f"{size:,} bytes")
        mapped = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    flat = np.frombuffer(mapped, field.dtype, math.prod(shape), offset)
    return flat.reshape(shape), mapped


def check_file(source: Source, sha256: str) -> None:
    """Compare a file with its checksum."""
    with source.open() as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != sha256:
        raise source.damaged(0, expected=f"sha256 {sha256}", got=f"sha256 {found}")


def write_index(folder: Path, index: Index) -> None:
    """Write the index of a folder whose shards are written."""
    aside = folder / f"{INDEX}.part"
    with aside.open("x", encoding="utf-8") as stream:
        json.dump(_as_json(index), stream)
        stream.flush()
        os.fsync(stream.fileno())
    aside.rename(folder / INDEX)


def read_index(operation: str, folder: Path) -> Index:
    """Read the index of a folder."""
    source = Source(operation, folder / INDEX)
    if not source.exists():
        raise FileError(
            operation,
            expected=f"{source.file}, which write_shards writes last",
            got="no such file",
            fix="write it with write_shards; remove a folder that it did not finish",
            file=source.file,
        )
    if (size := source.size()) > LARGEST_INDEX:
        raise source.damaged(0, expected=f"at most {LARGEST_INDEX:,} bytes", got=f"{size:,} bytes")
    with source.open() as stream:
        text = stream.read(LARGEST_INDEX)
    try:
        content = json.loads(text)
        found = content["format"], content["version"]
        if found == (FORMAT, VERSION):
            return _parse(content)
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise source.damaged(
            0, expected="an index of shards", got=f"{type(error).__name__}: {error}"
        ) from error
    raise FileError(
        operation,
        expected=f"format {FORMAT!r}, version {VERSION}",
        got="format {!r}, version {!r}".format(*found),
        fix="install the tinytorch-data that wrote it, or a later one",
        file=source.file,
    )


def _as_json(index: Index) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "version": VERSION,
        "form": index.form,
        "fields": [
            {"name": field.name, "dtype": field.dtype.str, "shape": list(field.shape)}
            for field in index.fields
        ],
        "shards": [{"items": shard.items, "sha256": list(shard.sha256)} for shard in index.shards],
    }


def _parse(content: dict[str, Any]) -> Index:
    """Make an index of what a file says; whatever is wrong with it is a ValueError or the like."""
    fields = tuple(
        Field(str(each["name"]), np.dtype(each["dtype"]), tuple(map(int, each["shape"])))
        for each in content["fields"]
    )
    shards = tuple(
        Shard(int(each["items"]), tuple(map(str, each["sha256"]))) for each in content["shards"]
    )
    index = Index(str(content["form"]), fields, shards)
    most = max(shard.items for shard in shards)
    sound = (
        index.form in FORMS
        and len(fields) in ({1} if index.form == "array" else range(1, 1 << 16))
        and all(field.dtype.kind in NUMBERS for field in fields)
        and all(length >= 0 for field in fields for length in field.shape)
        and all(math.prod((most, *field.shape)) <= sys.maxsize // 16 for field in fields)
        and all(shard.items > 0 and len(shard.sha256) == len(fields) for shard in shards)
    )
    if not sound or _as_json(index) != content:
        raise ValueError("its parts do not fit together")
    return index


def _read_header(source: Source, stream: io.BufferedReader) -> tuple[tuple[Any, ...], int]:
    """Return shape, order and type of an `.npy` file, and where its content begins."""
    try:
        if np.lib.format.read_magic(stream) != (1, 0):
            raise ValueError("another version of the format")
        found = np.lib.format.read_array_header_1_0(stream)
    except Exception as error:  # the header is a Python expression, and damage may be anything
        raise source.damaged(
            0, expected="an .npy file", got=f"{type(error).__name__}: {error}"
        ) from error
    return found, stream.tell()
