"""Data sets of files: what stands in a file of known bytes comes out as those pixels and labels."""

import gzip
import struct

import numpy as np
import pytest

CIFAR = [
    (
        "CIFAR10",
        "cifar-10-batches-bin",
        [f"data_batch_{n}.bin" for n in range(1, 6)],
        "test_batch.bin",
    ),
    ("CIFAR100", "cifar-100-binary", ["train.bin"], "test.bin"),
]


def named(name):
    """A public name of the layer, so that a layer without it fails only the tests that use it."""
    from tinytorch import data

    return getattr(data, name)


def same(found, expected, likely):
    """Compare exactly, and say what the likely mistake is."""
    __tracebackhide__ = True
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape, (
        f"expected the shape {expected.shape}, got {found.shape}; likely: {likely}"
    )
    if not np.array_equal(found, expected):
        place = tuple(int(axis[0]) for axis in np.nonzero(found != expected))
        pytest.fail(f"at {place} expected {expected[place]}, got {found[place]}; likely: {likely}")


def idx(array):
    """The bytes of an idx file of unsigned bytes."""
    return (
        bytes([0, 0, 8, array.ndim])
        + struct.pack(f">{array.ndim}I", *array.shape)
        + array.tobytes()
    )


@pytest.fixture
def mnist(tmp_path):
    """A folder with 300 and 7 images in MNIST's files; gives its root, images and labels."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "MNIST" / "raw"
    folder.mkdir(parents=True)
    known = {}
    for train, part, count in ((True, "train", 300), (False, "t10k", 7)):
        images = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        labels = rng.integers(0, 10, count).astype(np.uint8)
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images)))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(idx(labels))
        known[train] = images, labels
    return tmp_path, known


@pytest.fixture(params=CIFAR, ids=["CIFAR10", "CIFAR100"])
def cifar(request, tmp_path):
    """A folder with 3 records in each of CIFAR's files: its class, root, pixels, label bytes."""
    name, folder, train_files, test_file = request.param
    rng = np.random.default_rng(0)
    width = 1 if name == "CIFAR10" else 2
    (tmp_path / folder).mkdir()
    known = {}
    for train, files in ((True, train_files), (False, [test_file])):
        records = rng.integers(0, 256, (3 * len(files), width + 3072), dtype=np.uint8)
        records[:, 0] = np.arange(len(records)) % (10 if width == 1 else 20)
        records[:, width - 1] = np.arange(len(records))[::-1] % (10 if width == 1 else 100)
        for file, part in zip(files, np.split(records, len(files)), strict=True):
            (tmp_path / folder / file).write_bytes(part.tobytes())
        known[train] = records[:, width:].reshape(-1, 3, 32, 32), records[:, :width]
    return named(name), tmp_path, known


@pytest.mark.step(6)
@pytest.mark.parametrize("train", [True, False])
def test_mnists_pixels_are_those_of_the_file(mnist, train):
    root, known = mnist
    dataset = named("MNIST")(root, train, download=False)
    images, labels = known[train]
    same(
        dataset.images,
        images[:, None],
        "idx lengths are big-endian; gray images have one channel, before height and width; "
        "train=True is the train- files  [contract: MNIST]",
    )
    same(dataset.labels, labels, "labels stand in a file of their own  [contract: MNIST]")


@pytest.mark.step(6)
@pytest.mark.parametrize("train", [True, False])
def test_cifars_pixels_are_those_of_the_file(cifar, train):
    kind, root, known = cifar
    images, _ = known[train]
    same(
        kind(root, train, download=False).images,
        images,
        "a record is its label bytes, then 1,024 red, 1,024 green and 1,024 blue pixels; the "
        "files come in the order of their numbers  [contract: CIFAR10]",
    )


@pytest.mark.step(6)
@pytest.mark.parametrize("train", [True, False])
def test_cifars_labels_are_those_of_the_file(cifar, train):
    kind, root, known = cifar
    _, labels = known[train]
    same(
        kind(root, train, download=False).labels,
        labels[:, -1],
        "a record of CIFAR-10 begins with its label, one of CIFAR-100 with the coarse and then "
        "the fine one; 100 classes are the fine ones  [contract: CIFAR100]",
    )


@pytest.mark.step(6)
def test_coarse_labels_are_the_first_byte(tmp_path):
    records = np.zeros((3, 3074), np.uint8)
    records[:, :2] = [[1, 50], [2, 60], [3, 70]]
    (tmp_path / "cifar-100-binary").mkdir()
    (tmp_path / "cifar-100-binary" / "test.bin").write_bytes(records.tobytes())
    dataset = named("CIFAR100")(tmp_path, train=False, download=False, coarse=True)
    same(dataset.labels, [1, 2, 3], "coarse=True takes the first label byte  [contract: CIFAR100]")


