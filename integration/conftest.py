"""A CIFAR-10 of a few images, for examples that go over the whole data set."""

import pytest
from documents import cut_sample


@pytest.fixture
def few_images(tmp_path, monkeypatch):
    """Let `CIFAR10()` read 10 training and 8 test images, cut from the sample."""
    folder = cut_sample(tmp_path / "data")
    monkeypatch.setenv("TINYTORCH_DATA", str(folder))
    return folder
