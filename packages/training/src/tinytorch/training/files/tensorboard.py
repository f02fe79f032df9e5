"""TensorBoard's event files: records of length, checksum, message and checksum again.

A message is a protocol buffer: a run of fields, each a number and a value; integers are written in
groups of seven bits, floats as they are, texts and messages with their length before them.

Source: the record format of `tensorflow/core/lib/io/record_writer.h`, the messages `Event` and
`Summary` of `tensorflow/core`, and https://protobuf.dev/programming-guides/encoding/
"""

import itertools
import os
import struct
from collections.abc import Mapping
from pathlib import Path

from tinytorch.training.files.atomic import PathLike, file_errors, make_folder

CRC_TABLE = [0] * 256
for _byte in range(256):
    _crc = _byte
    for _ in range(8):
        _crc = _crc >> 1 ^ (0x82F63B78 if _crc & 1 else 0)
    CRC_TABLE[_byte] = _crc

_numbers = itertools.count()


class EventWriter:
    """Writes scalars to one event file; each call is on the disk's way when it returns.

    The file's name has the time, the process and a number in it.
    """

    def __init__(self, folder: PathLike, wall_time: float) -> None:
        name = f"events.out.tfevents.{wall_time:.6f}.{os.getpid()}.{next(_numbers)}"
        self.path = Path(folder) / name
        with file_errors("TensorBoard", self.path):
            make_folder(self.path.parent)
            self._file = self.path.open("xb")
        self._record(message((1, Double(wall_time)), (3, "brain.Event:2")))

    def scalars(self, figures: Mapping[str, float], *, step: int, wall_time: float) -> None:
        """Write figures of one step under their names."""
        values = [message((1, name), (2, float(value))) for name, value in figures.items()]
        self._record(message((1, Double(wall_time)), (2, step), (5, message((1, values)))))

    def close(self) -> None:
        """Close the file."""
        with file_errors("TensorBoard", self.path):
            self._file.close()

    def _record(self, data: bytes) -> None:
        length = struct.pack("<Q", len(data))
        with file_errors("TensorBoard", self.path):
            self._file.write(length + _masked_crc(length) + data + _masked_crc(data))
            self._file.flush()


def _masked_crc(data: bytes) -> bytes:
    """Return the CRC-32C of the data, rotated and shifted as the format asks, in four bytes."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = CRC_TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


class Double(float):
    """A float that is written in 64 bits."""


def message(*fields: tuple[int, object]) -> bytes:
    """Return fields `(number, value)` in order, encoded; a list repeats its field."""
    return b"".join(
        _field(number, value)
        for number, values in fields
        for value in (values if isinstance(values, list) else [values])
    )


def _field(number: int, value: object) -> bytes:
    if isinstance(value, Double):
        return _varint(number << 3 | 1) + struct.pack("<d", value)
    if isinstance(value, float):
        return _varint(number << 3 | 5) + struct.pack("<f", value)
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value % (1 << 64))
    data = value.encode() if isinstance(value, str) else value
    assert isinstance(data, bytes)
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
