"""Decompress a gzip file front to back, into memory that the caller has measured out.

An untrusted file decides neither how much memory is set aside nor how long reading takes: nothing
is decompressed beyond what was asked for, nor beyond the limit.
"""

import zlib
from pathlib import Path
from types import TracebackType
from typing import Self

from tinytorch.data.files.errors import damaged

CHUNK = 1 << 18
# Deflate's best case: 258 bytes for two bits. A smaller file cannot hold what it claims to.
MOST_PER_BYTE = 1032


class GzipReader:
    """The decompressed bytes of one gzip file, in order.

    Args:
        file: The file.
        limit: The most bytes that are decompressed in all.

    Attributes:
        position: The number of decompressed bytes read so far.

    Raises:
        DamagedFileError: On reading: not gzip, cut short, or a checksum does not fit.
    """

    def __init__(self, file: Path, *, limit: int) -> None:
        self.file = file
        self.limit = limit
        self.position = 0
        self._source = file.open("rb")
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
        self._compressed = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._source.close()

    def read(self, count: int) -> bytes:
        """Return the next ``count`` bytes, fewer only where the content ends."""
        parts = []
        while count and (part := self._some(count)):
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def readinto(self, buffer: memoryview) -> int:
        """Fill ``buffer`` (bytes) and return how many bytes there were for it."""
        filled = 0
        while filled < len(buffer) and (part := self._some(len(buffer) - filled)):
            buffer[filled : filled + len(part)] = part
            filled += len(part)
        return filled

    def skip(self, count: int) -> int:
        """Pass over ``count`` bytes and return how many there were."""
        start = self.position
        while (left := count - (self.position - start)) and self._some(left):
            pass
        return self.position - start

    def _some(self, count: int) -> bytes:
        """Decompress at least one and at most ``count`` bytes; none only at the end."""
        if self.position >= self.limit:
            raise damaged(
                self.file,
                self.position,
                expected=f"at most {self.limit:,} bytes of content",
                got="more",
            )
        while not self._inflate.eof:
            if not self._compressed:
                self._compressed = self._source.read(CHUNK)
                if not self._compressed:
                    raise damaged(
                        self.file,
                        self.position,
                        expected="a complete gzip file",
                        got="the end of the file",
                    )
            try:
                part = self._inflate.decompress(self._compressed, min(count, 4 * CHUNK))
            except zlib.error as error:
                raise damaged(
                    self.file, self.position, expected="gzip data", got=str(error)
                ) from error
            self._compressed = self._inflate.unconsumed_tail
            if part:
                self.position += len(part)
                return part
        return b""
