"""A CIFAR-10 of a few images, for examples that go over the whole data set."""

from pathlib import Path

import pytest

SAMPLE = Path(__file__).parent / "data" / "cifar10-sample"
RECORD = 1 + 3 * 32 * 32


@pytest.fixture
def few_images(tmp_path, monkeypatch):
    """Let `CIFAR10()` read 10 training and 8 test images, cut from the sample."""
    source = SAMPLE / "cifar-10-batches-bin"
    target = tmp_path / "data" / "cifar-10-batches-bin"
    target.mkdir(parents=True)
    for path in source.iterdir():
        content = path.read_bytes()
        if path.suffix == ".bin":
            content = content[: RECORD * (8 if path.stem == "test_batch" else 2)]
        (target / path.name).write_bytes(content)
    monkeypatch.setenv("TINYTORCH_DATA", str(target.parent))
    return target.parent
