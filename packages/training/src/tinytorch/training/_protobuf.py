"""Protocol buffers in the few lines that writing needs: a message is a run of tagged fields.

TensorBoard's event files and ONNX models are both such messages. A field is a number and a value;
integers are written in groups of seven bits, floats as they are, texts and messages with their
length before them.

Source: https://protobuf.dev/programming-guides/encoding/
"""

import struct

__all__ = ["Double", "message"]

VARINT, DOUBLE, BYTES, FLOAT = 0, 1, 2, 5


def message(*fields: tuple[int, object]) -> bytes:
    """Encode fields `(number, value)` in order; a value of None is left out.

    Args:
        *fields: `int` and `bool` become varints, `float` a 32-bit float, `Double` a 64-bit one,
            `str` and `bytes` (which may be a message) are length-delimited, and a list repeats its
            field.

    Example:
        >>> message((1, 150), (2, "testing")).hex(" ")
        '08 96 01 12 07 74 65 73 74 69 6e 67'
    """
    return b"".join(_field(number, value) for number, value in fields)


class Double(float):
    """A float that is written in 64 bits."""


def _field(number: int, value: object) -> bytes:
    if value is None:
        return b""
    if isinstance(value, list):
        return b"".join(_field(number, item) for item in value)
    if isinstance(value, Double):
        return _varint(number << 3 | DOUBLE) + struct.pack("<d", value)
    if isinstance(value, float):
        return _varint(number << 3 | FLOAT) + struct.pack("<f", value)
    if isinstance(value, int):
        return _varint(number << 3 | VARINT) + _varint(value % (1 << 64))
    data = value.encode() if isinstance(value, str) else value
    assert isinstance(data, bytes)
    return _varint(number << 3 | BYTES) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
