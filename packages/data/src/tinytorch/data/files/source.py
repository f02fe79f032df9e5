"""A file that is read on somebody's behalf: whatever is wrong with it, the error names both."""

import io
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tinytorch.data.files.errors import DamagedFileError, printable
from tinytorch.tensor.errors import FileError


@dataclass(frozen=True)
class Source:
    """A file and its reader.

    Attributes:
        operation: The public name on whose behalf it is read, such as `"MNIST"`.
        file: The file.
    """

    operation: str
    file: Path

    def exists(self) -> bool:
        """Return whether there is such a file; a folder or a device in its place is an error."""
        with self.guarded():
            try:
                mode = self.file.stat().st_mode
            except (FileNotFoundError, NotADirectoryError):
                return False
        if not stat.S_ISREG(mode):
            raise FileError(
                self.operation,
                expected=f"a file at {self.file}",
                got="a folder" if stat.S_ISDIR(mode) else "a device, pipe or socket",
                fix=f"move {self.file} away",
                file=self.file,
            )
        return True

    def size(self) -> int:
        """Return the file's length in bytes."""
        with self.guarded():
            return self.file.stat().st_size

    @contextmanager
    def open(self) -> Iterator[io.BufferedReader]:
        """Open the file for the block, in which the system's complaints become errors of ours."""
        with self.guarded(), self.file.open("rb") as stream:
            yield stream

    @contextmanager
    def guarded(self, expected: str = "readable") -> Iterator[None]:
        """Turn what the system says in the block, as the file is not `expected`, into our error."""
        try:
            yield
        except FileError:
            raise
        except (OSError, ValueError) as error:  # ValueError: a null character in its name
            raise FileError(
                self.operation,
                expected=f"{self.file}, {expected}",
                got=getattr(error, "strerror", None) or str(error),
                fix="see to the owner and the permissions of it and of the folders above it",
                file=self.file,
            ) from error

    def damaged(self, offset: int, *, expected: str, got: str) -> DamagedFileError:
        """Describe what is wrong with the content at byte `offset`."""
        return DamagedFileError(
            self.operation,
            expected=printable(expected),
            got=f"{printable(got)}, at byte {offset:,} of {self.file}",
            fix=f"delete {self.file} and load the data set again, or put a good copy there",
            file=self.file,
            offset=offset,
        )
