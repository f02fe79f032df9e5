"""The errors of reading and fetching files, below the tensor layer's `FileError`."""

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
    """A file that no mirror delivered, or that could not be stored.

    Attributes:
        file: Where the file belongs; put it there by hand to go on.
        attempts: Pairs of the address tried and the reason it failed.
    """

    problem = "download failed"


def printable(text: object, most: int = 200) -> str:
    """Return foreign text fit for a terminal: one line, no control codes, not endless."""
    whole = str(text)
    shown = "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode()
        for sign in whole[:most]
    )
    return shown + ("..." if len(whole) > most else "")