def test_labels_are_int64(mnist, cifar):
    kind, root, _ = cifar
    for dataset in (
        named("MNIST")(mnist[0], download=False),
        kind(root, download=False),
        named("Digits")(),
        named("ImageDataset")(np.zeros((1, 1, 2, 2), np.uint8), np.zeros(1, np.uint8)),
    ):
        assert dataset.labels.dtype == np.int64, (
            f"expected labels of int64, got {dataset.labels.dtype}: with uint8, 255 + 1 is 0 "
            f"[contract: {type(dataset).__name__}]"
        )


@pytest.mark.step(6)
def test_a_cut_idx_file_is_refused(mnist):
    root, _ = mnist
    file = root / "MNIST" / "raw" / "train-labels-idx1-ubyte"
    content = file.read_bytes()
    for broken in (content[:-1], content + b"\0", b"\0\0\x09\x01" + content[4:], b""):
        file.write_bytes(broken)
        with pytest.raises(named("DamagedFileError")) as caught:
            named("MNIST")(root, download=False)
        assert caught.value.file == file, "the error's `file` is the damaged one"


@pytest.mark.step(6)
def test_a_cut_compressed_file_is_refused(mnist):
    root, known = mnist
    file = root / "MNIST" / "raw" / "train-images-idx3-ubyte.gz"
    whole = idx(known[True][0])
    for broken in (gzip.compress(whole[:-1]), gzip.compress(whole)[:-9]):
        file.write_bytes(broken)
        with pytest.raises(named("DamagedFileError")):
            named("MNIST")(root, download=False)


@pytest.mark.step(6)
def test_images_without_labels_are_refused(mnist):
    root, known = mnist
    file = root / "MNIST" / "raw" / "train-labels-idx1-ubyte"
    file.write_bytes(idx(known[True][1][:-1]))
    with pytest.raises(named("DamagedFileError")):
        named("MNIST")(root, download=False)


@pytest.mark.step(6)
@pytest.mark.parametrize("change", [lambda b: b[:-1], lambda b: b + b"\0", lambda b: b""])
def test_a_cut_cifar_file_is_refused(cifar, change):
    kind, root, _ = cifar
    (file,) = [*root.rglob("test*.bin")]
    file.write_bytes(change(file.read_bytes()))
    with pytest.raises(named("DamagedFileError")) as caught:
        kind(root, train=False, download=False)
    assert caught.value.file == file, "the error's `file` is the damaged one"


@pytest.mark.step(6)
def test_a_label_beyond_the_classes_is_refused(cifar, mnist):
    kind, root, _ = cifar
    (file,) = [*root.rglob("test*.bin")]
    record = 3072 + (2 if kind.__name__ == "CIFAR100" else 1)
    content = bytearray(file.read_bytes())
    content[record : record + record - 3072] = bytes([len(kind.classes)] * (record - 3072))
    file.write_bytes(content)
    with pytest.raises(named("DamagedFileError")):
        kind(root, train=False, download=False)
    labels = mnist[0] / "MNIST" / "raw" / "t10k-labels-idx1-ubyte"
    labels.write_bytes(labels.read_bytes()[:-1] + b"\x0a")
    with pytest.raises(named("DamagedFileError")):
        named("MNIST")(mnist[0], train=False, download=False)


@pytest.mark.parametrize("name", ["MNIST", "FashionMNIST", "CIFAR10", "CIFAR100"])
def test_what_is_not_there_and_may_not_be_fetched_is_an_error(name, tmp_path, monkeypatch):
    from tinytorch.tensor.errors import FileError

    monkeypatch.setenv("TINYTORCH_OFFLINE", "1")
    with pytest.raises(FileError) as caught:
        named(name)(tmp_path, download=False)
    assert not isinstance(caught.value, named("DownloadError")), "download=False asks no server"
    assert not [*tmp_path.iterdir()], "download=False leaves the folder as it is"


def test_the_folder_is_the_argument_then_the_variable(monkeypatch, tmp_path):
    monkeypatch.setenv("TINYTORCH_DATA", str(tmp_path / "variable"))
    data_root = named("data_root")
    assert data_root(tmp_path) == tmp_path, "an argument goes before $TINYTORCH_DATA"
    assert data_root() == tmp_path / "variable", "$TINYTORCH_DATA goes before the cache folder"


@pytest.mark.parametrize(
    ("train", "items", "first"), [(None, 1797, 0), (True, 1437, 0), (False, 360, 1437)]
)
def test_digits_are_divided_in_two(train, items, first):
    digits = named("Digits")
    part, whole = digits(train), digits()
    assert len(part) == items, "Digits: 1,437 to train, the other 360 to test"
    same(
        part.images,
        whole.images[first : first + items],
        "train=False is the images that train=True leaves  [contract: Digits]",
    )
    same(part.labels, whole.labels[first : first + items], "labels go with their images")


