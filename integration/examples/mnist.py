"""What the examples on MNIST have in common: the data."""

from tinytorch.data import MNIST, DataLoader
from tinytorch.data.transforms import Normalize


def loaders():
    """Loaders of MNIST's 60,000 training images, shuffled, and of its 10,000 test images."""
    normalize = Normalize((0.1307,), (0.3081,))
    train = DataLoader(MNIST(), batch_size=128, shuffle=True, transform=normalize)
    test = DataLoader(MNIST(train=False), batch_size=500, transform=normalize)
    return train, test
