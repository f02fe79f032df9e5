"""Read known members of a `.tar.gz` archive straight into memory; nothing is unpacked.

Only regular files under an expected name and with exactly the expected size are taken. Everything
else in the archive is passed over, so links, absolute paths and the like have no effect; but all of
it is read, because the checksum over the whole comes last.
"""

from collections.abc import Mapping

from tinytorch.data.files.gzip import GzipReader
from tinytorch.data.files.source import Source

BLOCK = 512
REGULAR = (b"0", b"\0")
WITHOUT_CONTENT = (b"1", b"2", b"3", b"4", b"5", b"6")


def read_members(source: Source, wanted: Mapping[str, memoryview], *, limit: int) -> None:
    """Fill each buffer of `wanted`, as long as its member has to be, with the one of that name.

    The archive may hold no more than `limit` decompressed bytes.

    Source:
        POSIX.1-1988, ustar interchange format.
    """
    missing = dict(wanted)
    with source.open() as file:
        stream = GzipReader(source, file, limit=limit)
        while (header := stream.read(BLOCK)).strip(b"\0"):
            _take(source, stream, header, missing)
        if missing:
            raise source.damaged(
                stream.position - len(header),
                expected=f"member {next(iter(missing))}",
                got="the end",
            )
        stream.finish()


def _take(
    source: Source, stream: GzipReader, header: bytes, missing: dict[str, memoryview]
) -> None:
    """Read the member whose header this is, if it is among the `missing`, or pass over it."""
    start = stream.position - len(header)
    name, kind, size = _parse(source, start, header)
    padded = -(-size // BLOCK) * BLOCK
    buffer = missing.pop(name, None)
    if buffer is None:
        content = 0 if kind in WITHOUT_CONTENT else padded
        found = stream.skip(content)
    elif kind in REGULAR and size == len(buffer):
        content = padded
        found = stream.readinto(buffer)
        found += stream.skip(content - found) if found == size else 0
    else:
        raise source.damaged(
            start,
            expected=f"{name}, a regular file of {len(buffer):,} bytes",
            got=f"type {kind!r}, {size:,} bytes",
        )
    if found < content and (missing or found < size):
        raise source.damaged(
            stream.position,
            expected=f"{content:,} bytes of {name}",
            got=f"the end after {found:,}",
        )


def _parse(source: Source, start: int, header: bytes) -> tuple[str, bytes, int]:
    """Take name, type and size from a member's 512-byte header."""
    claimed = _octal(header[148:156])
    actual = sum(header) - sum(header[148:156]) + 8 * ord(" ")
    size = _octal(header[124:136])
    if len(header) < BLOCK or claimed != actual or size is None:
        raise source.damaged(
            start, expected="the header of a tar member", got=f"{header[:16]!r}..."
        )
    name = header[:100].split(b"\0", 1)[0]
    if header[257:263] == b"ustar\0" and (prefix := header[345:500].split(b"\0", 1)[0]):
        name = prefix + b"/" + name
    return name.decode("ascii", "replace"), header[156:157], size


def _octal(field: bytes) -> int | None:
    """Read a tar header's octal number; None if it is none."""
    digits = field.strip(b" \0")
    return int(digits, 8) if digits and not digits.strip(b"01234567") else None
