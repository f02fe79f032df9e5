"""Stand between a run and the disk: see each operation on files, before it happens or after."""

import builtins
import io
import os
from contextlib import contextmanager
from pathlib import Path

READS = ["listdir", "open", "scandir"]
CHANGES = ["chmod", "mkdir", "rename", "replace", "unlink", "remove", "rmdir", "link", "symlink"]
OPERATIONS = [*READS, *CHANGES, "fsync"]


@contextmanager
def watched(root, before=None, after=None):
    """Call `before(operation, path, argument)`, which may raise, and `after(...)` if it went well.

    Args:
        root: Only what happens below this folder is seen.
        before: Called before each operation; if it raises, a "write" has written a half.
        after: Called after each that succeeded; argument is the bytes of a "write", and where a
            "rename" or "replace" leads to.
    """
    before, after = before or _nothing, after or _nothing
    real = {name: getattr(os, name) for name in OPERATIONS}
    real_open = io.open

    def watching(name, function):
        def operation(*arguments, **settings):
            path = _path(arguments[0] if arguments else ".", settings)
            seen = path.is_relative_to(root)
            target = Path(arguments[1]) if name in {"rename", "replace"} else None
            if seen:
                before(name, path, target)
            result = function(*arguments, **settings)
            if seen:
                after(name, path, target)
            return result

        return operation

    def opened(file, mode="r", *arguments, **settings):
        written = set(mode) & set("wax+") and not isinstance(file, int)
        path = Path(file) if written else None
        if not written or not path.is_relative_to(root):
            return real_open(file, mode, *arguments, **settings)
        before("create", path, None)
        handle = real_open(file, mode, *arguments, **settings)
        after("create", path, None)
        return _Written(handle, path, before, after)

    try:
        for name, function in real.items():
            setattr(os, name, watching(name, function))
        builtins.open = io.open = opened
        yield
    finally:
        for name, function in real.items():
            setattr(os, name, function)
        builtins.open = io.open = real_open


class _Written:
    """A file that is written to, as the run sees it."""

    def __init__(self, handle, path, before, after):
        self._handle, self._path, self._before, self._after = handle, path, before, after

    def __getattr__(self, name):
        return getattr(self._handle, name)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._handle.close()

    def write(self, content):
        try:
            self._before("write", self._path, content)
        except BaseException:
            self._handle.write(content[: len(content) // 2])
            self._handle.flush()
            raise
        count = self._handle.write(content)
        self._after("write", self._path, content)
        return count


def _path(path, settings):
    """Return the path that an operation is about, also where it goes by descriptors."""
    if isinstance(path, int):
        return Path(f"/proc/self/fd/{path}").readlink()
    folder = settings.get("dir_fd")
    within = Path.cwd() if folder is None else Path(f"/proc/self/fd/{folder}").readlink()
    return within / path


def _nothing(operation, path, argument):
    pass
