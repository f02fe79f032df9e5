"""Fetch a file from the first mirror that delivers it whole; the checksum makes mirrors safe.

The bytes go to ``NAME.part`` and are continued there after a cut, by whichever mirror comes next.
Only a file of the right size and checksum is renamed to ``NAME``, in one step, so nobody ever sees
half a file; a lock keeps a second process waiting until the first has it.
"""

import hashlib
import http.client
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tinytorch.data.files.errors import DownloadError
from tinytorch.data.files.lock import locked
from tinytorch.data.files.places import is_offline

CHUNK = 1 << 18
CONTINUATIONS = 20


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


class _Failed(Exception):  # noqa: N818  (a reason that moves on to the next mirror, no error yet)
    """Why a mirror did not deliver."""


def download(
    remote: Remote,
    folder: Path,
    *,
    timeout: float = 30.0,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Fetch ``remote`` into ``folder``, unless it is there.

    Args:
        remote: What to fetch, and from where.
        folder: Where to put it; made if need be.
        timeout: Seconds that a server may stay silent.
        progress: Called with the bytes there are and the bytes there will be. By default a line
            on a terminal's standard error.

    Returns:
        The file.

    Raises:
        DownloadError: No mirror delivered, or ``TINYTORCH_OFFLINE`` is set.
    """
    target = folder / remote.name
    if target.exists():
        return target
    if is_offline():
        raise _by_hand(remote, target, [], got="TINYTORCH_OFFLINE is set, nothing was tried")
    part = folder / f"{remote.name}.part"
    attempts: list[tuple[str, str]] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _by_hand(remote, target, [], got=f"the folder cannot be made: {error}") from error
    with locked(folder / f".{remote.name}.lock"):
        if target.exists():
            return target
        for address in remote.mirrors:
            try:
                _fetch(remote, address, part, timeout, progress or _show)
            except _Failed as reason:
                attempts.append((address, str(reason)))
            else:
                part.replace(target)
                return target
    raise _by_hand(
        remote,
        target,
        attempts,
        got="".join(f"\n            {address}: {reason}" for address, reason in attempts),
    )


def _fetch(
    remote: Remote,
    address: str,
    part: Path,
    timeout: float,
    progress: Callable[[int, int], None],
) -> None:
    """Complete and verify ``part`` from one mirror, again and again while that gets further."""
    restarted = False
    for _ in range(CONTINUATIONS):
        before = part.stat().st_size if part.exists() else 0
        if before < remote.size:
            try:
                _append(remote, address, part, before, timeout, progress)
            except _Failed:
                if part.exists() and part.stat().st_size > before:
                    continue
                raise
        if _sha256(part) == remote.sha256:
            return
        part.unlink()
        if before == 0 or restarted:
            raise _Failed("delivered another file (its sha256 differs)")
        restarted = True  # the wrong bytes may be those that an earlier mirror left
    raise _Failed(f"the connection was cut {CONTINUATIONS} times")


def _append(
    remote: Remote,
    address: str,
    part: Path,
    offset: int,
    timeout: float,
    progress: Callable[[int, int], None],
) -> None:
    """Ask one mirror for the bytes from ``offset`` on and write them to ``part``."""
    request = urllib.request.Request(address, headers={"User-Agent": "tinytorch-data"})  # noqa: S310
    if offset:
        request.add_header("Range", f"bytes={offset}-")
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:  # noqa: S310
            there = _start_of(response, offset)
            with part.open("r+b" if part.exists() else "wb") as output:
                output.seek(there)
                output.truncate()
                while there < remote.size and (
                    chunk := response.read(min(CHUNK, remote.size - there))
                ):
                    output.write(chunk)
                    there += len(chunk)
                    progress(there, remote.size)
    except urllib.error.HTTPError as error:
        with error:
            raise _Failed(f"answered {error.code} {error.reason}") from error
    except TimeoutError as error:
        raise _Failed(f"was silent for {timeout:g} s") from error
    except urllib.error.URLError as error:
        raise _Failed(f"{error.reason}") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _Failed(f"{type(error).__name__}: {error}") from error
    if there < remote.size:
        raise _Failed(f"closed the connection after {there:,} of {remote.size:,} bytes")


def _start_of(response: http.client.HTTPResponse, offset: int) -> int:
    """Tell at which byte a reply starts: a server may ignore the range asked for."""
    if response.status != http.client.PARTIAL_CONTENT:
        return 0
    given = response.headers.get("Content-Range", "no range")
    if not given.startswith(f"bytes {offset}-"):
        raise _Failed(f"was asked for the bytes from {offset} on and answered {given!r}")
    return offset


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _by_hand(
    remote: Remote, target: Path, attempts: list[tuple[str, str]], *, got: str
) -> DownloadError:
    """Describe a download that did not happen, and how to do it by hand."""
    return DownloadError(
        remote.name,
        expected=f"{remote.size:,} bytes with sha256 {remote.sha256}",
        got=got,
        fix=f"fetch it elsewhere (for instance {remote.mirrors[-1]}) and put it at {target}, "
        "or set TINYTORCH_DATA to a folder that holds it",
        file=target,
        attempts=attempts,
    )


def _show(there: int, size: int) -> None:
    """Keep one line of a terminal up to date."""
    if sys.stderr.isatty():
        end = "\n" if there == size else ""
        sys.stderr.write(f"\rdownloading: {there / 1e6:,.1f} of {size / 1e6:,.1f} MB{end}")
        sys.stderr.flush()
