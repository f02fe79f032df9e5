"""A run's folder: when it is saved there, what is kept, and what is left alone."""

import shutil
import time

import numpy as np
import pytest

from tinytorch.tensor.errors import ArgumentError, FileError
from tinytorch.training import (
    Callback,
    Checkpoint,
    checkpoints,
    load_checkpoint,
    load_safetensors,
)


def test_the_last_ones_and_the_best_are_kept(tmp_path, make_trainer, names):
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


def test_three_are_kept_unless_one_says_otherwise(tmp_path, make_trainer, names):
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


def test_without_validation_the_training_loss_tells_the_best(tmp_path, make_trainer, names):
    trainer = make_trainer(val_loader=None, callbacks=[checkpoint := Checkpoint(tmp_path)])
    trainer.fit(1)
    assert checkpoint.best == checkpoints(tmp_path)[-1]
    assert names(tmp_path) == [
        "step-000000000-epoch-00000-batch-0000000",
        "step-000000008-epoch-00001-batch-0000000",
    ]


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


def test_a_folder_that_cannot_be_written_is_found_before_training(tmp_path, make_trainer):
    (tmp_path / "file").write_text("")
    trainer = make_trainer(callbacks=[Checkpoint(tmp_path / "file" / "run")])
    with pytest.raises(FileError, match="room and permission"):
        trainer.fit(1)
    assert trainer.step == 0


def test_a_folder_that_was_removed_is_filled_again(tmp_path, make_trainer, names):
    trainer = make_trainer(callbacks=[Checkpoint(tmp_path / "run")])
    trainer.fit(1)
    shutil.rmtree(tmp_path / "run")
    trainer.fit(1)
    assert names(tmp_path / "run") == ["step-000000008-epoch-00001-batch-0000000"]


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


@pytest.mark.parametrize(
    ("every", "steps"),
    [("2s", [2, 4, 6, 8]), ("0.5min", [8]), ("1h", [8]), ("3 s", [3, 6, 8])],
)
def test_time_may_say_when_to_save(tmp_path, make_trainer, monkeypatch, every, steps, names):
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
