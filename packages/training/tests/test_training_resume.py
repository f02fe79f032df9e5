"""A run cannot be lost: whatever ends it, the next one goes on and ends with the same bits."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tinytorch.optim import SGD, ReduceOnPlateau
from tinytorch.tensor.errors import FileError, StateError
from tinytorch.training import (
    Callback,
    Checkpoint,
    EarlyStopping,
    checkpoints,
    load_checkpoint,
    save_checkpoint,
)
from tinytorch.training.files import checkpoint


@pytest.mark.parametrize("every", ["epoch", 3, 8])
@pytest.mark.parametrize("order", [0, 200])
@pytest.mark.parametrize("step", [1, 8, 9, 17])
def test_a_run_that_crashes_ends_with_the_same_bits(
    tmp_path, make_trainer, weights, every, order, step, crash
):
    whole = make_trainer()
    whole.fit(3)
    broken = make_trainer(callbacks=[Checkpoint(tmp_path, every=every), crash(step, order)])
    with pytest.raises(RuntimeError):
        broken.fit(3)
    again = make_trainer(callbacks=[Checkpoint(tmp_path, every=every)])
    assert again.fit(3) == whole.history
    assert weights(again) == weights(whole)
    assert again.step == 24


class Noisy:
    """A loader of one's own: its shuffling and its noise come from a public Generator."""

    def __init__(self, batches):
        self.batches, self.rng = batches, np.random.default_rng(5)

    def __iter__(self):
        for i in self.rng.permutation(len(self.batches)):
            inputs, targets = self.batches[i]
            yield np.asarray(inputs) + self.rng.normal(size=inputs.shape), targets


@pytest.mark.parametrize("step", [3, 8, 21])
def test_plateaus_and_loaders_of_ones_own_go_on_too(tmp_path, make_trainer, weights, step, crash):
    batches = list(make_trainer().val_loader)

    def trainer(*callbacks):
        optimizer = SGD(lr=0.1)
        return make_trainer(
            optimizer=optimizer,
            train_loader=Noisy(batches),
            schedule=ReduceOnPlateau(optimizer, patience=0, factor=0.5, threshold=0.2),
            callbacks=callbacks,
        )

    whole = trainer()
    whole.fit(8)
    assert len(set(whole.history["lr"])) > 2
    with pytest.raises(RuntimeError):
        trainer(Checkpoint(tmp_path, every=2), crash(step)).fit(8)
    again = trainer(Checkpoint(tmp_path, every=2))
    assert again.fit(8) == whole.history
    assert weights(again) == weights(whole)


def test_a_run_may_crash_at_every_step(tmp_path, make_trainer, weights, crash):
    whole = make_trainer()
    whole.fit(2)
    for step in range(1, 17):
        with pytest.raises(RuntimeError):
            make_trainer(callbacks=[Checkpoint(tmp_path, every=1), crash(step, 200)]).fit(2)
    last = make_trainer(callbacks=[Checkpoint(tmp_path, every=1)])
    assert last.fit(2) == whole.history
    assert weights(last) == weights(whole)


def test_first_weights_without_a_seed_are_kept_too(tmp_path, make_trainer, weights, crash):
    first = make_trainer(seed=None, callbacks=[Checkpoint(tmp_path)])
    before = weights(first)
    first.callbacks.append(crash(1))
    with pytest.raises(RuntimeError):
        first.fit(1)
    again = make_trainer(seed=None, callbacks=[Checkpoint(tmp_path), crash(1)])
    assert weights(again) != before
    with pytest.raises(RuntimeError):
        again.fit(1)
    assert weights(again) == weights(first)


def test_a_finished_run_is_found_finished(tmp_path, make_trainer, weights):
    first = make_trainer(callbacks=[Checkpoint(tmp_path)])
    first.fit(2)
    again = make_trainer(callbacks=[Checkpoint(tmp_path)])
    assert again.fit(2) == first.history
    assert weights(again) == weights(first)
    longer, whole = make_trainer(callbacks=[Checkpoint(tmp_path)]), make_trainer()
    assert longer.fit(4) == whole.fit(4)


