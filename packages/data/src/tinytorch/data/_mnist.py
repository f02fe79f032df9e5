"""Data sets in idx files: MNIST, Fashion-MNIST, and the digits that come with the package."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from tinytorch.data._download import download_if
from tinytorch.data._images import ImageDataset
from tinytorch.data.files.idx import read_idx
from tinytorch.data.files.places import find_root
from tinytorch.data.files.source import Source
from tinytorch.data.files.transfer import Remote

MNIST_FILES = """
train-images-idx3-ubyte.gz 9912422 440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609
train-labels-idx1-ubyte.gz 28881 3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c
t10k-images-idx3-ubyte.gz 1648877 8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6
t10k-labels-idx1-ubyte.gz 4542 f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6
"""
FASHION_FILES = """
train-images-idx3-ubyte.gz 26421880 3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84
train-labels-idx1-ubyte.gz 29515 a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845
t10k-images-idx3-ubyte.gz 4422102 346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073
t10k-labels-idx1-ubyte.gz 5148 67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5
"""
FASHION = "T-shirt/top,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,Ankle boot"


def _remotes(table: str, *mirrors: str) -> dict[bool, tuple[Remote, Remote]]:
    """Pair the images' and labels' files of train and test, of rows of name, size and sha256."""
    rows = [row.split() for row in table.split("\n") if row]
    files = [
        Remote(name, int(size), sha256, tuple(mirror + name for mirror in mirrors))
        for name, size, sha256 in rows
    ]
    return {True: (files[0], files[1]), False: (files[2], files[3])}


class MNIST(ImageDataset):
    """70,000 gray images of handwritten digits, 28 x 28 pixels; 60,000 to train, 10,000 to test.

    Items are pairs of an image `(1, 28, 28)` and its label from 0 to 9.

    Args:
        root: The folder that holds `MNIST/raw/` with the four idx files, compressed or not. By
            default `$TINYTORCH_DATA`, else the user's cache folder.
        train: The training images if true, else the test images.
        download: Whether to download the files (12 MB) if they are not there.
        transform: A callable on a batch of images; see `ImageDataset`.

    Raises:
        FileError: The files are not there and may not be downloaded, or they cannot be read.
        DamagedFileError: They are not what they should be.
        DownloadError: No server delivers them.

    Source:
        Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".
    """

    classes = tuple("0123456789")
    mean = (0.1307,)
    std = (0.3081,)
    folder: ClassVar[str] = "MNIST/raw"
    remotes: ClassVar[dict[bool, tuple[Remote, Remote]]] = _remotes(
        MNIST_FILES,
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    )

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        train: bool = True,
        download: bool = True,
        transform: Callable[..., Any] | None = None,
    ) -> None:
        folder = find_root(type(self).__name__, root) / self.folder
        images_file, labels_file = (
            self._find(remote, folder, download) for remote in self.remotes[train]
        )
        images, labels = _read_pair(images_file, labels_file, 28, len(self.classes))
        super().__init__(images[:, None], labels, transform)

    def _find(self, remote: Remote, folder: Path, may_download: bool) -> Source:
        """Return the file, plain or compressed; fetch it if need be."""
        name = type(self).__name__
        compressed = folder / remote.name
        for file in (compressed, compressed.with_suffix("")):
            if (source := Source(name, file)).exists():
                return source
        file = download_if(
            may_download, remote, folder, operation=name, instead="the same without .gz"
        )
        return Source(name, file)


class FashionMNIST(MNIST):
    """70,000 gray images of clothes, 28 x 28 pixels; 60,000 to train and 10,000 to test.

    Items are pairs of an image `(1, 28, 28)` and its label from 0 to 9.

    Arguments and errors are those of `MNIST`; the four files (31 MB) lie in `FashionMNIST/raw/`.

    Source:
        H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST", 2017 (MIT license).
    """

    classes = tuple(FASHION.split(","))
    mean = (0.2860,)
    std = (0.3530,)
    folder = "FashionMNIST/raw"
    remotes = _remotes(
        FASHION_FILES,
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    )


class Digits(ImageDataset):
    """1,797 gray images of handwritten digits, 8 x 8 pixels; they come with the package.

    Items are pairs of an image `(1, 8, 8)` and its label from 0 to 9. The original's 17 gray
    levels, 0 to 16, are spread over 0 to 255.

    Args:
        train: All images if None; the first 1,437 if true, the other 360 if false.
        transform: A callable on a batch of images; see `ImageDataset`.

    Source:
        E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning
        Repository, 1998 (CC BY 4.0); see `digits/README.md` in this package.

    Example:
        >>> digits = Digits()
        >>> image, label = digits[3]
        >>> len(digits), image.shape, label
        (1797, (1, 8, 8), 3)
    """

    classes = MNIST.classes
    mean = (0.3053,)
    std = (0.3759,)
    TRAINING = 1437

    def __init__(
        self, train: bool | None = None, transform: Callable[..., Any] | None = None
    ) -> None:
        folder = Path(__file__).with_name("digits")
        images, labels = _read_pair(
            Source("Digits", folder / "digits-images-idx3-ubyte.gz"),
            Source("Digits", folder / "digits-labels-idx1-ubyte.gz"),
            8,
            len(self.classes),
        )
        part = slice(None)
        if train is not None:
            part = slice(self.TRAINING) if train else slice(self.TRAINING, None)
        spread = (images[part, None].astype(np.uint16) * 255 + 8) // 16
        super().__init__(spread.astype(np.uint8), labels[part], transform)


def _read_pair(
    images_file: Source, labels_file: Source, side: int, classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Read images `(items, side, side)` and as many labels below `classes`."""
    images = read_idx(images_file, shape=(None, side, side))
    labels = read_idx(labels_file, shape=(len(images),))
    if labels.max() >= classes:
        place = int(np.argmax(labels >= classes))
        raise labels_file.damaged(
            8 + place,
            expected=f"labels from 0 to {classes - 1}",
            got=f"label {labels[place]}",
        )
    return images, labels
