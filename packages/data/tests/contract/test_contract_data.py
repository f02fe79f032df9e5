"""What the upper layers rely on: run it on any implementation of the data layer."""

import json
import threading

import numpy as np
import pytest

from tinytorch.data import (
    CIFAR10,
    MNIST,
    CIFAR10Dataset,
    Compose,
    ConcatDataset,
    DataLoader,
    Dataset,
    Digits,
    MNISTDataset,
    Normalize,
    RandomCrop,
    RandomHorizontalFlip,
    SimpleDataset,
    Subset,
    TensorDataset,
    ToFloat,
    random_split,
)
from tinytorch.tensor import Tensor
from tinytorch.tensor.errors import TinyTorchError


class Words:
    """A data set in its least form."""

    def __len__(self):
        return 7

    def __getitem__(self, index):
        if not 0 <= index < 7:
            raise IndexError(index)
        return np.full(3, index, np.float32), index


def values(loader):
    return [tuple(part.numpy().tolist() for part in batch) for batch in loader]


@pytest.fixture
def cifar(tmp_path):
    """A folder with a few random records in CIFAR-10's binary layout."""
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]:
        records = rng.integers(0, 256, (4, 3073), dtype=np.uint8)
        records[:, 0] = rng.integers(0, 10, 4)
        (folder / f"{name}.bin").write_bytes(records.tobytes())
    return tmp_path


def test_a_length_and_items_make_a_dataset():
    assert isinstance(Words(), Dataset)
    batches = list(DataLoader(Words(), batch_size=3))
    assert [batch[0].shape for batch in batches] == [(3, 3), (3, 3), (1, 3)]
    assert [batch[1].tolist() for batch in batches] == [[0, 1, 2], [3, 4, 5], [6]]


def test_batches_are_pairs_of_tensors():
    for images, labels in DataLoader(Digits(), batch_size=600):
        assert isinstance(images, Tensor)
        assert isinstance(labels, Tensor)
        assert images.shape[1:] == (1, 8, 8)
        assert images.dtype == np.float32
        assert labels.dtype == np.int64
        assert len(images.shape) == 4
        assert labels.shape == images.shape[:1]
        assert 0 <= images.numpy().min() <= images.numpy().max() <= 1


def test_digits_are_all_there():
    assert len(Digits()) == 1797
    image, label = Digits()[0]
    assert image.shape == (1, 8, 8)
    assert int(label) == 0


def test_the_length_is_the_number_of_batches():
    for items, size in [(10, 3), (9, 3), (1, 5)]:
        for drop_last in (True, False):
            loader = DataLoader(SimpleDataset(items), size, drop_last=drop_last)
            assert len(loader) == len(list(loader))


def test_shuffling_changes_the_order_in_each_epoch_and_is_seeded():
    loaders = [DataLoader(SimpleDataset(40), 8, shuffle=True, rng=1) for _ in range(2)]
    first, second = ([values(loader) for _ in range(2)] for loader in loaders)
    assert first == second
    assert first[0] != first[1]


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_workers_change_nothing(workers):
    augment = Compose([RandomCrop(8, padding=1), RandomHorizontalFlip(), Normalize.of(Digits)])

    def make(**settings):
        subset = Subset(Digits(), range(30))
        return DataLoader(subset, 8, shuffle=True, transform=augment, rng=0, **settings)

    assert values(make(num_workers=workers, prefetch=2)) == values(make())


def test_leaving_a_loop_leaves_no_thread():
    before = threading.active_count()
    for _ in DataLoader(SimpleDataset(100), 2, num_workers=2):
        break
    assert threading.active_count() == before


def test_a_state_resumes_exactly():
    loader = DataLoader(SimpleDataset(20), 3, shuffle=True, rng=0)
    batches = iter(loader)
    for _ in range(4):
        next(batches)
    state = json.loads(json.dumps(loader.state_dict()))
    rest = values(batches)
    following = values(loader)
    resumed = DataLoader(SimpleDataset(20), 3, shuffle=True)
    resumed.load_state_dict(state)
    assert values(resumed) == rest
    assert values(resumed) == following


def test_cifar10(cifar):
    train, test = CIFAR10(cifar, download=False), CIFAR10(cifar, train=False, download=False)
    assert (len(train), len(test)) == (20, 4)
    image, label = train[0]
    assert image.shape == (3, 32, 32)
    assert 0 <= label < 10
    assert len(CIFAR10.classes) == 10
    assert len(CIFAR10.mean) == len(CIFAR10.std) == 3
    images, _ = next(iter(DataLoader(train, batch_size=8, transform=Normalize.of(train))))
    assert images.shape == (8, 3, 32, 32)
    assert images.dtype == np.float32


def test_the_course_text_has_its_own_names():
    assert issubclass(CIFAR10Dataset, CIFAR10)
    assert issubclass(MNISTDataset, MNIST)


def test_datasets_combine():
    train, test = random_split(SimpleDataset(10), [7, 3], rng=0)
    assert (len(train), len(test)) == (7, 3)
    both = ConcatDataset([train, test])
    assert len(both) == 10
    rows = TensorDataset(np.arange(4.0), np.arange(4))
    assert rows[2][0].item() == 2


def test_transforms_take_and_give_batches():
    images = np.random.default_rng(0).integers(0, 256, (5, 3, 8, 8), dtype=np.uint8)
    assert ToFloat()(images).dtype == np.float32
    assert Normalize([0.5] * 3, [0.5] * 3)(images).dtype == np.float32
    assert RandomCrop(8, padding=4)(images, rng=0).shape == images.shape
    assert RandomHorizontalFlip()(images, rng=0).shape == images.shape


@pytest.mark.parametrize("wrong", [{"batch_size": 0}, {"num_workers": -1}, {"prefetch": 0}])
def test_errors_belong_to_one_tree(wrong):
    with pytest.raises(TinyTorchError):
        DataLoader(SimpleDataset(3), **wrong)
    with pytest.raises(ValueError, match=next(iter(wrong))):
        DataLoader(SimpleDataset(3), **wrong)


def test_a_state_holds_seed_and_position():
    loader = DataLoader(SimpleDataset(20), 3, shuffle=True, rng=0)
    next(iter(loader))
    state = loader.state_dict()
    assert (state["epoch"], state["given"], state["batches"]) == (0, 1, 7)
    other = DataLoader(SimpleDataset(20), 3, shuffle=True, rng=1)
    other.load_state_dict({**other.state_dict(), "entropy": state["entropy"]})
    assert values(other) == values(DataLoader(SimpleDataset(20), 3, shuffle=True, rng=0))
