"""A folder of shards gives the items that were written, or an error that names the file."""

import json
import subprocess
import sys
import threading
from multiprocessing.reduction import ForkingPickler

import numpy as np
import pytest

from tinytorch.data import (
    DamagedFileError,
    DataLoader,
    ShardedDataset,
    ShardSampler,
    Subset,
    TensorDataset,
    _shards,
    write_shards,
)
from tinytorch.data.transforms import Normalize
from tinytorch.tensor import Tensor
from tinytorch.tensor.errors import ArgumentError, DTypeError, FileError, ShapeError

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (25, 3, 4, 4), dtype=np.uint8)
LABELS = np.arange(25)


class Items(list):
    """A data set in its least form."""


@pytest.fixture
def folder(tmp_path):
    """25 images and labels in three shards."""
    folder = tmp_path / "new" / "shards"
    write_shards(TensorDataset(IMAGES, LABELS), folder, size=10)
    return folder


def test_items_come_back(folder):
    dataset = ShardedDataset(folder)
    assert len(dataset) == 25
    assert dataset.lengths.tolist() == [10, 10, 5]
    assert repr(dataset) == "ShardedDataset(25 items in 3 shards)"
    for index in (0, 9, 10, 24, -1, -25):
        image, label = dataset[index]
        assert isinstance(image, Tensor)
        np.testing.assert_array_equal(image.numpy(), IMAGES[index])
        assert label.item() == LABELS[index]


@pytest.mark.parametrize("indices", [[], [3], [24, 0, 10, 9, 9, -1], range(25)])
def test_batches_come_in_the_order_asked_for(folder, indices):
    images, labels = ShardedDataset(folder).__getitems__(list(indices))
    chosen = np.array(indices, np.int64)
    np.testing.assert_array_equal(images, IMAGES[chosen])
    np.testing.assert_array_equal(labels, LABELS[chosen])
    assert (images.dtype, labels.dtype) == (np.uint8, np.int64)


@pytest.mark.parametrize("index", [25, -26])
def test_an_index_beyond_the_items_is_refused(folder, index):
    with pytest.raises(IndexError, match="index") as caught:
        ShardedDataset(folder)[index]
    assert caught.value.operation == "ShardedDataset"


@pytest.mark.parametrize(
    ("items", "form"),
    [
        ([np.full(2, number, np.float32) for number in range(7)], "array"),
        ([number / 2 for number in range(7)], "array"),
        ([(np.full(2, number), number) for number in range(7)], "tuple"),
        ([{"ids": np.full(3, number), "mask": number % 2 == 0} for number in range(7)], "dict"),
        ([(np.zeros((0, 3)), number) for number in range(7)], "tuple"),
    ],
)
def test_items_keep_their_form(tmp_path, items, form):
    write_shards(Items(items), tmp_path, size=3)
    dataset = ShardedDataset(tmp_path)
    for item, expected in zip(dataset, items, strict=True):
        pairs = [(item, expected)]
        if form == "dict":
            assert item.keys() == expected.keys()
            pairs = [(item[key], expected[key]) for key in expected]
        elif form == "tuple":
            assert isinstance(item, tuple)
            pairs = list(zip(item, expected, strict=True))
        for found, wanted in pairs:
            np.testing.assert_array_equal(found.numpy(), wanted)


def test_the_files_are_numpys_own(folder):
    files = sorted(file.name for file in folder.iterdir())
    assert files == sorted(
        ["index.json", *(f"00000{shard}-{field}.npy" for shard in range(3) for field in range(2))]
    )
    np.testing.assert_array_equal(np.load(folder / "000001-0.npy"), IMAGES[10:20])


def test_own_and_loader_transforms_get_the_first_field(folder):
    half = Normalize([0.5] * 3, [0.5] * 3)
    dataset = ShardedDataset(folder, transform=half)
    np.testing.assert_allclose(dataset[3][0].numpy(), IMAGES[3] / 127.5 - 1, atol=1e-6)
    ((images, labels),) = DataLoader(dataset, 25, transform=lambda images: -images)
    np.testing.assert_allclose(images.numpy(), 1 - IMAGES / 127.5, atol=1e-6)
    assert labels.tolist() == LABELS.tolist()


@pytest.mark.parametrize("settings", [{}, {"num_workers": 2}])
def test_a_loader_shuffles_them_like_memory(folder, settings):
    def epochs(dataset):
        loader = DataLoader(dataset, 4, shuffle=True, rng=0, **settings)
        return [[label.tolist() for _, label in loader] for _ in range(2)]

    assert epochs(ShardedDataset(folder)) == epochs(TensorDataset(IMAGES, LABELS))


def test_a_subset_of_shards(folder):
    images, labels = Subset(ShardedDataset(folder), [24, 2]).__getitems__([0, 1])
    np.testing.assert_array_equal(images, IMAGES[[24, 2]])
    assert labels.tolist() == [24, 2]