@pytest.mark.parametrize("file", ["model.safetensors", "state.safetensors", "state.json"])
def test_a_damaged_checkpoint_is_named_and_the_one_before_serves(
    tmp_path, make_trainer, weights, file
):
    whole = make_trainer(callbacks=[Checkpoint(tmp_path)])
    whole.fit(3)
    path = checkpoints(tmp_path)[-1] / file
    path.write_bytes(path.read_bytes()[:-3])
    again = make_trainer(callbacks=[Checkpoint(tmp_path)])
    with pytest.warns(UserWarning, match=rf"epoch-00003.*{file}") as caught:
        again.fit(3)
    assert "the checkpoint before it" in str(caught[0].message)
    assert again.history == whole.history
    assert weights(again) == weights(whole)
    load_checkpoint(path.parent)


def test_nothing_but_damage_is_an_error_not_a_new_beginning(tmp_path, make_trainer):
    make_trainer(callbacks=[Checkpoint(tmp_path)]).fit(2)
    for path in checkpoints(tmp_path):
        (path / "state.json").write_text("{}")
    with (
        pytest.warns(UserWarning, match="instead"),
        pytest.raises(FileError, match="3, all of them damaged"),
    ):
        make_trainer(callbacks=[Checkpoint(tmp_path)]).fit(2)


def test_a_folder_of_another_run_is_refused(tmp_path, make_trainer):
    make_trainer(callbacks=[Checkpoint(tmp_path)]).fit(1)
    with pytest.raises(StateError, match="another folder for another run"):
        make_trainer(seed=9, callbacks=[Checkpoint(tmp_path)]).fit(1)


def test_a_full_disk_ends_the_run_and_the_next_one_goes_on(
    tmp_path, make_trainer, weights, monkeypatch, names
):
    whole = make_trainer()
    whole.fit(2)
    fsync, count = os.fsync, []

    def full(descriptor):
        count.append(descriptor)
        if len(count) > 12:
            raise OSError(28, "No space left on device")
        fsync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(FileError, match="No space left"):
            make_trainer(callbacks=[Checkpoint(tmp_path, every=1)]).fit(2)
    assert len(names(tmp_path)) == 2
    again = make_trainer(callbacks=[Checkpoint(tmp_path, every=1)])
    assert again.fit(2) == whole.history
    assert weights(again) == weights(whole)


def test_early_stopping_and_its_best_weights_survive(tmp_path, make_trainer, weights, crash):
    def trainer(*more):
        stop = EarlyStopping("val_accuracy", patience=2)
        return make_trainer(callbacks=[Checkpoint(tmp_path / "run"), stop, *more])

    whole = make_trainer(callbacks=[EarlyStopping("val_accuracy", patience=2)])
    whole.fit(30)
    assert whole.epoch < 30
    with pytest.raises(RuntimeError):
        trainer(crash(8 * (whole.epoch - 1) + 3)).fit(30)
    for _ in range(2):
        again = trainer()
        assert again.fit(30) == whole.history
        assert weights(again) == weights(whole)
        assert again.stopped == whole.stopped


def test_the_run_in_memory_goes_on_where_it_is(tmp_path, make_trainer, weights, names):
    whole = make_trainer()
    whole.fit(4)
    trainer = make_trainer(callbacks=[Checkpoint(tmp_path, every="epoch")])
    trainer.fit(2)
    trainer.fit(4)
    assert weights(trainer) == weights(whole)
    late = make_trainer(callbacks=[])
    late.fit(4)
    late.callbacks.append(Checkpoint(tmp_path / "late"))
    save_checkpoint(tmp_path / "late" / names(tmp_path)[0], **make_state(make_trainer))
    late.fit(5)
    assert late.history.epochs == 5
    assert late.history["loss"][:4] == whole.history["loss"]


