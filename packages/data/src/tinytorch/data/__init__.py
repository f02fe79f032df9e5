"""Data sets, whole-batch transforms and a loader that never waits."""

from tinytorch.data import transforms
from tinytorch.data._cifar import CIFAR10, CIFAR100
from tinytorch.data._dataset import ConcatDataset, Dataset, Subset, TensorDataset, random_split
from tinytorch.data._folder import ImageFolder
from tinytorch.data._images import ImageDataset
from tinytorch.data._loader import DataLoader
from tinytorch.data._mnist import MNIST, Digits, FashionMNIST
from tinytorch.data._samplers import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    WeightedSampler,
)
from tinytorch.data._shards import ShardedDataset, ShardSampler
from tinytorch.data._simple import SimpleDataset
from tinytorch.data._version import __version__
from tinytorch.data._write_shards import write_shards
from tinytorch.data.batches.threads import WorkerError
from tinytorch.data.files.errors import DamagedFileError, DownloadError
from tinytorch.data.files.places import data_root
from tinytorch.data.transforms import (
    AlternatingFlip,
    CenterCrop,
    Compose,
    CutMix,
    MixUp,
    Normalize,
    Pad,
    RandomBrightness,
    RandomCrop,
    RandomErasing,
    RandomHorizontalFlip,
    RandomVerticalFlip,
    ToFloat,
)
from tinytorch.tensor.pytorch import point_out as _point_out

MNISTDataset = MNIST
CIFAR10Dataset = CIFAR10

__all__ = [
    "CIFAR10",
    "CIFAR100",
    "MNIST",
    "AlternatingFlip",
    "BatchSampler",
    "CIFAR10Dataset",
    "CenterCrop",
    "Compose",
    "ConcatDataset",
    "CutMix",
    "DamagedFileError",
    "DataLoader",
    "Dataset",
    "Digits",
    "DownloadError",
    "FashionMNIST",
    "ImageDataset",
    "ImageFolder",
    "MNISTDataset",
    "MixUp",
    "Normalize",
    "Pad",
    "RandomBrightness",
    "RandomCrop",
    "RandomErasing",
    "RandomHorizontalFlip",
    "RandomSampler",
    "RandomVerticalFlip",
    "Sampler",
    "SequentialSampler",
    "ShardSampler",
    "ShardedDataset",
    "SimpleDataset",
    "Subset",
    "TensorDataset",
    "ToFloat",
    "WeightedSampler",
    "WorkerError",
    "__version__",
    "data_root",
    "random_split",
    "transforms",
    "write_shards",
]

_point_out(__name__, "data", "datasets", "transforms", "torch")
