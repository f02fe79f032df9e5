"""No file, however it came about, does worse to a reader than an error that names it."""

import gzip
import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tinytorch.data import CIFAR10, MNIST, DamagedFileError
from tinytorch.data.files.idx import read_idx
from tinytorch.data.files.source import Source
from tinytorch.data.files.tar import read_members

FUZZ = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
MOST_MEMORY = 4_000_000


@st.composite
def damaged(draw, content):
    """`content` with some bytes changed, a piece cut out, or another put in."""
    data = bytearray(content)
    for _ in range(draw(st.integers(0, 4))):
        if data:
            data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    start, end = sorted(draw(st.tuples(*[st.integers(0, len(data))] * 2)))
    replacement = draw(st.one_of(st.just(bytes(data[start:end])), st.binary(max_size=40)))
    return bytes(data[:start]) + replacement + bytes(data[end:])


def reads_or_locates(read, *files):
    """Run `read`; it returns, or raises the error that names the file, within little memory."""
    tracemalloc.start()
    result, problem = None, None
    try:
        result = read()
    except DamagedFileError as error:
        problem = error
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < MOST_MEMORY
    if problem is not None:
        assert problem.file in files
        assert problem.offset >= 0
        assert f"at byte {problem.offset:,} of {problem.file}" in str(problem)
    return result


IDX = bytes([0, 0, 8, 2, 0, 0, 0, 3, 0, 0, 0, 5]) + bytes(range(15))


@FUZZ
@given(data=st.data(), compressed=st.booleans())
def test_idx_files(data, compressed, tmp_path):
    kind = data.draw(st.sampled_from(["inside", "outside", "random"]))
    content = data.draw(damaged(IDX)) if kind == "inside" else IDX
    if compressed:
        content = gzip.compress(content, mtime=0)
    if kind == "outside":
        content = data.draw(damaged(content))
    if kind == "random":
        content = data.draw(st.binary(max_size=60))
    file = tmp_path / ("file.gz" if compressed else "file")
    file.write_bytes(content)
    array = reads_or_locates(lambda: read_idx(Source("test", file), shape=(None, None)), file)
    if array is not None:
        assert array.dtype == np.uint8
        assert array.ndim == 2
        assert array.size > 0


@FUZZ
@given(data=st.data())
def test_tar_archives(data, tmp_path, make):
    content = make.tar([("x", b"123"), ("folder/a", b"4" * 600), ("folder/b", b"5" * 20)])[:4096]
    kind = data.draw(st.sampled_from(["inside", "outside", "random"]))
    if kind == "inside":
        content = data.draw(damaged(content))
    compressed = gzip.compress(content, mtime=0)
    if kind == "outside":
        compressed = data.draw(damaged(compressed))
    if kind == "random":
        compressed = gzip.compress(data.draw(st.binary(max_size=1500)), mtime=0)
    file = tmp_path / "archive.tar.gz"
    file.write_bytes(compressed)
    wanted = {"folder/a": memoryview(bytearray(600)), "folder/b": memoryview(bytearray(20))}
    reads_or_locates(lambda: read_members(Source("test", file), wanted, limit=1 << 20), file)


@FUZZ
@given(size=st.integers(0, 4 * 3073), labels=st.lists(st.integers(0, 255), min_size=4, max_size=4))
def test_cifar_files(size, labels, tmp_path):
    folder = tmp_path / CIFAR10.folder
    folder.mkdir(exist_ok=True)
    records = np.zeros((4, 3073), np.uint8)
    records[:, 0] = labels
    file = folder / "test_batch.bin"
    content = records.tobytes()
    for length in {size, 3073 * (size // 3073)}:
        file.write_bytes(content[:length])
        dataset = reads_or_locates(lambda: CIFAR10(tmp_path, train=False, download=False), file)
        count, rest = divmod(length, 3073)
        sound = count > 0 and rest == 0 and max(labels[:count]) < 10
        assert (dataset is not None) == sound
        if sound:
            assert dataset.labels.tolist() == labels[:count]


@settings(FUZZ, max_examples=50)
@given(data=st.data())
def test_mnist_files(data, tmp_path, make):
    folder = tmp_path / MNIST.folder
    folder.mkdir(parents=True, exist_ok=True)
    images, labels = (folder / remote.name for remote in MNIST.remotes[False])
    contents = [make.idx(np.zeros((3, 28, 28), np.uint8)), make.idx(np.arange(3, dtype=np.uint8))]
    broken = data.draw(st.sampled_from([0, 1]))
    contents[broken] = data.draw(damaged(contents[broken]))
    images.write_bytes(gzip.compress(contents[0], mtime=0))
    labels.write_bytes(gzip.compress(contents[1], mtime=0))
    dataset = reads_or_locates(lambda: MNIST(tmp_path, train=False, download=False), images, labels)
    if dataset is not None:
        assert dataset.labels.max() < 10
        assert dataset.images.shape == (len(dataset), 1, 28, 28)


@pytest.mark.parametrize("length", [1 << 31, 1 << 27])
def test_a_compressed_header_that_claims_too_much(length, tmp_path):
    file = tmp_path / "file.gz"
    content = bytes([0, 0, 8, 1]) + length.to_bytes(4, "big") + bytes(100_000)
    file.write_bytes(gzip.compress(content))
    assert reads_or_locates(lambda: read_idx(Source("test", file), shape=(None,)), file) is None
