"""Generated points to try a loader or a classifier on, without any file."""

import numpy as np

from tinytorch.data._dataset import TensorDataset
from tinytorch.tensor import checks, random


class SimpleDataset(TensorDataset):
    """Points in clouds about a circle; the label tells the cloud.

    Items are pairs of a point `(features,)`, float32, and its label, int64.

    Args:
        n: The number of points.
        features: The coordinates of each; the circle lies in the first two.
        classes: The number of clouds.
        noise: The standard deviation of a cloud, where the circle's radius is 1.
        rng: The source of randomness; by default always the same points.

    Raises:
        ArgumentError: A number is too small, or no whole one.

    Example:
        >>> dataset = SimpleDataset(100, classes=3)
        >>> point, label = dataset[0]
        >>> point.shape, label.item() in {0, 1, 2}
        ((2,), True)
    """

    def __init__(
        self,
        n: int = 1000,
        features: int = 2,
        classes: int = 2,
        noise: float = 0.3,
        rng: np.random.Generator | int | None = 0,
    ) -> None:
        n = checks.whole("SimpleDataset", "n", n, 1)
        features = checks.whole("SimpleDataset", "features", features, 2)
        classes = checks.whole("SimpleDataset", "classes", classes, 1)
        noise = checks.number("SimpleDataset", "noise", noise, least=0)
        generator = random.generator(rng)
        labels = generator.integers(0, classes, n)
        angles = labels * (2 * np.pi / classes)
        points = generator.normal(0, noise, (n, features))
        points[:, 0] += np.cos(angles)
        points[:, 1] += np.sin(angles)
        super().__init__(points.astype(np.float32), labels)
