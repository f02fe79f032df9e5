"""A run cannot be lost: whatever ends it, the next one goes on and ends with the same bits."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from tinytorch.optim import SGD, ReduceOnPlateau
from tinytorch.tensor.errors import ArgumentError, FileError, StateError
from tinytorch.training import (
    Callback,
    Checkpoint,
    EarlyStopping,
    checkpoints,
    load_checkpoint,
    load_safetensors,
    save_checkpoint,
)
from tinytorch.training.files import checkpoint


class Crash(Callback):
    """Breaks the run off after some step, before or after the checkpoint is written."""

    def __init__(self, step, order=0):
        self.step, self.order = step, order

    def on_step_end(self, trainer):
        if trainer.step == self.step:
            raise RuntimeError("power cut")


class Send(Callback):
    """Sends the process itself signals after some step."""

    def __init__(self, step, *signals):
        self.step, self.signals = step, signals

    def on_step_end(self, trainer):
        if trainer.step == self.step:
            for number in self.signals:
                signal.raise_signal(number)


class PressCtrlC(Send):
    def __init__(self, step, times=1):
        super().__init__(step, *[signal.SIGINT] * times)


def names(folder):
    return [path.name for path in checkpoints(folder)]


@pytest.mark.parametrize("every", ["epoch", 3, 8])
@pytest.mark.parametrize("order", [0, 200])
@pytest.mark.parametrize("step", [1, 8, 9, 17])
def test_a_run_that_crashes_ends_with_the_same_bits(
    tmp_path, make_trainer, weights, every, order, step
):
    whole = make_trainer()
    whole.fit(3)
    crash = make_trainer(callbacks=[Checkpoint(tmp_path, every=every), Crash(step, order)])
    with pytest.raises(RuntimeError):
        crash.fit(3)
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
def test_plateaus_and_loaders_of_ones_own_go_on_too(tmp_path, make_trainer, weights, step):
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
        trainer(Checkpoint(tmp_path, every=2), Crash(step)).fit(8)
    again = trainer(Checkpoint(tmp_path, every=2))
    assert again.fit(8) == whole.history
    assert weights(again) == weights(whole)


def test_a_run_may_crash_at_every_step(tmp_path, make_trainer, weights):
    whole = make_trainer()
    whole.fit(2)
    for step in range(1, 17):
        with pytest.raises(RuntimeError):
            make_trainer(callbacks=[Checkpoint(tmp_path, every=1), Crash(step, 200)]).fit(2)
    last = make_trainer(callbacks=[Checkpoint(tmp_path, every=1)])
    assert last.fit(2) == whole.history
    assert weights(last) == weights(whole)


def test_first_weights_without_a_seed_are_kept_too(tmp_path, make_trainer, weights):
    first = make_trainer(seed=None, callbacks=[Checkpoint(tmp_path)])
    before = weights(first)
    first.callbacks.append(Crash(1))
    with pytest.raises(RuntimeError):
        first.fit(1)
    again = make_trainer(seed=None, callbacks=[Checkpoint(tmp_path), Crash(1)])
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


def test_the_last_ones_and_the_best_are_kept(tmp_path, make_trainer):
    losses = iter([5.0, 2.0, 3.0, 4.0, 6.0, 1.0])
    trainer = make_trainer(callbacks=[checkpoint := Checkpoint(tmp_path, keep=2)])
    evaluate = trainer.evaluate
    trainer.evaluate = lambda *args: {**evaluate(*args), "loss": next(losses)}
    trainer.fit(5)
    assert [name[15:26] for name in names(tmp_path)] == [
        "epoch-00002",
        "epoch-00004",
        "epoch-00005",
    ]
    assert checkpoint.best.name == "step-000000016-epoch-00002-batch-0000000"
    trainer.fit(6)
    assert [name[15:26] for name in names(tmp_path)] == ["epoch-00005", "epoch-00006"]
    assert checkpoint.best == checkpoints(tmp_path)[-1]


def test_three_are_kept_unless_one_says_otherwise(tmp_path, make_trainer):
    trainer = make_trainer(val_loader=None, callbacks=[Checkpoint(str(tmp_path))])
    trainer.evaluate = None
    trainer.fit(6)
    best = trainer.history.best("loss")[0]
    epochs = {int(name[21:26]) for name in names(tmp_path)}
    assert epochs == {4, 5, 6} | {best}


@pytest.mark.parametrize(
    ("settings", "column", "mode"),
    [
        ({"monitor": "val_accuracy"}, "val_accuracy", "max"),
        ({"monitor": "val_accuracy", "mode": "min"}, "val_accuracy", "min"),
        ({}, "val_loss", "min"),
    ],
)
def test_best_is_what_it_is_told_to_be(tmp_path, make_trainer, settings, column, mode):
    trainer = make_trainer(callbacks=[checkpoint := Checkpoint(tmp_path, keep=1, **settings)])
    history = trainer.fit(6)
    epoch = getattr(np, f"arg{mode}")(history[column]) + 1
    assert checkpoint.best.name.endswith(f"-epoch-{epoch:05d}-batch-0000000")
    state = load_checkpoint(checkpoint.best)
    fresh = make_trainer()
    fresh.load_state_dict(state)
    assert fresh.evaluate()[column.removeprefix("val_")] == history[column][epoch - 1]


def test_without_validation_the_training_loss_tells_the_best(tmp_path, make_trainer):
    trainer = make_trainer(val_loader=None, callbacks=[checkpoint := Checkpoint(tmp_path)])
    trainer.fit(1)
    assert checkpoint.best == checkpoints(tmp_path)[-1]
    assert names(tmp_path) == [
        "step-000000000-epoch-00000-batch-0000000",
        "step-000000008-epoch-00001-batch-0000000",
    ]


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


def test_what_a_killed_run_was_writing_is_cleared_away(tmp_path, make_trainer):
    make_trainer(callbacks=[Checkpoint(tmp_path)]).fit(1)
    for name in (".writing-1-step-x", ".removing-1-step-x"):
        (tmp_path / name).mkdir()
    (tmp_path / "notes.txt").write_text("mine")
    make_trainer(callbacks=[Checkpoint(tmp_path)]).fit(1)
    assert sorted(path.name for path in tmp_path.iterdir())[:2] == [
        "notes.txt",
        "step-000000000-epoch-00000-batch-0000000",
    ]


def test_a_folder_of_another_run_is_refused(tmp_path, make_trainer):
    make_trainer(callbacks=[Checkpoint(tmp_path)]).fit(1)
    with pytest.raises(StateError, match="another folder for another run"):
        make_trainer(seed=9, callbacks=[Checkpoint(tmp_path)]).fit(1)


def test_a_full_disk_ends_the_run_and_the_next_one_goes_on(
    tmp_path, make_trainer, weights, monkeypatch
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


def test_a_folder_that_cannot_be_written_is_found_before_training(tmp_path, make_trainer):
    (tmp_path / "file").write_text("")
    trainer = make_trainer(callbacks=[Checkpoint(tmp_path / "file" / "run")])
    with pytest.raises(FileError, match="room and permission"):
        trainer.fit(1)
    assert trainer.step == 0


def test_early_stopping_and_its_best_weights_survive(tmp_path, make_trainer, weights):
    def trainer(*more):
        stop = EarlyStopping("val_accuracy", patience=2)
        return make_trainer(callbacks=[Checkpoint(tmp_path / "run"), stop, *more])

    whole = make_trainer(callbacks=[EarlyStopping("val_accuracy", patience=2)])
    whole.fit(30)
    assert whole.epoch < 30
    with pytest.raises(RuntimeError):
        trainer(Crash(8 * (whole.epoch - 1) + 3)).fit(30)
    for _ in range(2):
        again = trainer()
        assert again.fit(30) == whole.history
        assert weights(again) == weights(whole)
        assert again.stopped == whole.stopped


def test_the_run_in_memory_goes_on_where_it_is(tmp_path, make_trainer, weights):
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


def test_a_folder_that_was_removed_is_filled_again(tmp_path, make_trainer):
    trainer = make_trainer(callbacks=[Checkpoint(tmp_path / "run")])
    trainer.fit(1)
    shutil.rmtree(tmp_path / "run")
    trainer.fit(1)
    assert names(tmp_path / "run") == ["step-000000008-epoch-00001-batch-0000000"]


def make_state(make_trainer):
    trainer = make_trainer()
    trainer.fit(1)
    return trainer.state_dict()


@pytest.mark.parametrize("step", [3, 8, 10, 16])
def test_ctrl_c_saves_and_says_how_to_go_on(tmp_path, make_trainer, weights, step):
    whole = make_trainer()
    whole.fit(2)
    before = signal.getsignal(signal.SIGINT)
    trainer = make_trainer(callbacks=[Checkpoint(tmp_path, every=100), PressCtrlC(step)])
    with pytest.raises(KeyboardInterrupt) as caught:
        trainer.fit(2)
    epoch, batch = divmod(step, 8)
    if batch == 0 and step == 8:
        epoch, batch = 0, 8
    if step == 16:
        epoch, batch = 1, 8
    text = str(caught.value)
    assert f"stopped in epoch {epoch + 1} after batch {batch}" in text
    assert "the same program goes on from there" in text
    assert str(checkpoints(tmp_path)[-1]) in text
    assert signal.getsignal(signal.SIGINT) is before
    again = make_trainer(callbacks=[Checkpoint(tmp_path, every=100)])
    assert again.fit(2) == whole.history
    assert weights(again) == weights(whole)


def test_ctrl_c_during_validation_saves_before_it(tmp_path, make_trainer, weights):
    class Press(Callback):
        def on_step_end(self, trainer):
            if trainer.step == 8:
                trainer.loss, self.loss = self, trainer.loss
            self.trainer = trainer

        def __call__(self, outputs, targets):
            if not self.trainer.model.training:
                signal.raise_signal(signal.SIGINT)
            return self.loss(outputs, targets)

    whole = make_trainer()
    whole.fit(2)
    trainer = make_trainer(callbacks=[Checkpoint(tmp_path), Press()])
    with pytest.raises(KeyboardInterrupt, match="after batch 8"):
        trainer.fit(2)
    assert trainer.model.training
    again = make_trainer(callbacks=[Checkpoint(tmp_path)])
    assert again.fit(2) == whole.history
    assert weights(again) == weights(whole)


def test_ctrl_c_without_a_checkpoint_stops_at_the_step(make_trainer):
    trainer = make_trainer(callbacks=[PressCtrlC(3)])
    with pytest.raises(KeyboardInterrupt, match=r"^stopped in epoch 1 after batch 3$"):
        trainer.fit(2)
    assert trainer.step == 3
    assert trainer.evaluate()
    whole = make_trainer()
    assert trainer.fit(2) == whole.fit(2)


def test_a_second_ctrl_c_is_not_kept_waiting(tmp_path, make_trainer):
    trainer = make_trainer(callbacks=[Checkpoint(tmp_path), PressCtrlC(3, times=2)])
    with pytest.raises(KeyboardInterrupt, match=r"^$"):
        trainer.fit(2)
    assert names(tmp_path) == ["step-000000000-epoch-00000-batch-0000000"]


ENDINGS = [signal.SIGTERM, signal.SIGHUP] if hasattr(signal, "SIGHUP") else [signal.SIGTERM]


@pytest.mark.parametrize("number", ENDINGS)
@pytest.mark.parametrize("times", [1, 3])
def test_other_signals_to_end_save_like_ctrl_c(tmp_path, make_trainer, weights, number, times):
    whole = make_trainer()
    whole.fit(2)
    before = signal.getsignal(number)
    trainer = make_trainer(callbacks=[Checkpoint(tmp_path), Send(11, *[number] * times)])
    with pytest.raises(
        KeyboardInterrupt, match=f"^{number.name}: stopped in epoch 2 after batch 3"
    ):
        trainer.fit(2)
    assert signal.getsignal(number) is before
    again = make_trainer(callbacks=[Checkpoint(tmp_path)])
    assert again.fit(2) == whole.history
    assert weights(again) == weights(whole)


@pytest.mark.parametrize("number", ENDINGS)
def test_ctrl_c_after_another_signal_is_not_kept_waiting(make_trainer, number):
    trainer = make_trainer(callbacks=[Send(3, number, signal.SIGINT)])
    with pytest.raises(KeyboardInterrupt, match=r"^$"):
        trainer.fit(1)


@pytest.mark.parametrize("number", ENDINGS)
def test_a_signal_that_is_ignored_stays_ignored(make_trainer, number):
    before = signal.signal(number, signal.SIG_IGN)
    try:
        assert make_trainer(callbacks=[Send(3, number)]).fit(1).epochs == 1
        assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        signal.signal(number, before)


@pytest.mark.parametrize("number", [signal.SIGINT, *ENDINGS])
def test_handlers_are_restored_after_errors_too(make_trainer, number):
    def handler(number, frame):
        raise AssertionError

    before = signal.signal(number, handler)
    try:
        with pytest.raises(RuntimeError):
            make_trainer(callbacks=[Crash(3)]).fit(1)
        assert signal.getsignal(number) is handler
    finally:
        signal.signal(number, before)


@pytest.mark.parametrize("error", [RuntimeError("a worker died"), KeyboardInterrupt()])
@pytest.mark.parametrize("validating", [False, True])
def test_a_loader_that_ctrl_c_breaks_does_not_cost_the_save(
    tmp_path, make_trainer, weights, error, validating
):
    class Breaking:
        """A loader whose workers have Ctrl-C, too: its next batch does not come."""

        def __init__(self, batches, press):
            self.batches, self._press = batches, press

        def __iter__(self):
            for i, batch in enumerate(self.batches):
                if self._press and i == 2:
                    signal.raise_signal(signal.SIGINT)
                    raise error
                yield batch

    batches = list(make_trainer().val_loader)

    def trainer(press):
        return make_trainer(
            train_loader=Breaking(batches, press and not validating),
            val_loader=Breaking(batches, press and validating),
            callbacks=[Checkpoint(tmp_path)] if press is not None else [],
        )

    whole = trainer(None)
    whole.fit(2)
    with pytest.raises(KeyboardInterrupt, match="saved in"):
        trainer(True).fit(2)
    assert names(tmp_path)[-1].endswith(f"batch-000000{3 if validating else 2}")
    again = trainer(False)
    assert again.fit(2) == whole.history
    assert weights(again) == weights(whole)


def test_a_fit_in_a_thread_leaves_signals_alone(make_trainer):
    before = signal.getsignal(signal.SIGINT)
    seen = []

    class Look(Callback):
        def on_step_end(self, trainer):
            seen.append(signal.getsignal(signal.SIGINT))

    trainer = make_trainer(callbacks=[Look()])
    thread = threading.Thread(target=trainer.fit, args=(1,))
    thread.start()
    thread.join()
    assert trainer.epoch == 1
    assert set(seen) == {before}


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"every": "step"}, "every='step'"),
        ({"every": 0}, "every=0"),
        ({"every": True}, "every=True"),
        ({"every": 1.5}, "every=1.5"),
        ({"keep": 0}, "keep=0"),
        ({"mode": "best"}, "'best'"),
    ],
)
def test_settings_out_of_range(tmp_path, settings, text):
    with pytest.raises(ArgumentError, match=text):
        Checkpoint(tmp_path, **settings)


def test_checkpoints_of_no_folder():
    assert checkpoints("no such folder") == []


def test_the_weights_of_a_checkpoint_are_the_models(tmp_path, make_trainer):
    trainer = make_trainer(callbacks=[Checkpoint(tmp_path)])
    trainer.fit(1)
    loaded = load_safetensors(checkpoints(tmp_path)[-1] / "model.safetensors")
    assert loaded.keys() == trainer.model.state_dict().keys()
    trainer.model.load_state_dict(loaded)


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
    whole, first, again = make_trainer(), make_trainer(), make_trainer()
    whole.fit(2)
    first.callbacks.append(PressCtrlC(11))
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


@pytest.mark.parametrize(
    ("every", "steps"),
    [("2s", [2, 4, 6, 8]), ("0.5min", [8]), ("1h", [8]), ("3 s", [3, 6, 8])],
)
def test_time_may_say_when_to_save(tmp_path, make_trainer, monkeypatch, every, steps):
    class Clock(Callback):
        now = 0.0

        def on_step_end(self, run):
            Clock.now += 1

    monkeypatch.setattr(time, "monotonic", lambda: Clock.now)
    make_trainer(callbacks=[Checkpoint(tmp_path, every=every, keep=99), Clock()]).fit(1)
    assert sorted({int(name[5:14]) for name in names(tmp_path)}) == [0, *steps]


@pytest.mark.parametrize("every", ["10", "min", "0min", "-1s", "10 days", "1e3s", "", None])
def test_times_that_are_none_are_refused(tmp_path, every):
    with pytest.raises(ArgumentError, match="every"):
        Checkpoint(tmp_path, every=every)


def test_what_the_user_keeps_in_the_folder_stays(tmp_path, make_trainer):
    make_trainer(callbacks=[Checkpoint(tmp_path, keep=1)]).fit(1)
    (newest,) = checkpoints(tmp_path)
    for name in (f"{newest.name}-copy", "step-best", ".removing-me", ".writing-1-step-notes"):
        shutil.copytree(newest, tmp_path / name)
        (tmp_path / name / "notes").write_text("mine")
    (newest / "notes").write_text("mine")
    before = {path.name for path in tmp_path.iterdir()}
    make_trainer(callbacks=[Checkpoint(tmp_path, keep=1)]).fit(4)
    assert before <= {path.name for path in tmp_path.iterdir()}
    assert (newest / "notes").read_text() == "mine"


def test_a_folder_that_cannot_be_used_is_an_error_of_four_parts(tmp_path, make_trainer):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match=r"Checkpoint: .*\n.*permission to write"):
        make_trainer(callbacks=[Checkpoint(tmp_path / "file")]).fit(1)
