"""Where data sets lie: the argument, else ``$TINYTORCH_DATA``, else the user's cache folder."""

import os
import sys
from pathlib import Path


def data_root(root: str | os.PathLike[str] | None = None) -> Path:
    """Find the folder that holds data sets.

    Args:
        root: The folder, if the caller names one.

    Returns:
        ``root``, else ``$TINYTORCH_DATA``, else the operating system's cache folder for TinyTorch.
    """
    if root is not None:
        return Path(root).expanduser()
    if chosen := os.environ.get("TINYTORCH_DATA"):
        return Path(chosen).expanduser()
    if cache := os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA"):
        return Path(cache) / "tinytorch"
    home = Path.home()
    return home / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "tinytorch"


def is_offline() -> bool:
    """Tell whether ``$TINYTORCH_OFFLINE`` forbids downloads (set, and neither empty nor 0)."""
    return os.environ.get("TINYTORCH_OFFLINE", "0") not in {"", "0"}