def test_a_digit_is_spread_over_the_bytes():
    images = named("Digits")().images
    same(
        np.unique(images),
        (np.arange(17) * 255 + 8) // 16,
        "the 17 levels 0..16 become 0..255, to the nearest whole number  [contract: Digits]",
    )


@pytest.fixture
def known():
    """Six images of one pixel, worth 0, 51, ..., 255, with labels 5, 4, ..., 0."""
    images = (np.arange(6) * 51).astype(np.uint8).reshape(6, 1, 1, 1)
    return images, np.arange(6)[::-1]


@pytest.mark.parametrize("indices", [[0, 1, 2], [4, 0, 3], [5, 5], [-1, -6]])
def test_images_and_labels_stay_pairs(known, indices):
    images, labels = named("ImageDataset")(*known).__getitems__(indices)
    same(labels, known[1][indices], "the batch is not in the order of the indices  [ImageDataset]")
    np.testing.assert_allclose(
        images[:, 0, 0, 0],
        np.asarray(indices) % 6 / 5,
        rtol=1e-6,
        err_msg="bytes are divided by 255, and in the order of the indices  [ImageDataset]",
    )
    assert images.dtype == np.float32, f"expected float32, got {images.dtype}  [ImageDataset]"


def test_an_item_is_a_row_of_the_batch(known):
    dataset = named("ImageDataset")(*known)
    image, label = dataset[4]
    assert image.shape == (1, 1, 1), "an item has no axis for the batch  [ImageDataset]"
    assert int(label) == 1, "item i has label i  [ImageDataset]"
    assert image.item() == pytest.approx(0.8), "255 becomes 1  [ImageDataset]"


