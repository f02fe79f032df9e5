"""The files of this layer, as the programs that they are meant for read and write them."""

from functools import partial

import numpy as np
import pytest

from tinytorch.autograd import nn, no_grad
from tinytorch.data import DataLoader, Digits, TensorDataset
from tinytorch.optim import SGD, Adam
from tinytorch.optim.schedules import one_cycle
from tinytorch.spatial import (
    CNN,
    AdaptiveAvgPool2d,
    AvgPool2d,
    BatchNorm2d,
    Conv2d,
    GroupNorm,
    MaxPool2d,
    ResNet9,
)
from tinytorch.tensor import from_numpy
from tinytorch.tensor.functional import cross_entropy
from tinytorch.training import (
    Checkpoint,
    TensorBoard,
    Trainer,
    checkpoints,
    export_onnx,
    load_safetensors,
    save_safetensors,
)

torch = pytest.importorskip("torch")
RNG = np.random.default_rng(0)


def small(rng=0):
    rng = np.random.default_rng(rng)
    return nn.Sequential(
        Conv2d(1, 4, 3, padding=1, rng=rng),
        BatchNorm2d(4),
        nn.ReLU(),
        MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64, 10, rng=rng),
    )


def twin():
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3, padding=1),
        torch.nn.BatchNorm2d(4),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Flatten(),
        torch.nn.Linear(64, 10),
    )


def outputs(model, x):
    model.eval()
    with no_grad():
        return model(from_numpy(x)).numpy()


@pytest.mark.parametrize("dtype", ["?", "u1", "i1", "u2", "i2", "f2", "u4", "i4", "f4", "i8", "f8"])
@pytest.mark.parametrize("shape", [(), (0, 3), (4, 5)])
def test_the_library_reads_what_we_write_and_we_what_it_writes(tmp_path, dtype, shape):
    library = pytest.importorskip("safetensors.numpy")
    array = (RNG.normal(size=shape) * 50).astype(dtype)
    save_safetensors(tmp_path / "ours", {"x": array, "y": array}, {"k": "v"})
    for loaded in library.load_file(tmp_path / "ours").values():
        assert loaded.dtype == array.dtype
        np.testing.assert_array_equal(loaded, array)
    library.save_file({"x": np.ascontiguousarray(array)}, tmp_path / "theirs", {"k": "v"})
    loaded = load_safetensors(tmp_path / "theirs")
    assert loaded["x"].dtype == array.dtype
    np.testing.assert_array_equal(loaded["x"], array)


def test_transposed_arrays_arrive_right(tmp_path):
    library = pytest.importorskip("safetensors.numpy")
    array = RNG.normal(size=(4, 6, 3))
    save_safetensors(tmp_path / "t", {"t": array.T, "s": array[::2, ::-1]})
    loaded = library.load_file(tmp_path / "t")
    np.testing.assert_array_equal(loaded["t"], array.T)
    np.testing.assert_array_equal(loaded["s"], array[::2, ::-1])


