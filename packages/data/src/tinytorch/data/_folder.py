"""Photographs in one folder per class, decoded by Pillow when a batch asks for them."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tinytorch.data._fetch import Seeded
from tinytorch.data._images import ImageDataset
from tinytorch.tensor.errors import ArgumentError, FileError, MissingExtraError

SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}


class ImageFolder(ImageDataset):
    """Images in ``root/CLASS/NAME.png`` and the like; a class is a sub-folder.

    Items are pairs of an image ``(3, height, width)`` and its label, the place of its class in the
    alphabet. Files are decoded when asked for: use ``DataLoader(num_workers=...)``.

    Args:
        root: The folder that holds a folder for each class.
        size: The height and width to bring all images to; None if they agree already.
        transform: A callable on a batch of images; see `ImageDataset`.

    Attributes:
        files: The images' files, sorted.
        labels: Their labels, int64.
        classes: The classes' names, sorted.

    Raises:
        MissingExtraError: Pillow is not installed.
        FileError: The folder holds no images in sub-folders; or, on reading, a file is no image.
        ArgumentError: On reading: the images' sizes differ and no ``size`` is given.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        size: tuple[int, int] | None = None,
        transform: Callable[..., Any] | None = None,
    ) -> None:
        _pillow()
        folder = Path(root)
        self.files = sorted(
            file
            for file in folder.glob("*/**/*")
            if file.suffix.lower() in SUFFIXES and file.is_file()
        )
        if not self.files:
            raise FileError(
                "ImageFolder",
                expected=f"images in sub-folders of {folder}, one sub-folder for each class",
                got="no image files" if folder.is_dir() else "no such folder",
                fix=f"put them at {folder / 'CLASS' / 'NAME.png'}",
                file=folder,
            )
        names = [file.relative_to(folder).parts[0] for file in self.files]
        self.classes = tuple(sorted(set(names)))
        self.labels = np.array([self.classes.index(name) for name in names], np.int64)
        self.size = size
        self.transform = transform if transform is None else Seeded(transform).transform

    def _gather(self, indices: np.ndarray) -> np.ndarray:
        images = [self._decode(self.files[index]) for index in indices.tolist()]
        shapes = {image.shape for image in images}
        if len(shapes) > 1:
            odd = next(
                place for place, image in enumerate(images) if image.shape != images[0].shape
            )
            raise ArgumentError(
                "ImageFolder",
                expected="images of one size",
                got=f"{self.files[indices[0]].name}: {images[0].shape}, "
                f"{self.files[indices[odd]].name}: {images[odd].shape}",
                fix="bring them to one size: ImageFolder(root, size=(64, 64))",
            )
        return np.stack(images)

    def _decode(self, file: Path) -> np.ndarray:
        """Read one image as ``(3, height, width)``, uint8."""
        image_module = _pillow()
        try:
            with image_module.open(file) as image:
                colored = image.convert("RGB")
        except (
            OSError,
            SyntaxError,
            ValueError,
            image_module.DecompressionBombError,
            image_module.DecompressionBombWarning,
        ) as error:
            raise FileError(
                "ImageFolder",
                expected=f"an image in {file}",
                got=str(error),
                fix="replace or remove the file",
                file=file,
            ) from error
        if self.size is not None:
            colored = colored.resize(self.size[::-1], image_module.Resampling.BILINEAR)
        return np.asarray(colored).transpose(2, 0, 1)

    def __repr__(self) -> str:
        return f"ImageFolder({len(self):,} images in {len(self.classes)} classes)"


def _pillow() -> Any:
    """Import Pillow's module of images.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingExtraError(
            "ImageFolder",
            expected="Pillow, which decodes images",
            got="it is not installed",
            fix='pip install "tinytorch-data[images]"',
        ) from error
    return Image
