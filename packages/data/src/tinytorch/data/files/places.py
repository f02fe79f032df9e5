"""Where data sets lie: the argument, else `$TINYTORCH_DATA`, else the user's cache folder."""

import os
import sys
from pathlib import Path

from tinytorch.tensor.errors import FileError


def data_root(root: str | os.PathLike[str] | None = None) -> Path:
    """Find the folder that holds data sets.

    Args:
        root: The folder, if the caller names one.

    Returns:
        `root`, else `$TINYTORCH_DATA`, else the operating system's cache folder for TinyTorch.

    Raises:
        FileError: It begins with the home of an unknown user, or there is no home folder.
    """
    return find_root("data_root", root)


def find_root(operation: str, root: str | os.PathLike[str] | None) -> Path:
    """Find the folder for `operation`; see `data_root`."""
    place = Path(root if root is not None else os.environ.get("TINYTORCH_DATA") or _cache())
    try:
        return place.expanduser()
    except RuntimeError as error:
        raise FileError(
            operation,
            expected="a folder for data sets",
            got=f"{place}, but there is no such home folder",
            fix="pass root=, or set TINYTORCH_DATA to a folder that exists",
            file=place,
        ) from error


def _cache() -> str:
    if folder := os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA"):
        return f"{folder}/tinytorch"
    return "~/Library/Caches/tinytorch" if sys.platform == "darwin" else "~/.cache/tinytorch"


def is_offline() -> bool:
    """Return whether `$TINYTORCH_OFFLINE` forbids downloads (set, and neither empty nor 0)."""
    return os.environ.get("TINYTORCH_OFFLINE", "0") not in {"", "0"}