def test_weights_go_to_pytorch_and_back(tmp_path):
    library = pytest.importorskip("safetensors.torch")
    digits = Digits()
    images, labels = digits.__getitems__(np.arange(128))
    trainer = Trainer(
        small,
        Adam(),
        DataLoader(TensorDataset(images, labels), 32),
        callbacks=[Checkpoint(tmp_path / "run")],
        seed=0,
        progress=False,
    )
    trainer.fit(1)
    theirs = twin()
    path = checkpoints(tmp_path / "run")[-1] / "model.safetensors"
    theirs.load_state_dict(library.load_file(path))
    theirs.eval()
    x = RNG.normal(size=(5, 1, 8, 8)).astype(np.float32)
    with torch.no_grad():
        expected = theirs(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(outputs(trainer.model, x), expected, rtol=1e-4, atol=1e-5)

    library.save_file(theirs.state_dict(), tmp_path / "theirs.safetensors")
    ours = small(9)
    ours.load_state_dict(load_safetensors(tmp_path / "theirs.safetensors"))
    np.testing.assert_allclose(outputs(ours, x), expected, rtol=1e-4, atol=1e-5)


def test_bfloat16_weights_of_pytorch_are_read(tmp_path):
    library = pytest.importorskip("safetensors.torch")
    values = torch.randn(3, 4)
    library.save_file({"x": values.bfloat16()}, tmp_path / "b")
    expected = values.bfloat16().float().numpy()
    np.testing.assert_array_equal(load_safetensors(tmp_path / "b")["x"], expected)


MODELS = {
    "CNN": (CNN(rng=0), (3, 32, 32)),
    "ResNet9": (ResNet9(width=8, rng=0), (3, 32, 32)),
    "small": (small(), (1, 8, 8)),
    "settings": (
        nn.Sequential(
            Conv2d(4, 8, (3, 2), stride=2, padding=1, dilation=(1, 2), groups=2, rng=0),
            GroupNorm(2, 8),
            MaxPool2d(3, 1, 1),
            AvgPool2d(2, 1, 1, count_include_pad=False),
            AvgPool2d(2, padding=1),
            AdaptiveAvgPool2d(1),
            nn.Flatten(),
        ),
        (4, 17, 16),
    ),
    "rows": (
        nn.Sequential(
            *(nn.Linear(8, 8, rng=0), nn.GELU(), nn.LayerNorm(8), nn.Linear(8, 8, rng=1)),
            *(nn.SiLU(), nn.LeakyReLU(), nn.Tanh(), nn.Sigmoid(), nn.GELU("tanh"), nn.Softmax()),
        ),
        (3, 8),
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_onnxruntime_computes_what_the_model_does(tmp_path, name):
    onnx = pytest.importorskip("onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    model, shape = MODELS[name]
    model.train()
    with no_grad():
        model(from_numpy(RNG.normal(size=(8, *shape)).astype(np.float32)))
    path = tmp_path / "m.onnx"
    export_onnx(model, path, shape)
    onnx.checker.check_model(onnx.load(path), full_check=True)
    session = onnxruntime.InferenceSession(str(path))
    for batch in (1, 5):
        x = RNG.normal(size=(batch, *shape)).astype(np.float32)
        (got,) = session.run(None, {"input": x})
        np.testing.assert_allclose(got, outputs(model, x), rtol=1e-4, atol=1e-5)


def test_onnxruntime_on_real_images(tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    images, labels = Digits().__getitems__(np.arange(300))
    loader = DataLoader(TensorDataset(images, labels), 50)
    trainer = Trainer(small, Adam(lr=0.01), loader, seed=0, progress=False)
    trainer.fit(4)
    export_onnx(trainer.model, tmp_path / "m.onnx", (1, 8, 8))
    session = onnxruntime.InferenceSession(str(tmp_path / "m.onnx"))
    x = np.asarray(images, np.float32)
    (got,) = session.run(None, {"input": x})
    expected = np.asarray(trainer.predict(loader))
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(got.argmax(1), expected.argmax(1))
    assert (got.argmax(1) == np.asarray(labels)).mean() > 0.9


def test_tensorboard_reads_every_figure(tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    batches = [
        (RNG.normal(size=(8, 4)).astype(np.float32), RNG.integers(0, 3, 8)) for _ in range(4)
    ]
    trainer = Trainer(
        nn.Linear(4, 3, rng=0),
        Adam(),
        batches,
        val_loader=batches,
        callbacks=[TensorBoard(tmp_path, every=1)],
        progress=False,
    )
    trainer.fit(3)
    events = accumulator.EventAccumulator(str(tmp_path))
    events.Reload()
    assert set(events.Tags()["scalars"]) == {
        *(f"epoch/{name}" for name in trainer.history),
        *("step/loss", "step/lr"),
    }
    for name, column in trainer.history.items():
        read = events.Scalars(f"epoch/{name}")
        assert [event.step for event in read] == [4, 8, 12]
        assert [event.value for event in read] == [float(np.float32(value)) for value in column]
    assert len(events.Scalars("step/loss")) == 12


def test_a_run_follows_pytorchs():
    """The same network, data and recipe: the losses and weights of both stay together."""
    images, labels = Digits().__getitems__(np.arange(320))
    images, labels = np.asarray(images, np.float32), np.asarray(labels)
    data = [(images[i : i + 32], labels[i : i + 32]) for i in range(0, 320, 32)]
    schedule = one_cycle(0.1, steps=40)
    trainer = Trainer(
        small,
        SGD(momentum=0.9, nesterov=True, weight_decay=5e-4),
        data,
        data,
        loss=partial(cross_entropy, label_smoothing=0.1),
        schedule=schedule,
        clip_norm=1.0,
        accumulate=2,
        seed=0,
        progress=False,
    )
    theirs = twin()
    state = trainer.model.state_dict()
    theirs.load_state_dict({k: torch.tensor(np.array(v)) for k, v in state.items()})
    history = trainer.fit(4)

    optimizer = torch.optim.SGD(
        theirs.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4
    )
    loss_of = torch.nn.CrossEntropyLoss(label_smoothing=0.1)
    losses, val_losses, step = [], [], 0
    for _ in range(4):
        theirs.train()
        total = 0.0
        for i in range(0, 10, 2):
            for group in optimizer.param_groups:
                group["lr"] = schedule(step)
            optimizer.zero_grad()
            for x, y in data[i : i + 2]:
                loss = loss_of(theirs(torch.from_numpy(x)), torch.from_numpy(y))
                (loss / 2).backward()
                total += loss.item()
            torch.nn.utils.clip_grad_norm_(theirs.parameters(), 1.0)
            optimizer.step()
            step += 1
        losses.append(total / 10)
        theirs.eval()
        with torch.no_grad():
            val = [loss_of(theirs(torch.from_numpy(x)), torch.from_numpy(y)) for x, y in data]
        val_losses.append(float(sum(val)) / 10)
    np.testing.assert_allclose(history["loss"], losses, rtol=1e-4)
    np.testing.assert_allclose(history["val_loss"], val_losses, rtol=1e-4)
    for name, value in trainer.model.state_dict().items():
        expected = theirs.state_dict()[name].numpy()
        np.testing.assert_allclose(np.array(value), expected, rtol=1e-3, atol=1e-4)
