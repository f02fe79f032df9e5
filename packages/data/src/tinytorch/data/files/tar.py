"""Read known members of a ``.tar.gz`` archive straight into memory; nothing is unpacked.

Only regular files under an expected name and with exactly the expected size are taken. Everything
else in the archive is passed over, so links, absolute paths and the like have no effect.
"""

from collections.abc import Mapping
from pathlib import Path

from tinytorch.data.files.errors import damaged
from tinytorch.data.files.gzip import GzipReader

BLOCK = 512
REGULAR = (b"0", b"\0")
WITHOUT_CONTENT = (b"1", b"2", b"3", b"4", b"5", b"6")


def read_members(archive: Path, wanted: Mapping[str, memoryview], *, limit: int) -> None:
    """Fill each buffer of ``wanted`` with the archive's member of that name.

    Args:
        archive: The ``.tar.gz`` file.
        wanted: For each member its buffer, as long as the member has to be.
        limit: The most decompressed bytes to read in search of them.

    Raises:
        DamagedFileError: The archive is damaged, or a member is missing, of another size or no
            regular file.

    Source:
        POSIX.1-1988, ustar interchange format.
    """
    missing = dict(wanted)
    with GzipReader(archive, limit=limit) as stream:
        while missing:
            start = stream.position
            header = stream.read(BLOCK)
            if not header.strip(b"\0"):
                raise damaged(
                    archive, start, expected=f"member {next(iter(missing))}", got="the end"
                )
            name, kind, size = _parse(archive, start, header)
            buffer = missing.pop(name, None)
            padded = -(-size // BLOCK) * BLOCK
            if buffer is None:
                content = 0 if kind in WITHOUT_CONTENT else padded
                found = stream.skip(content)
            else:
                if kind not in REGULAR or size != len(buffer):
                    raise damaged(
                        archive,
                        start,
                        expected=f"{name}, a regular file of {len(buffer):,} bytes",
                        got=f"type {kind!r}, {size:,} bytes",
                    )
                content = padded
                found = stream.readinto(buffer)
                found += stream.skip(content - found) if found == size else 0
            if found < content and (missing or found < size):
                raise damaged(
                    archive,
                    stream.position,
                    expected=f"{content:,} bytes of {name}",
                    got=f"the end after {found:,}",
                )


def _parse(archive: Path, start: int, header: bytes) -> tuple[str, bytes, int]:
    """Take name, type and size from a member's 512-byte header."""
    claimed = _octal(header[148:156])
    actual = sum(header) - sum(header[148:156]) + 8 * ord(" ")
    size = _octal(header[124:136])
    if len(header) < BLOCK or claimed != actual or size is None:
        raise damaged(
            archive, start, expected="the header of a tar member", got=f"{header[:16]!r}..."
        )
    name = header[:100].split(b"\0", 1)[0]
    if header[257:263] == b"ustar\0" and (prefix := header[345:500].split(b"\0", 1)[0]):
        name = prefix + b"/" + name
    return name.decode("ascii", "replace"), header[156:157], size


def _octal(field: bytes) -> int | None:
    """Read a tar header's octal number; None if it is none."""
    digits = field.strip(b" \0")
    return int(digits, 8) if digits and not digits.strip(b"01234567") else None
