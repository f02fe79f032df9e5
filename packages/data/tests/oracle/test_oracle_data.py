"""Neighbors: data sets of other libraries in our loader, ours in theirs, parts that they divide."""

import datasets
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.model_selection import KFold, train_test_split

from tinytorch.data import DataLoader, Digits, Subset, TensorDataset
from tinytorch.tensor import Tensor

IMAGES = np.arange(7 * 4, dtype=np.float32).reshape(7, 2, 2)
LABELS = np.arange(7) % 3


def batches(dataset, **settings):
    """All batches of a data set, their fields as arrays."""
    found = list(DataLoader(dataset, batch_size=3, **settings))
    assert all(isinstance(field, Tensor) for batch in found for field in batch)
    return [tuple(np.asarray(field) for field in batch) for batch in found]


def assert_all_there(found):
    """The batches hold all images and labels, in order."""
    images, labels = (np.concatenate(fields) for fields in zip(*found, strict=True))
    np.testing.assert_array_equal(images, IMAGES)
    np.testing.assert_array_equal(labels, LABELS)


class Torch(torch.utils.data.Dataset):
    """A data set of torch: tensors and Python numbers."""

    def __len__(self):
        return len(IMAGES)

    def __getitem__(self, i):
        return torch.from_numpy(IMAGES[i]), int(LABELS[i])


class Vision(torch.utils.data.Dataset):
    """Like those of torchvision: pairs, made by two transforms."""

    def __init__(self, transform=None, target_transform=None):
        self.transform, self.target_transform = transform, target_transform

    def __len__(self):
        return len(IMAGES)

    def __getitem__(self, i):
        image, label = IMAGES[i], int(LABELS[i])
        image = image if self.transform is None else self.transform(image)
        return image, label if self.target_transform is None else self.target_transform(label)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize(
    "dataset",
    [
        Torch(),
        Vision(),
        Vision(transform=torch.from_numpy, target_transform=torch.tensor),
        torch.utils.data.TensorDataset(torch.from_numpy(IMAGES), torch.from_numpy(LABELS)),
        torch.utils.data.Subset(Torch(), range(7)),
    ],
    ids=["torch", "pairs", "pairs-of-tensors", "TensorDataset", "Subset"],
)
def test_a_data_set_of_torch_in_our_loader(dataset, workers):
    assert_all_there(batches(dataset, num_workers=workers))


def test_rows_of_hugging_face_are_dicts_of_batches():
    rows = datasets.Dataset.from_dict({"image": IMAGES.tolist(), "label": LABELS.tolist()})
    loader = DataLoader(rows.with_format("numpy"), batch_size=3)
    assert_all_there([(np.asarray(b["image"]), np.asarray(b["label"])) for b in loader])
    assert set(next(iter(loader))) == {"image", "label"}


def test_columns_of_a_pandas_frame():
    frame = pd.DataFrame(IMAGES.reshape(7, 4)).assign(label=LABELS)
    dataset = TensorDataset(
        frame.drop(columns="label").to_numpy().reshape(IMAGES.shape), frame["label"].to_numpy()
    )
    assert_all_there(batches(dataset))


def test_a_memory_mapped_file_is_read_batch_by_batch(tmp_path):
    np.save(tmp_path / "images.npy", IMAGES)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    dataset = TensorDataset(mapped, LABELS)
    assert_all_there(batches(dataset))
    assert isinstance(mapped, np.memmap)


@pytest.mark.parametrize("workers", [0, 2])
def test_ours_in_the_loader_of_torch(workers):
    loader = torch.utils.data.DataLoader(
        TensorDataset(IMAGES, LABELS), batch_size=3, collate_fn=to_torch, num_workers=workers
    )
    found = list(loader)
    assert all(isinstance(field, torch.Tensor) for batch in found for field in batch)
    assert_all_there(found)


def to_torch(batch):
    """A batch of ours as tensors of torch: our data sets give whole batches."""
    return [torch.from_numpy(np.array(field)) for field in batch]


def test_parts_that_scikit_learn_divides():
    digits = Digits()
    first, second = train_test_split(
        range(len(digits)), test_size=0.2, stratify=digits.labels, random_state=0
    )
    train, test = Subset(digits, first), Subset(digits, second)
    assert (len(train), len(test)) == (1437, 360)
    seen = [
        np.concatenate([np.asarray(y) for _, y in DataLoader(part, 500)]) for part in (train, test)
    ]
    shares = [np.bincount(labels) / len(labels) for labels in seen]
    np.testing.assert_allclose(*shares, atol=0.01)
    folds = [Subset(digits, part) for _, part in KFold(5).split(digits.labels)]
    assert sum(map(len, folds)) == len(digits)
