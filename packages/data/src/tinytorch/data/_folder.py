"""Photographs in one folder per class, decoded when a batch asks for them."""

import os
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tinytorch.data._images import LabeledImages
from tinytorch.data.files.image import SUFFIXES, import_pillow, read_image
from tinytorch.data.files.places import find_root
from tinytorch.data.files.source import Source
from tinytorch.data.transforms import ToFloat
from tinytorch.tensor import checks
from tinytorch.tensor.errors import ArgumentError, FileError

# What systems and archivers leave beside the classes, besides names that begin with a dot.
LEFTOVERS = {"$RECYCLE.BIN", "@eaDir", "System Volume Information", "__MACOSX", "lost+found"}


class ImageFolder(LabeledImages):
    """Images in `root/CLASS/NAME.png` and the like; a class is a sub-folder.

    Items are pairs of an image `(3, height, width)` and its label, the place of its class in the
    alphabet. Files are decoded when asked for: use `DataLoader(num_workers=...)`.

    Photographs are turned as their EXIF data say. Images of one channel with more than 8 bits keep
    them: transforms get such images as float32, in which 65,535 has become 1 and floats are what
    they were.

    Args:
        root: The folder that holds a folder for each class; deeper folders belong to their class.
            Names that begin with a dot are passed over, links are followed.
        size: The height and width to bring all images to; None if they agree already.
        transform: A callable on a batch of images; see `ImageDataset`.
        allow_empty: Whether a class may have no images; it keeps its place among the labels.

    Attributes:
        files: The images' files, sorted.
        labels: Their labels, int64.
        classes: The classes' names, sorted.

    Raises:
        MissingExtraError: Pillow is not installed.
        FileError: There are no class folders, one has no images, one cannot be read, or a link
            leads nowhere; or, on reading, a file is no image, is damaged or is too large.
        ArgumentError: `size` is no pair of whole numbers; or, on reading, the images' sizes differ
            and no `size` is given.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        size: tuple[int, int] | None = None,
        transform: Callable[..., Any] | None = None,
        *,
        allow_empty: bool = False,
    ) -> None:
        import_pillow("ImageFolder")
        folder = find_root("ImageFolder", root)
        classes = sorted(Path(entry.path) for entry in _visible(folder) if entry.is_dir())
        files = [_images_in(path, folder) for path in classes]
        empty = [path.name for path, found in zip(classes, files, strict=True) if not found]
        if not classes or (empty and not checks.flag("ImageFolder", "allow_empty", allow_empty)):
            raise _without_images(folder, empty)
        self.files = [file for found in files for file in found]
        self.classes = tuple(path.name for path in classes)
        self.size = None if size is None else checks.pair("ImageFolder", "size", size, least=1)
        labels = np.repeat(np.arange(len(classes)), [len(found) for found in files])
        super().__init__(labels, transform)

    def gather(self, indices: np.ndarray) -> np.ndarray:
        """Decode the images at `indices`, `(batch,)`: bytes, or float32 if one has more bits."""
        files = [self.files[index] for index in indices.tolist()]
        if not files:
            return np.empty((0, 3, *(self.size or (0, 0))), np.uint8)
        images = [read_image(Source("ImageFolder", file), self.size) for file in files]
        for file, image in zip(files, images, strict=True):
            if image.shape != images[0].shape:
                raise ArgumentError(
                    "ImageFolder",
                    expected="images of one size",
                    got=f"{files[0].name}: {images[0].shape}, {file.name}: {image.shape}",
                    fix="bring them to one size: ImageFolder(root, size=(64, 64))",
                )
        if len({image.dtype for image in images}) > 1:
            images = [ToFloat()(image) for image in images]
        return np.stack(images)

    def __repr__(self) -> str:
        return f"ImageFolder({len(self):,} images in {len(self.classes)} classes)"


def _images_in(folder: Path, root: Path) -> list[Path]:
    """Find the images in `folder` and below; each folder is entered once, `root` never again."""
    found: list[Path] = []
    waiting, entered = deque([folder]), {_identity(root)}
    while waiting:
        here = waiting.popleft()
        if (identity := _identity(here)) in entered:
            continue
        entered.add(identity)
        for entry in _visible(here):
            path = Path(entry.path)
            if entry.is_dir():  # a folder counts where it lies, before any link to it
                (waiting.append if entry.is_symlink() else waiting.appendleft)(path)
            elif path.suffix.lower() in SUFFIXES and (
                entry.is_file() or Source("ImageFolder", path).exists()
            ):
                found.append(path)
    return sorted(found)


def _identity(folder: Path) -> tuple[int, int]:
    with Source("ImageFolder", folder).guarded():
        status = folder.stat()
    return status.st_dev, status.st_ino


def _visible(folder: Path) -> list[os.DirEntry[str]]:
    """List files and folders in `folder`, but for hidden ones and leftovers; no link is dead."""
    with Source("ImageFolder", folder).guarded(), os.scandir(folder) as entries:
        shown = [
            entry
            for entry in entries
            if not entry.name.startswith(".") and entry.name not in LEFTOVERS
        ]
    for entry in shown:
        if entry.is_symlink():
            with Source("ImageFolder", Path(entry.path)).guarded():
                entry.stat()
    return shown


def _without_images(folder: Path, empty: list[str]) -> FileError:
    some = ", ".join(empty[:5]) + (", ..." if len(empty) > 5 else "")
    return FileError(
        "ImageFolder",
        expected=f"images in sub-folders of {folder}, one sub-folder for each class",
        got=f"no images in {some}" if empty else "no sub-folders",
        fix=f"put them at {folder / (empty[0] if empty else 'CLASS') / 'NAME.png'}"
        + (", or pass allow_empty=True to have classes without images" if empty else ""),
        file=folder / empty[0] if empty else folder,
    )
