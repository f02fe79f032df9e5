"""Data sets and samplers say what they hold."""

import numpy as np
import pytest

from tinytorch.data import (
    BatchSampler,
    ConcatDataset,
    RandomSampler,
    SequentialSampler,
    SimpleDataset,
    Subset,
    TensorDataset,
    WeightedSampler,
)

FOUR = TensorDataset(np.zeros((4, 2), np.float32), np.arange(4))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (FOUR, "TensorDataset(4 items; float32 (4, 2), int64 (4,))"),
        (SimpleDataset(3), "SimpleDataset(3 items; float32 (3, 2), int64 (3,))"),
        (
            Subset(FOUR, [0, 3]),
            "Subset(2 of TensorDataset(4 items; float32 (4, 2), int64 (4,)))",
        ),
        (
            ConcatDataset([SimpleDataset(1)]),
            "ConcatDataset(1 items; SimpleDataset(1 items; float32 (1, 2), int64 (1,)))",
        ),
        (SequentialSampler(4), "SequentialSampler(4 items)"),
        (RandomSampler(FOUR, True, 2), "RandomSampler(2 items, replacement=True, num_samples=2)"),
        (
            WeightedSampler([1, 2]),
            "WeightedSampler(2 items, replacement=True, num_samples=2)",
        ),
        (
            BatchSampler(SequentialSampler(4), 2),
            "BatchSampler(SequentialSampler(4 items), batch_size=2, drop_last=False)",
        ),
    ],
)
def test_a_repr_tells_what_is_held(value, text):
    assert repr(value) == text