def test_few_maps_and_little_memory_give_the_same(folder, monkeypatch):
    monkeypatch.setattr(_shards, "MOST_MAPPED", 1)
    monkeypatch.setattr(_shards, "KEPT_BYTES", 1)
    dataset = ShardedDataset(folder)
    order = RNG.permutation(25)
    for _ in range(3):
        np.testing.assert_array_equal(dataset.__getitems__(order)[0], IMAGES[order])
    assert len(dataset._mapped) == 1


def test_threads_read_side_by_side(folder, monkeypatch):
    monkeypatch.setattr(_shards, "MOST_MAPPED", 2)
    monkeypatch.setattr(_shards, "KEPT_BYTES", 1 << 20)
    dataset = ShardedDataset(folder)
    wrong = []

    def read(seed):
        rng = np.random.default_rng(seed)
        for _ in range(50):
            order = rng.permutation(25)
            if not np.array_equal(dataset.__getitems__(order)[0], IMAGES[order]):
                wrong.append(order)

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.skipif(sys.platform != "linux", reason="reads the memory in use from Linux's /proc")
def test_reading_in_any_order_takes_bounded_memory(tmp_path):
    program = """
import sys, numpy as np
from tinytorch.data import ShardedDataset, TensorDataset, _shards, write_shards
_shards.KEPT_BYTES = 1 << 24
write_shards(TensorDataset(np.zeros((4000, 20_000), np.uint8)), sys.argv[1], size=500)
def resident():
    with open("/proc/self/status") as status:
        return sum(int(line.split()[1]) for line in status if line.startswith("RssFile"))
dataset, before, most = ShardedDataset(sys.argv[1]), resident(), 0
order = np.random.default_rng(0).permutation(4000)
for start in range(0, 4000, 4):
    dataset.__getitems__(order[start : start + 4])
    most = max(most, resident() - before)
print(most)
"""
    output = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert int(output.stdout) < 40_000  # kilobytes, of 80,000


def test_it_goes_to_another_process_without_what_is_mapped(folder):
    dataset = ShardedDataset(folder, transform=Normalize([0.5] * 3, [0.5] * 3))
    dataset[0]
    sent = ForkingPickler.dumps(dataset)
    assert len(sent) < 1000
    np.testing.assert_array_equal(ForkingPickler.loads(sent)[7][0].numpy(), dataset[7][0].numpy())


def test_a_shard_sampler_mixes_a_few_shards_at_a_time(folder):
    sampler = ShardSampler(ShardedDataset(folder), shards=2)
    assert len(sampler) == 25
    order = sampler.order(rng=0)
    assert sorted(order.tolist()) == list(range(25))
    assert order.tolist() == sampler.order(rng=0).tolist() != sampler.order(rng=1).tolist()
    shards = np.searchsorted([10, 20], order, side="right").tolist()
    assert len(set(shards[:15])) == 2
    assert len(set(shards[20:])) == 1
    assert np.count_nonzero(np.diff(shards[:15])) > 2
    alone = ShardSampler(ShardedDataset(folder), shards=1).order(rng=0)
    changes = np.count_nonzero(np.diff(np.searchsorted([10, 20], alone, side="right")))
    assert changes == 2
    assert sorted(ShardSampler(ShardedDataset(folder))) == list(range(25))


def test_a_loader_takes_a_shard_sampler(folder):
    dataset = ShardedDataset(folder)
    loader = DataLoader(dataset, 4, sampler=ShardSampler(dataset, shards=2), rng=0)
    first, second = ([label for _, labels in loader for label in labels.tolist()] for _ in "12")
    assert sorted(first) == sorted(second) == list(range(25))
    assert first != second


@pytest.mark.parametrize("shards", [0, 1.5, True])
def test_a_shard_sampler_mixes_one_shard_at_least(folder, shards):
    with pytest.raises(ArgumentError, match="shards"):
        ShardSampler(ShardedDataset(folder), shards=shards)


@pytest.mark.parametrize("size", [0, -1, 2.5, None])
def test_a_shard_holds_one_item_at_least(tmp_path, size):
    with pytest.raises(ArgumentError, match="size") as caught:
        write_shards(Items([1]), tmp_path, size)
    assert caught.value.operation == "write_shards"


def test_an_empty_data_set_is_refused(tmp_path):
    with pytest.raises(ArgumentError, match="length 0"):
        write_shards(Items([]), tmp_path, 3)


@pytest.mark.parametrize(
    ("items", "error", "message"),
    [
        (["a", "b", "c"], DTypeError, "object"),
        ([(1, "a")] * 3, DTypeError, "field 1"),
        ([(1, (2, 3))] * 3, DTypeError, "field 1"),
        ([np.zeros(2), np.zeros(3), np.zeros(2)], ShapeError, "item 1"),
        ([np.zeros(2), np.zeros(2), np.zeros(3)], ShapeError, r"float64 \(3,\)"),
        ([np.zeros(2), np.zeros(2), np.zeros(2, int)], DTypeError, r"int64 \(2,\)"),
        ([(1, 2), (1, 2), (1, 2, 3)], ShapeError, "tuple of 0: int64"),
        ([{"a": 1}, {"a": 1}, {"b": 1}], ShapeError, "dict of b: int64"),
        ([(1,), (1,), 1], DTypeError, "array of 0: int64"),
    ],
)
def test_items_of_several_forms_and_other_things_than_numbers_are_refused(
    tmp_path, items, error, message
):
    with pytest.raises(error, match=message) as caught:
        write_shards(Items(items), tmp_path / "new", 2)
    assert caught.value.operation == "write_shards"
    with pytest.raises(FileError, match="no such file"):
        ShardedDataset(tmp_path / "new")


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(FileError, match="empty folder") as caught:
        write_shards(Items([1]), tmp_path, 1)
    assert caught.value.file == tmp_path
    assert [file.name for file in tmp_path.iterdir()] == ["mine"]
    with pytest.raises(FileError, match="writable"):
        write_shards(Items([1]), tmp_path / "mine", 1)