def test_after_an_error_the_checkpoint_counts_not_the_half_done_step(
    tmp_path, make_trainer, weights
):
    class Once(Callback):
        done = False

        def on_gradients(self, trainer):
            if trainer.step == 5 and not self.done:
                self.done = True
                for parameter in trainer.model.parameters():
                    parameter.assign(parameter.data + 1)
                raise ZeroDivisionError

    whole = make_trainer()
    whole.fit(2)
    trainer = make_trainer(callbacks=[Checkpoint(tmp_path, every=2), Once()])
    with pytest.raises(ZeroDivisionError):
        trainer.fit(2)
    assert trainer.fit(2) == whole.history
    assert weights(trainer) == weights(whole)
    assert not trainer.broken


def make_state(make_trainer):
    trainer = make_trainer()
    trainer.fit(1)
    return trainer.state_dict()


CHILD = """
import hashlib, json, sys
import numpy as np
from tinytorch.autograd import nn
from tinytorch.data import DataLoader, TensorDataset
from tinytorch.optim import Adam
from tinytorch.training import Callback, Checkpoint, Trainer

class Beat(Callback):
    def on_step_end(self, trainer):
        print(trainer.step, flush=True)

rng = np.random.default_rng(0)
x = rng.normal(size=(64, 8)).astype(np.float32)
y = (x[:, 0] * x[:, 1] > 0).astype(np.int64)
def model(rng):
    return nn.Sequential(nn.Linear(8, 16, rng=rng), nn.ReLU(), nn.Dropout(0.2, rng=rng),
                         nn.Linear(16, 2, rng=rng))
trainer = Trainer(model, Adam(lr=0.01), DataLoader(TensorDataset(x, y), 8, shuffle=True),
                  callbacks=[Checkpoint(sys.argv[1], every=1), Beat()], seed=0, progress=False)
history = trainer.fit(4)
values = trainer.model.state_dict().values()
digest = hashlib.sha256(b"".join(np.array(value).tobytes() for value in values))
print(json.dumps([digest.hexdigest(), history.to_dict()["columns"]]))
"""


def start(folder):
    command = [sys.executable, "-c", CHILD, str(folder)]
    environment = {**os.environ, "TINYTORCH_KERNELS": "reference"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def test_kills_at_any_moment_lose_nothing(tmp_path):
    calm = start(tmp_path / "calm")
    children = []
    rng = np.random.default_rng(1)
    for _ in range(4):
        child = start(tmp_path / "wild")
        for _ in range(rng.integers(1, 4)):
            child.stdout.readline()
        child.kill()
        child.communicate()
        children.append(child.returncode)
    last = start(tmp_path / "wild")
    results = [child.communicate()[0].splitlines() for child in (calm, last)]
    assert children == [-signal.SIGKILL] * 4
    assert int(results[1][0]) > 4
    assert json.loads(results[0][-1]) == json.loads(results[1][-1])
    assert not [path for path in Path(tmp_path / "wild").iterdir() if path.name.startswith(".")]


def test_a_state_of_version_1_is_taken_up(make_trainer, weights):
    class PressCtrlC(Callback):
        def on_step_end(self, run):
            if run.step == 11:
                signal.raise_signal(signal.SIGINT)

    whole, first, again = make_trainer(), make_trainer(), make_trainer()
    whole.fit(2)
    first.callbacks.append(PressCtrlC())
    with pytest.raises(KeyboardInterrupt):
        first.fit(2)
    state = first.state_dict()
    for name in ("version", "made_of", "metrics"):
        del state[name]
    loss, accuracy = state["counters"]
    state["counters"] = [
        {"sum": loss["sum"], "weight": loss["weight"]},
        {"k": 1, "correct": accuracy["correct"], "total": accuracy["total"]},
    ]
    again.load_state_dict(state)
    assert again.fit(2) == whole.history
    assert weights(again) == weights(whole)


def test_a_newer_checkpoint_is_no_damaged_one(tmp_path, make_trainer, monkeypatch):
    make_trainer(callbacks=[Checkpoint(tmp_path)]).fit(1)
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "VERSION", 2)
        make_trainer(callbacks=[Checkpoint(tmp_path)]).fit(2)
    with pytest.raises(FileError, match="a newer TinyTorch wrote"):
        make_trainer(callbacks=[Checkpoint(tmp_path)]).fit(2)
