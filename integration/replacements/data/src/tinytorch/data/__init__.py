"""Another data: batches are made by plain functions of lists of indices, and a pool runs them."""

from tinytorch.data import transforms
from tinytorch.data._files import (
    CIFAR10,
    CIFAR100,
    MNIST,
    DamagedFileError,
    Digits,
    DownloadError,
    FashionMNIST,
)
from tinytorch.data._loader import DataLoader, WorkerError
from tinytorch.data._orders import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    WeightedSampler,
)
from tinytorch.data._sets import (
    ConcatDataset,
    Dataset,
    ImageDataset,
    SimpleDataset,
    Subset,
    TensorDataset,
    random_split,
)
from tinytorch.data.transforms import (
    CenterCrop,
    Compose,
    Normalize,
    Pad,
    RandomBrightness,
    RandomCrop,
    RandomErasing,
    RandomHorizontalFlip,
    RandomVerticalFlip,
    ToFloat,
)

MNISTDataset, CIFAR10Dataset = MNIST, CIFAR10

__all__ = [
    "CIFAR10",
    "CIFAR100",
    "MNIST",
    "BatchSampler",
    "CIFAR10Dataset",
    "CenterCrop",
    "Compose",
    "ConcatDataset",
    "DamagedFileError",
    "DataLoader",
    "Dataset",
    "Digits",
    "DownloadError",
    "FashionMNIST",
    "ImageDataset",
    "MNISTDataset",
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
    "SimpleDataset",
    "Subset",
    "TensorDataset",
    "ToFloat",
    "WeightedSampler",
    "WorkerError",
    "random_split",
    "transforms",
]