def test_own_and_loader_transforms_work_one_after_the_other(known):
    from tinytorch.data import DataLoader

    dataset = named("ImageDataset")(*known, transform=lambda images: 255 - images)
    ((images, _),) = DataLoader(dataset, 6, transform=lambda images: images // 51 * 51 // 2 * 2)
    np.testing.assert_allclose(
        images.numpy().ravel() * 255,
        (np.arange(6)[::-1] * 51) // 2 * 2,
        atol=1e-4,
        err_msg="the data set's own transform gets the bytes, the loader's what that gives; "
        "what is still bytes then is divided by 255  [contract: ImageDataset]",
    )


def test_a_random_transform_gets_the_loaders_generator(known):
    from tinytorch.data import DataLoader

    class Noise:
        random = True

        def __call__(self, images, *, rng):
            return images + rng.normal(size=images.shape)

    def run():
        dataset = named("ImageDataset")(*known, transform=Noise())
        return [images.numpy().tolist() for images, _ in DataLoader(dataset, 2, rng=0)]

    assert run() == run(), "a data set hands rng on to its own random transform  [ImageDataset]"


def test_memory_is_shared_and_not_to_be_written_to(known):
    dataset = named("ImageDataset")(*known)
    assert np.shares_memory(dataset.images, known[0]), "images are shared, not copied"
    assert not dataset.images.flags.writeable, "images are not to be written to"
    known[0].flat[0] = 7  # the caller's own array stays writable


@pytest.mark.parametrize(
    ("images", "labels", "error"),
    [
        (np.zeros((2, 2, 2), np.uint8), [0, 1], ValueError),
        (np.zeros((2, 1, 2, 2), np.uint8), [0, 1, 2], ValueError),
        (np.zeros((2, 1, 2, 2), np.float32), [0, 1], TypeError),
        (np.zeros((2, 1, 2, 2), np.uint8), [0.0, 1.0], TypeError),
    ],
)
def test_images_and_labels_that_do_not_fit_are_refused(images, labels, error):
    with pytest.raises(error):
        named("ImageDataset")(images, labels)


@pytest.fixture
def photographs(tmp_path):
    """A cat in red and dogs in green and blue, 2 x 3 pixels, and a folder that does not count."""
    pillow = pytest.importorskip("PIL.Image", reason="needs the extra `images` (Pillow)")
    for name, color in {
        "cat/b.png": (255, 0, 0),
        "dog/deep/a.png": (0, 255, 0),
        "dog/c.bmp": (0, 0, 255),
        ".hidden/d.png": (9, 9, 9),
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        pillow.new("RGB", (3, 2), color).save(tmp_path / name)
    return tmp_path


def test_a_folder_is_a_class(photographs):
    dataset = named("ImageFolder")(photographs)
    assert tuple(dataset.classes) == ("cat", "dog"), "classes are the folders' names, sorted"
    same(dataset.labels, [0, 1, 1], "a label is the place of its folder  [contract: ImageFolder]")
    images, _ = dataset.__getitems__([0, 1, 2])
    assert images.shape == (3, 3, 2, 3), "images are (channels, height, width)  [ImageFolder]"
    colors = {"b.png": [1, 0, 0], "a.png": [0, 1, 0], "c.bmp": [0, 0, 1]}
    expected = [colors[file.name] for file in dataset.files]
    same(images[:, :, 1, 2], expected, "channels are red, green, blue, from 0 to 1  [ImageFolder]")


def test_images_are_brought_to_a_size(photographs):
    images, _ = named("ImageFolder")(photographs, size=(5, 4)).__getitems__([0, 1])
    assert images.shape == (2, 3, 5, 4), "size is (height, width)  [contract: ImageFolder]"


def test_sixteen_bits_are_kept(tmp_path):
    pillow = pytest.importorskip("PIL.Image", reason="needs the extra `images` (Pillow)")
    levels = np.arange(0, 65536, 257, dtype=np.uint16)[None]
    (tmp_path / "class").mkdir()
    pillow.fromarray(levels + np.uint16(100) * (levels < 60000)).save(tmp_path / "class" / "1.png")
    image = named("ImageFolder")(tmp_path)[0][0].numpy()
    np.testing.assert_allclose(
        image,
        np.stack([(levels + 100.0 * (levels < 60000)) / 65535] * 3),
        rtol=1e-6,
        err_msg="one channel of 16 bits is divided by 65,535, thrice  [contract: ImageFolder]",
    )


def test_a_class_without_images_is_refused_or_keeps_its_place(photographs):
    from tinytorch.tensor.errors import FileError

    (photographs / "cow").mkdir()
    with pytest.raises(FileError):
        named("ImageFolder")(photographs)
    dataset = named("ImageFolder")(photographs, allow_empty=True)
    same(dataset.labels, [0, 2, 2], "an empty class keeps its place  [contract: ImageFolder]")


@pytest.fixture
def shards(tmp_path):
    """23 pairs of an image and a number, in shards of 5."""
    from tinytorch.data import TensorDataset

    images = np.random.default_rng(0).integers(0, 256, (23, 1, 2, 2), dtype=np.uint8)
    named("write_shards")(TensorDataset(images, np.arange(23)), tmp_path / "new", size=5)
    return tmp_path / "new", images


@pytest.mark.parametrize("indices", [range(23), [22, 0, 4, 5, 5, 21, -1], []])
def test_shards_give_what_was_written_in_any_order(shards, indices):
    folder, images = shards
    dataset = named("ShardedDataset")(folder)
    assert len(dataset) == 23, "the last shard is smaller  [contract: write_shards]"
    same(dataset.lengths, [5, 5, 5, 5, 3], "`lengths` has the items of each shard")
    found, numbers = dataset.__getitems__(list(indices))
    chosen = np.array(indices, np.int64) % 23
    same(numbers, chosen, "items are counted through all shards  [contract: ShardedDataset]")
    same(found, images[chosen], "rows belong to the indices in their order  [ShardedDataset]")


def test_a_changed_shard_is_found_by_its_checksum(shards):
    folder, _ = shards
    dataset = named("ShardedDataset")(folder)
    dataset.verify()
    file = sorted(folder.glob("*.npy"))[3]
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(named("DamagedFileError")):
        dataset.verify()


def test_a_folder_with_something_in_it_is_not_written_to(tmp_path):
    from tinytorch.tensor.errors import FileError

    (tmp_path / "mine").touch()
    with pytest.raises(FileError):
        named("write_shards")(named("SimpleDataset")(4), tmp_path, 2)
    assert len([*tmp_path.iterdir()]) == 1


@pytest.mark.parametrize("mixed", [1, 2, 9])
def test_a_shard_sampler_mixes_few_shards_and_leaves_nothing_out(shards, mixed):
    sampler = named("ShardSampler")(named("ShardedDataset")(shards[0]), shards=mixed)
    order = np.asarray(sampler.order(rng=0))
    same(np.sort(order), np.arange(23), "an order is a permutation  [contract: ShardSampler]")
    groups = {shard: np.flatnonzero(order // 5 == shard) for shard in range(5)}
    window = max(places.max() - places.min() + 1 for places in groups.values())
    assert window <= 5 * mixed, f"items of {mixed} shards at a time are mixed  [ShardSampler]"
    within = [order[places] for places in groups.values()]
    assert any(np.any(np.diff(items) < 0) for items in within), (
        "items are shuffled, not only shards  [contract: ShardSampler]"
    )
    assert not np.array_equal(order, sampler.order(rng=1)), "another seed is another order"
