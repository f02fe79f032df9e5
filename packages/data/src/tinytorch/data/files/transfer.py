"""Take one file from one server, which may be slow, wrong, hostile or gone.

A server has `timeout` seconds for each portion of the file, whatever else it sends meanwhile: all
that it sends passes one gate, which closes then. No part of its answer is read whole but the lines
of the header, which `http.client` bounds.
"""

import hashlib
import http.client
import io
import os
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tinytorch.data.files.errors import printable

CHUNK = 1 << 18
CONTINUATIONS = 20
LEAST_RATE = 1000  # bytes of the file in a second


@dataclass(frozen=True)
class Remote:
    """A file that lies on several servers.

    Attributes:
        name: The file's name.
        size: Its size in bytes.
        sha256: Its checksum in hexadecimal digits.
        mirrors: The addresses to try, in this order.
    """

    name: str
    size: int
    sha256: str
    mirrors: tuple[str, ...]


class Failed(Exception):  # noqa: N818  (a reason that moves on to the next mirror, no error yet)
    """Why a server did not deliver, fit to be printed."""

    def __init__(self, reason: str) -> None:
        super().__init__(printable(reason))


class _Cut(Failed):
    """The connection ended; what came before is good, so another may go on from there."""


def fetch(
    remote: Remote,
    address: str,
    part: Path,
    timeout: float,
    progress: Callable[[int, int], None],
) -> None:
    """Complete and verify the file `part` from one server, with new connections after a cut.

    A server that does not deliver raises `Failed`; what is right of `part` so far stays.
    """
    pace = _Pace(timeout)
    restarted = False
    for _ in range(CONTINUATIONS):
        before = _length(part)
        if before < remote.size:
            try:
                _append(remote.size, address, part, before, pace, progress)
            except _Cut:
                if _length(part) > before:
                    continue
                raise
        if _is_right(part, remote.sha256):
            return
        part.unlink()
        if before == 0 or restarted:
            raise Failed("delivered another file (its sha256 differs)")
        restarted = True  # the wrong bytes may be those that an earlier mirror left
    raise Failed(f"the connection was cut {CONTINUATIONS} times")


def _append(
    size: int,
    address: str,
    part: Path,
    offset: int,
    pace: "_Pace",
    progress: Callable[[int, int], None],
) -> None:
    """Ask for the bytes from `offset` on and write them to `part`."""
    headers = {"User-Agent": "tinytorch-data"} | ({"Range": f"bytes={offset}-"} if offset else {})
    with _network(pace):
        request = urllib.request.Request(address, headers=headers)  # noqa: S310
        response = _opener(pace).open(request, timeout=pace.timeout)
    with response, _open(part) as output:
        there = _start_of(response, offset, size)
        output.seek(there)
        output.truncate()
        while there < size:
            with _network(pace):
                chunk = response.read1(min(CHUNK, size - there))
            if not chunk:
                raise _Cut(f"closed the connection after {there:,} of {size:,} bytes")
            output.write(chunk)
            there += len(chunk)
            pace.gain(len(chunk))
            progress(there, size)
        output.flush()
        os.fsync(output.fileno())


def _start_of(response: http.client.HTTPResponse, offset: int, size: int) -> int:
    """Tell at which byte a reply starts: a server may ignore the range asked for."""
    if response.status != http.client.PARTIAL_CONTENT:
        length = getattr(response, "length", None)
        if offset and length not in {None, size}:
            raise Failed(f"offers another file, of {length:,} bytes")
        return 0
    given = response.headers.get("Content-Range", "no range")
    if not given.startswith(f"bytes {offset}-"):
        raise Failed(f"was asked for the bytes from {offset} on and answered {given!r}")
    return offset


class _Pace:
    """The time that a server has: `timeout` seconds for each portion, from its first answer on."""

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        self.gained = 0
        self._end: float | None = None

    def gain(self, count: int) -> None:
        """Count bytes of the file; a whole portion buys time for the next."""
        self.gained += count
        if self.gained >= LEAST_RATE * self.timeout:
            self.gained = 0
            self._end = None

    def left(self) -> float:
        """Return the seconds left for this portion; none is a TimeoutError."""
        if self._end is None:
            self._end = time.monotonic() + self.timeout
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class _Gate(io.RawIOBase):
    """What comes from a socket, as long as there is time left."""

    def __init__(self, connection: socket.socket, pace: _Pace) -> None:
        self._connection = connection
        self._stream = connection.makefile("rb", buffering=0)
        self._pace = pace

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        self._connection.settimeout(self._pace.left())
        return self._stream.readinto(buffer)

    def close(self) -> None:
        self._stream.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """A response all of whose bytes pass the gate: status, headers, chunk sizes, trailers, body."""

    def __init__(
        self, connection: socket.socket, debuglevel: int = 0, *, pace: _Pace, **settings: Any
    ) -> None:
        super().__init__(connection, debuglevel, **settings)
        self.fp.close()
        self.fp = io.BufferedReader(_Gate(connection, pace))


class _Handler(urllib.request.AbstractHTTPHandler):
    """Opens `http://` and `https://` with such responses."""

    def __init__(self, pace: _Pace) -> None:
        super().__init__()
        self._pace = pace

    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(self._connect, http.client.HTTPConnection), request)

    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(self._connect, http.client.HTTPSConnection), request)

    http_request = https_request = urllib.request.AbstractHTTPHandler.do_request_

    def _connect(
        self, kind: type[http.client.HTTPConnection], host: str, **settings: Any
    ) -> http.client.HTTPConnection:
        connection = kind(host, **settings)
        response = partial(_Response, pace=self._pace)
        connection.response_class = response  # type: ignore[assignment]
        return connection


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects without reading what comes with them, which may be endless."""

    def http_error_302(self, req: Any, fp: Any, code: int, msg: str, headers: Any) -> Any:
        """Close the response first: it stays open where the address is none."""
        fp.close()
        return super().http_error_302(req, fp, code, msg, headers)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


def _opener(pace: _Pace) -> urllib.request.OpenerDirector:
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        _Handler(pace),
        urllib.request.FileHandler(),
        _Redirects(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener


@contextmanager
def _network(pace: _Pace) -> Iterator[None]:
    """Turn what the network raises in the block into a reason."""
    try:
        yield
    except urllib.error.HTTPError as error:
        error.close()
        raise Failed(f"answered {error.code} {error.reason}") from error
    except TimeoutError as error:
        raise Failed(
            f"was too slow: {pace.gained:,} bytes of the file in {pace.timeout:g} s"
        ) from error
    except urllib.error.URLError as error:
        raise Failed(str(error.reason)) from error
    except (OSError, http.client.HTTPException, ValueError, OverflowError) as error:
        raise _Cut(f"{type(error).__name__}: {error}") from error


@contextmanager
def _open(part: Path) -> Iterator[io.BufferedRandom]:
    """Open `part`, made if need be, to read and write; a link planted in its place is refused."""
    flags = os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    with open(part, "r+b", opener=lambda path, mode: os.open(path, mode | flags, 0o666)) as file:
        yield file


def _length(part: Path) -> int:
    try:
        return part.lstat().st_size
    except FileNotFoundError:
        return 0


def _is_right(part: Path, sha256: str) -> bool:
    with _open(part) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest() == sha256
