"""What the contract tests share: items to load, and failures that say what is likely wrong."""

import numpy as np
import pytest


def plain(value):
    """Tensors and arrays as lists, with few digits; tuples and dicts likewise, at any depth."""
    if isinstance(value, tuple | list):
        return [plain(part) for part in value]
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if hasattr(value, "shape"):
        array = np.asarray(value)
        return array.astype(float).round(4).tolist() if array.dtype.kind == "f" else array.tolist()
    return round(value, 4) if isinstance(value, float) else value


@pytest.fixture
def expect():
    """Gives `expect(got, wanted, mistake, row)`: equal values, or what may be the mistake."""

    def expect(got, wanted, mistake, row):
        __tracebackhide__ = True
        got, wanted = plain(got), plain(wanted)
        if got != wanted:
            pytest.fail(
                f"\n  expected: {wanted}\n  got:      {got}"
                f"\n  perhaps:  {mistake}\n  contract: {row}"
            )

    return expect


class Rows:
    """A data set in its least form: item i is ([i, i, i], 10 i)."""

    def __init__(self, count=7):
        self.count = count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        if not 0 <= index < self.count:
            raise IndexError(index)
        return np.full(3, index, np.float32), 10 * index


@pytest.fixture
def rows():
    """Make a data set of so many rows."""
    return Rows


@pytest.fixture
def images():
    """Bytes, (batch, channels, height, width): 40 images, no two pixels of a channel alike."""
    pixels = np.stack([np.random.default_rng(n).permutation(64) for n in range(40)])
    return (pixels.reshape(40, 1, 8, 8) + np.array([0, 64, 128]).reshape(1, 3, 1, 1)).astype(
        np.uint8
    )
