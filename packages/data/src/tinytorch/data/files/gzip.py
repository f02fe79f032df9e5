"""Decompress a gzip file front to back, into memory that the caller has measured out.

An untrusted file decides neither how much memory is set aside nor how long reading takes: nothing
is decompressed beyond what was asked for, nor beyond the limit. Where the content ends, the
checksum and the length that the file carries have been compared.
"""

import io
import zlib

from tinytorch.data.files.source import Source

CHUNK = 1 << 15  # compressed; what is left of it is copied at the start of each member
PIECE = 1 << 20
# Deflate's best case: 258 bytes for two bits. A smaller file cannot hold what it claims to.
MOST_PER_BYTE = 1032


class GzipReader:
    """The decompressed bytes of one gzip file, in order; several members are one content.

    No more than `limit` bytes are decompressed in all, `position` of them so far.

    Source:
        RFC 1952, GZIP file format specification version 4.3.
    """

    def __init__(self, source: Source, stream: io.BufferedReader, *, limit: int) -> None:
        self.source = source
        self.limit = limit
        self.position = 0
        self._stream = stream
        self._inflate = _member()
        self._compressed = b""

    def read(self, count: int) -> bytes:
        """Return the next `count` bytes, fewer only where the content ends."""
        parts = []
        while count and (part := self._some(count)):
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def readinto(self, buffer: memoryview) -> int:
        """Fill `buffer` (bytes) and return how many bytes there were for it."""
        filled = 0
        while filled < len(buffer) and (part := self._some(len(buffer) - filled)):
            buffer[filled : filled + len(part)] = part
            filled += len(part)
        return filled

    def skip(self, count: int) -> int:
        """Pass over `count` bytes and return how many there were."""
        start = self.position
        while (left := count - (self.position - start)) and self._some(left):
            pass
        return self.position - start

    def finish(self) -> None:
        """Pass over all that is left, so that the last checksum is compared too."""
        while self._some(PIECE):
            pass

    def _some(self, count: int) -> bytes:
        """Decompress at least one and at most `count` bytes; none only at the end."""
        most = min(count, PIECE, self.limit - self.position + 1)
        while not self._inflate.eof or self._another():
            if not self._compressed and not self._refill():
                raise self.source.damaged(
                    self.position, expected="a complete gzip file", got="the end of the file"
                )
            try:
                part = self._inflate.decompress(self._compressed, most)
            except zlib.error as error:
                raise self.source.damaged(
                    self.position, expected="gzip data", got=str(error)
                ) from error
            self._compressed = self._inflate.unconsumed_tail or self._inflate.unused_data
            if part:
                self.position += len(part)
                if self.position > self.limit:
                    raise self.source.damaged(
                        self.limit, expected=f"at most {self.limit:,} bytes of content", got="more"
                    )
                return part
        return b""

    def _another(self) -> bool:
        """Go on to the next member, past zeros that pad the one before; False at the end."""
        while not (rest := self._compressed.lstrip(b"\0")):
            if not self._refill():
                return False
        self._compressed = rest
        self._inflate = _member()
        return True

    def _refill(self) -> bool:
        self._compressed = self._stream.read(CHUNK)
        return bool(self._compressed)


def _member() -> "zlib._Decompress":
    return zlib.decompressobj(zlib.MAX_WBITS | 16)
