"""The errors of reading and fetching files, below the tensor layer's `FileError`."""

from pathlib import Path

from tinytorch.tensor.errors import FileError


class DamagedFileError(FileError):
    """A file whose content is not what its name promises.

    Attributes:
        file: The file.
        offset: The byte at which the content went wrong (for a compressed file, the byte of the
            decompressed content).
    """

    problem = "damaged or foreign file"


class DownloadError(FileError):
    """A file that no mirror delivered.

    Attributes:
        file: Where the file belongs; put it there by hand to go on.
        attempts: Pairs of the address tried and the reason it failed.
    """

    problem = "download failed"


def damaged(file: Path, offset: int, *, expected: str, got: str) -> DamagedFileError:
    """Describe what is wrong with ``file`` at byte ``offset``."""
    return DamagedFileError(
        file.name,
        expected=expected,
        got=f"{got}, at byte {offset:,} of {file}",
        fix=f"delete {file} and load the dataset again, or put a good copy there",
        file=file,
        offset=offset,
    )