@pytest.mark.parametrize("change", [lambda c: c[:-1], lambda c: c + b"x", lambda c: c[:20]])
def test_a_file_of_another_size_is_damaged(folder, change):
    file = folder / "000001-0.npy"
    file.write_bytes(change(file.read_bytes()))
    dataset = ShardedDataset(folder)
    dataset[0]
    with pytest.raises(DamagedFileError) as caught:
        dataset[10]
    assert caught.value.file == file
    assert caught.value.operation == "ShardedDataset"


@pytest.mark.parametrize(
    "array",
    [
        IMAGES[:9],
        IMAGES[:10].astype(np.int8),
        np.asfortranarray(IMAGES[:10]),
        np.array([{}], object),
    ],
)
def test_a_file_of_another_array_is_damaged(folder, array):
    file = folder / "000000-0.npy"
    np.save(file, array)
    with pytest.raises(DamagedFileError, match=r"uint8 \(10, 3, 4, 4\)") as caught:
        ShardedDataset(folder)[0]
    assert caught.value.file == file


def test_a_wrong_bit_is_found_where_it_is_looked_for(folder):
    dataset = ShardedDataset(folder)
    dataset.verify()
    file = folder / "000002-1.npy"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(DamagedFileError, match="sha256") as caught:
        dataset.verify()
    assert caught.value.file == file
    file.unlink()
    with pytest.raises(FileError, match="No such file"):
        dataset.verify()


def test_mutated_headers_are_read_or_located(folder):
    file = folder / "000000-0.npy"
    content = file.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(200):
        broken = bytearray(content)
        for place in rng.integers(0, 128, rng.integers(1, 4)):
            broken[place] = rng.integers(256)
        file.write_bytes(broken)
        try:
            image, _ = ShardedDataset(folder)[0]
        except DamagedFileError as error:
            located = error.file
        else:
            located = file
            np.testing.assert_array_equal(image.numpy(), IMAGES[0])
        assert located == file


def change(**parts):
    return lambda index: {**index, **parts}


@pytest.mark.parametrize(
    "broken",
    [
        change(form="list"),
        change(form="array"),
        change(fields=[]),
        change(fields={}),
        change(fields=[{"name": "0", "dtype": "|O", "shape": []}] * 2),
        change(fields=[{"name": "0", "dtype": "i4,i4", "shape": []}] * 2),
        change(fields=[{"name": "0", "dtype": 3, "shape": []}] * 2),
        change(fields=[{"name": "0", "dtype": "<f4", "shape": [-1]}] * 2),
        change(fields=[{"name": "0", "dtype": "<f4", "shape": [2.5]}] * 2),
        change(fields=[{"name": "0", "dtype": "<f4", "shape": [float("inf")]}] * 2),
        change(fields=[{"name": "0", "dtype": "<f4"}] * 2),
        change(fields=[{"name": "0", "dtype": "<f4", "shape": [10**30]}] * 2),
        change(shards=[]),
        change(shards=[{"items": 0, "sha256": ["", ""]}]),
        change(shards=[{"items": 10, "sha256": ["0" * 64]}]),
        change(shards=[{"items": "10", "sha256": ["", ""]}]),
        lambda index: [index],
        lambda index: {},
    ],
)
def test_a_damaged_index_is_named(folder, broken):
    file = folder / "index.json"
    file.write_text(json.dumps(broken(json.loads(file.read_text()))))
    with pytest.raises(DamagedFileError, match="an index of shards") as caught:
        ShardedDataset(folder)
    assert caught.value.file == file


@pytest.mark.parametrize("text", [b"", b"\xff", b"[" * 100_000, b'{"a": 1' + b"9" * 5000 + b"}"])
def test_an_index_that_is_no_json_is_named(folder, text):
    (folder / "index.json").write_bytes(text)
    with pytest.raises(DamagedFileError):
        ShardedDataset(folder)


def test_an_index_of_a_later_version_says_so(folder):
    file = folder / "index.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "version": 2}))
    with pytest.raises(FileError, match="version 2") as caught:
        ShardedDataset(folder)
    assert not isinstance(caught.value, DamagedFileError)


def test_an_index_may_claim_any_size_and_takes_no_memory(folder):
    file = folder / "index.json"
    index = json.loads(file.read_text())
    index["fields"][0]["shape"] = [10**12]
    file.write_text(json.dumps(index))
    with pytest.raises(DamagedFileError):
        ShardedDataset(folder)[0]
