"""The course's own examples run as written; only imports and given names are added."""

import pytest

from tinytorch.autograd import Variable, nn
from tinytorch.data import CIFAR10, DataLoader, SimpleDataset
from tinytorch.optim import SGD, Adam, sgd_step
from tinytorch.spatial import CNN, Conv2d, plot_feature_maps
from tinytorch.tensor.functional import cross_entropy
from tinytorch.training import Trainer


def test_optimize_parabola_reaches_the_minimum():
    def optimize_parabola():
        w = 5.0
        for _ in range(100):
            grad = 2 * w
            w = sgd_step(w, grad)
        return w

    assert optimize_parabola() == pytest.approx(5.0 * 0.98**100)


def test_rosenbrock_goes_down_the_valley():
    x, y = Variable(-1.0), Variable(1.5)

    def rosenbrock(x, y):
        return (1-x)**2 + 100*(y-x**2)**2  # fmt: skip

    first = rosenbrock(x, y).item()
    optimizer = SGD([x, y], lr=1e-3)
    for _ in range(1000):
        loss = rosenbrock(x, y)
        optimizer.step(loss.backward())

    assert loss.item() < first / 10
    assert x.grad is None


def test_data_are_used_at_once():
    losses = []
    model = nn.Linear(SimpleDataset(1)[0][0].size, 10, rng=0)
    sgd = SGD(model.parameters(), lr=0.1)

    def compute_loss(batch):
        inputs, targets = batch
        loss = cross_entropy(model(inputs), targets)
        losses.append(loss.item())
        return loss

    dataset = SimpleDataset(10000)
    loader = DataLoader(dataset, batch_size=32)
    for batch in loader:
        loss = compute_loss(batch)
        sgd.step(loss.backward())

    assert len(losses) == 313
    assert sum(losses[-50:]) < sum(losses[:50])


@pytest.mark.usefixtures("few_images")
def test_convolutions_are_explored_on_real_images():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    loader = DataLoader(CIFAR10(), batch_size=1)
    conv = Conv2d(3, 16, kernel_size=3)
    for image, _ in loader:
        features = conv(image)
        plot_feature_maps(features)

    assert features.shape == (1, 16, 30, 30)
    pyplot.close("all")


@pytest.mark.usefixtures("few_images")
def test_training_brings_everything_together():
    train_set, val_set = CIFAR10(), CIFAR10(train=False)
    train_loader = DataLoader(train_set, batch_size=64, shuffle=True)
    val_loader = DataLoader(val_set, batch_size=64)
    trainer = Trainer(
        model=CNN(), optimizer=Adam(), train_loader=train_loader, val_loader=val_loader
    )
    history = trainer.fit(epochs=20)

    assert history["loss"][-1] < history["loss"][0]
