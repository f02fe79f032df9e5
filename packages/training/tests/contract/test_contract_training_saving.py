"""Files and pictures: what comes back is what was given, or an error that names the file."""

import importlib.util
import io

import numpy as np
import pytest

from tinytorch.autograd import nn
from tinytorch.tensor import DTypeError, FileError, from_numpy

TREE = {
    "number": 1,
    "share": 0.5,
    "nothing": None,
    "text": "a",
    "arrays": [np.arange(3), from_numpy(np.ones(2))],
    "pair": (1, {"x": float("inf")}),
}


def test_a_checkpoint_has_what_was_put_in(training, network, expect, tmp_path):
    model = network().state_dict()
    training.save_checkpoint(tmp_path / "c", model, **TREE)
    loaded = training.load_checkpoint(tmp_path / "c")
    for name in ("number", "share", "nothing", "text", "pair"):
        expect(loaded[name] == TREE[name], True, f"{name} comes back", "save_checkpoint")
    for got, wanted in zip(loaded["arrays"], TREE["arrays"], strict=True):
        expect(got, np.asarray(wanted), "Tensors come back as arrays", "save_checkpoint")
    wanted = {name: np.asarray(value) for name, value in model.items()}
    expect(loaded["model"], wanted, "the model by name", "save_checkpoint")


def test_a_checkpoint_replaces_the_one_before(training, expect, tmp_path):
    for step in (1, 2):
        training.save_checkpoint(tmp_path / "c", step=step)
    expect(training.load_checkpoint(tmp_path / "c")["step"], 2, "replaced", "save_checkpoint")


def test_what_a_checkpoint_cannot_hold_is_refused(training, tmp_path):
    with pytest.raises(DTypeError):
        training.save_checkpoint(tmp_path / "c", thing=object())


@pytest.mark.parametrize("damage", ["cut", "changed", "missing"])
def test_a_damaged_checkpoint_is_refused(training, network, tmp_path, damage):
    training.save_checkpoint(tmp_path / "c", network().state_dict(), step=1)
    path = tmp_path / "c" / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(bytes(content[:-1] if damage == "cut" else content))
    if damage == "missing":
        path.unlink()
    with pytest.raises(FileError):
        training.load_checkpoint(tmp_path / "c")


def test_checkpoints_come_oldest_first(training, make, expect, tmp_path):
    make(callbacks=[training.Checkpoint(tmp_path)]).fit(2)
    steps = [
        training.load_checkpoint(path)["position"]["step"]
        for path in training.checkpoints(tmp_path)
    ]
    expect(steps, [0, 4, 8], "the oldest first", "checkpoints")
    expect(training.checkpoints(tmp_path / "none"), [], "no folder, no checkpoints", "checkpoints")


def test_safetensors_come_back(training, expect, tmp_path):
    tensors = {"a.weight": np.arange(6.0).reshape(2, 3), "b": np.array([True, False])}
    training.save_safetensors(tmp_path / "w.safetensors", tensors)
    loaded = training.load_safetensors(tmp_path / "w.safetensors")
    expect(loaded, tensors, "names, shapes and values", "save_safetensors")
    (tmp_path / "w.safetensors").write_bytes(b"no tensors")
    with pytest.raises(FileError):
        training.load_safetensors(tmp_path / "w.safetensors")


def test_tensorboard_has_an_event_file(training, make, expect, tmp_path):
    make(callbacks=[training.TensorBoard(tmp_path)]).fit(1)
    (path,) = tmp_path.iterdir()
    expect(path.name.startswith("events.out.tfevents."), True, "TensorBoard's name", "TensorBoard")
    expect(path.stat().st_size > 100, True, "with the figures", "TensorBoard")


def test_progress_has_a_line_for_each_epoch(training, make, expect):
    stream = io.StringIO()
    make(callbacks=[training.Progress(stream=stream)]).fit(2)
    expect(len(stream.getvalue().splitlines()), 2, "a line for each epoch", "Progress")


def test_the_first_place_that_is_not_finite_has_a_name(training, network, data, expect):
    model = nn.Sequential(network(), nn.ReLU())
    row = "first_non_finite"
    expect(training.first_non_finite(model, from_numpy(data.x)) is None, True, "all finite", row)
    model[0][2].bias.assign(np.full(3, np.nan))
    name = training.first_non_finite(model, from_numpy(data.x))
    expect("0.2.bias" in name, True, f"{name}: the parameter's dotted name", row)


def has(module):
    return importlib.util.find_spec(module) is not None


@pytest.mark.parametrize(
    "name", ["plot_confusion", "plot_mistakes", "History.plot", "RateSweep.plot"]
)
def test_pictures_are_drawn_or_say_what_they_need(training, make, data, tmp_path, name):
    trainer = make()
    calls = {
        "plot_confusion": lambda: training.plot_confusion(np.eye(3, dtype=int), path=path),
        "plot_mistakes": lambda: training.plot_mistakes(
            np.zeros((4, 1, 2, 2)), np.arange(4) % 3, np.eye(4, 3), path=path
        ),
        "History.plot": lambda: trainer.fit(1).plot(path),
        "RateSweep.plot": lambda: training.find_learning_rate(trainer, steps=5).plot(path),
    }
    path = tmp_path / "picture.png"
    if has("matplotlib"):
        calls[name]()
        assert path.stat().st_size > 0
    else:
        with pytest.raises(ImportError):
            calls[name]()


def test_a_model_is_exported_or_says_what_is_needed(training, network, tmp_path):
    path = tmp_path / "model.onnx"
    if has("onnx") and has("onnxruntime"):
        training.export_onnx(network(), path, input_shape=(4,))
        assert path.stat().st_size > 0
    else:
        with pytest.raises(ImportError):
            training.export_onnx(network(), path, input_shape=(4,))
