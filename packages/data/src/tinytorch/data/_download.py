"""Fetch a file from the first mirror that delivers it whole; the checksum makes mirrors safe.

The bytes go to `NAME.part` and are continued there after a cut, by whichever mirror comes next.
Only a file of the right size and checksum is renamed to `NAME`, in one step, so nobody ever sees
half a file; a lock keeps a second process waiting until the first has it.
"""

import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tinytorch.data.files.errors import DownloadError
from tinytorch.data.files.lock import locked
from tinytorch.data.files.places import is_offline
from tinytorch.data.files.source import Source
from tinytorch.data.files.transfer import Failed, Remote, fetch
from tinytorch.tensor.errors import FileError


def download(
    remote: Remote,
    folder: Path,
    *,
    timeout: float = 30.0,
    progress: Callable[[int, int], None] | None = None,
    operation: str = "download",
) -> Path:
    """Fetch `remote` into `folder`, unless it is there.

    Args:
        remote: What to fetch, and from where.
        folder: Where to put it; made if need be.
        timeout: Seconds until a server has to answer, and the longest that it may take over any
            1,000 bytes times as many seconds; a slower one is left for the next.
        progress: Called with the bytes there are and the bytes there will be. By default a line
            on a terminal's standard error.
        operation: Who asks, for errors.

    Returns:
        The file.

    Raises:
        DownloadError: No mirror delivered, the folder cannot be written, or `TINYTORCH_OFFLINE`
            is set.
        FileError: A folder has the file's name.
    """
    target = Source(operation, folder / remote.name)
    if target.exists():
        return target.file
    if is_offline():
        raise _by_hand(remote, target, [], got="TINYTORCH_OFFLINE is set, nothing was tried")
    attempts: list[tuple[str, str]] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(
            folder / f".{remote.name}.lock",
            on_wait=lambda: _say(f"waiting for another process that fetches {target.file}\n"),
        ):
            if not target.exists():
                _fetch_from_any(remote, target, timeout, progress or _show, attempts)
    except FileError:
        raise
    except OSError as error:
        raise _by_hand(
            remote, target, attempts, got=f"the folder cannot be written: {error}"
        ) from error
    return target.file


def download_if(
    allowed: bool, remote: Remote, folder: Path, *, operation: str, instead: str
) -> Path:
    """Fetch what a data set lacks if its `download=` allows that; `instead` would do as well."""
    if allowed:
        return download(remote, folder, operation=operation)
    file = folder / remote.name
    raise FileError(
        operation,
        expected=f"{file}, or {instead}",
        got="neither, and download=False",
        fix="pass root= or set TINYTORCH_DATA to the folder that holds them, or let it download",
        file=file,
    )


def _fetch_from_any(
    remote: Remote,
    target: Source,
    timeout: float,
    progress: Callable[[int, int], None],
    attempts: list[tuple[str, str]],
) -> None:
    part = target.file.with_name(f"{remote.name}.part")
    for address in remote.mirrors:
        try:
            fetch(remote, address, part, timeout, progress)
        except Failed as reason:
            attempts.append((address, str(reason)))
        else:
            part.replace(target.file)
            return
    tried = "".join(f"\n            {address}: {reason}" for address, reason in attempts)
    raise _by_hand(remote, target, attempts, got=tried or "no mirrors")


def _by_hand(
    remote: Remote, target: Source, attempts: list[tuple[str, str]], *, got: str
) -> DownloadError:
    """Describe a download that did not happen, and how to do it by hand."""
    elsewhere = f" (for instance {remote.mirrors[-1]})" if remote.mirrors else ""
    return DownloadError(
        target.operation,
        expected=f"{remote.name}: {remote.size:,} bytes with sha256 {remote.sha256}",
        got=got,
        fix=f"fetch it elsewhere{elsewhere} and put it at {target.file}, "
        "or set TINYTORCH_DATA to a folder that holds it, or to one that can be written",
        file=target.file,
        attempts=attempts,
    )


def _show(there: int, size: int) -> None:
    """Keep one line of a terminal up to date."""
    end = "\n" if there == size else ""
    _say(f"\rdownloading: {there / 1e6:,.1f} of {size / 1e6:,.1f} MB{end}", to_terminals_only=True)


def _say(text: str, *, to_terminals_only: bool = False) -> None:
    with suppress(OSError, ValueError, AttributeError):  # it is closed, or there is none
        if sys.stderr.isatty() or not to_terminals_only:
            sys.stderr.write(text)
            sys.stderr.flush()
