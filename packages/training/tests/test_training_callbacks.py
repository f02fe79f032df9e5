"""Callbacks: their order, what they keep, and what they stop."""

import copy
import csv
import gc
import math
import struct

import numpy as np
import pytest

from tinytorch.tensor.errors import ArgumentError, FileError
from tinytorch.training import Callback, CSVLog, EarlyStopping, TensorBoard
from tinytorch.training.files.tensorboard import Double, _masked_crc, message

HOOKS = [
    *("on_setup", "on_fit_begin", "on_epoch_begin", "on_gradients", "on_step_end"),
    *("on_validation", "on_epoch_end", "on_interrupt", "on_fit_end"),
]


class Diary(Callback):
    """Notes every hook, and where the run stood."""

    def __init__(self, diary, name="", order=0):
        self.diary, self.name, self.order = diary, name, order

    def __getattribute__(self, hook):
        if hook not in HOOKS:
            return super().__getattribute__(hook)

        def note(trainer):
            where = (trainer.epoch, trainer.batch, trainer.step)
            self.diary.append((hook, self.name, *where))

        return note


class StopAt(Callback):
    def __init__(self, hook, when, error=None):
        def stop(trainer):
            if when(trainer):
                if error:
                    raise error
                trainer.stop("because")

        setattr(self, hook, stop)


def test_hooks_come_in_their_order(make_trainer):
    diary = []
    make_trainer(callbacks=[Diary(diary)]).fit(2, limit_batches=2)
    assert [(hook, *where) for hook, _, *where in diary] == [
        ("on_setup", 0, 0, 0),
        ("on_fit_begin", 0, 0, 0),
        ("on_epoch_begin", 0, 0, 0),
        ("on_gradients", 0, 0, 0),
        ("on_step_end", 0, 1, 1),
        ("on_gradients", 0, 1, 1),
        ("on_step_end", 0, 2, 2),
        ("on_validation", 0, 2, 2),
        ("on_epoch_end", 1, 0, 2),
        ("on_epoch_begin", 1, 0, 2),
        ("on_gradients", 1, 0, 2),
        ("on_step_end", 1, 1, 3),
        ("on_gradients", 1, 1, 3),
        ("on_step_end", 1, 2, 4),
        ("on_validation", 1, 2, 4),
        ("on_epoch_end", 2, 0, 4),
        ("on_fit_end", 2, 0, 4),
    ]


def test_callbacks_are_called_by_order_then_as_given(make_trainer):
    diary = []
    names = [("late", 5), ("a", 0), ("b", 0), ("early", -5)]
    make_trainer(callbacks=[Diary(diary, *name) for name in names]).fit(1, limit_batches=1)
    assert [name for hook, name, *_ in diary if hook == "on_step_end"] == [
        "early",
        "a",
        "b",
        "late",
    ]


def test_stop_ends_the_run_after_the_step(make_trainer):
    diary = []
    stop = StopAt("on_gradients", lambda t: t.step == 3)
    trainer = make_trainer(callbacks=[stop, Diary(diary)])
    history = trainer.fit(5)
    assert (trainer.epoch, trainer.batch, trainer.step) == (0, 4, 4)
    assert trainer.stopped == "because"
    assert history.epochs == 0
    assert [hook for hook, *_ in diary][-3:] == ["on_gradients", "on_step_end", "on_fit_end"]


def test_stop_at_the_end_of_an_epoch_keeps_the_epoch(make_trainer):
    trainer = make_trainer(callbacks=[StopAt("on_epoch_end", lambda t: t.epoch == 2)])
    assert trainer.fit(5).epochs == 2
    assert trainer.fit(4).epochs == 4
    assert trainer.stopped == ""


@pytest.mark.parametrize("hook", ["on_setup", "on_fit_begin", "on_epoch_begin"])
def test_stop_before_the_first_step_trains_nothing(make_trainer, hook):
    trainer = make_trainer(callbacks=[StopAt(hook, lambda t: True)])
    trainer.fit(5)
    assert trainer.step == 0


@pytest.mark.parametrize("hook", [h for h in HOOKS if h not in {"on_fit_end", "on_interrupt"}])
def test_fit_end_comes_after_errors_too(make_trainer, hook):
    diary = []
    error = StopAt(hook, lambda t: True, ZeroDivisionError("oops"))
    trainer = make_trainer(callbacks=[error, Diary(diary)])
    with pytest.raises(ZeroDivisionError, match="oops"):
        trainer.fit(1)
    assert diary[-1][0] == "on_fit_end"


def test_the_protocol_does_nothing_by_itself(make_trainer, weights):
    plain, called = make_trainer(), make_trainer(callbacks=[Callback()])
    assert plain.fit(1) == called.fit(1)
    assert Callback().on_interrupt(plain) is None
    assert Callback().state_dict() == {}
    assert Callback.order == 0


class Figures(Callback):
    """Puts given figures in place of the validation loss."""

    order = -1

    def __init__(self, values):
        self.values = values

    def on_epoch_end(self, trainer):
        trainer.history["val_loss"][-1] = self.values[trainer.epoch - 1]


@pytest.mark.parametrize(
    ("values", "settings", "epochs", "best"),
    [
        ([3, 2, 1, 1, 1, 0], {"patience": 2}, 5, 3),
        ([3, 2, 1, 1, 0, 0, 0, 0], {"patience": 2}, 7, 5),
        ([1, 2, 3], {"patience": 1}, 2, 1),
        ([3.0, 2.9, 2.8, 2.7], {"patience": 2, "min_delta": 0.15}, 4, 3),
        ([3.0, 2.9, 2.8, 2.7], {"patience": 2, "min_delta": 0.25}, 3, 1),
        ([1, 2, 3, 2, 1], {"patience": 2, "mode": "max"}, 5, 3),
        ([math.nan, math.nan, math.nan, 1], {"patience": 3}, 3, 0),
        ([math.nan, 2, math.nan, 1, 3, 3], {"patience": 2}, 6, 4),
        ([math.inf, math.inf, math.inf], {"patience": 2}, 3, 1),
    ],
)
def test_early_stopping_waits_and_gives_the_best_weights_back(
    make_trainer, weights, values, settings, epochs, best
):
    stop = EarlyStopping(**settings)
    kept = []
    trainer = make_trainer(callbacks=[Figures(values), stop])
    trainer.callbacks.append(StopAt("on_epoch_end", lambda t: kept.append(weights(t))))
    trainer.fit(len(values))
    assert (trainer.epoch, stop.best_epoch) == (epochs, best)
    assert weights(trainer) == (kept[best - 1] if best else kept[-1])
    if epochs < len(values) or stop.waited == stop.patience:
        assert f"has not improved for {stop.patience} epochs" in trainer.stopped
        assert f"in epoch {best})" in trainer.stopped


def test_early_stopping_watches_what_it_is_told(make_trainer):
    stop = EarlyStopping("accuracy", patience=1)
    trainer = make_trainer(callbacks=[stop])
    trainer.fit(1)
    assert stop.best == trainer.history["accuracy"][0]
    assert stop.best == stop.sign * stop.best
    with pytest.raises(ArgumentError, match="one of loss, accuracy, lr"):
        make_trainer(val_loader=None, callbacks=[EarlyStopping()]).fit(1)


@pytest.mark.parametrize("hook", ["on_step_end", "on_epoch_end"])
def test_early_stopping_leaves_a_broken_off_run_where_it_is(make_trainer, weights, hook):
    def trainer(*more):
        stop = EarlyStopping("accuracy", patience=20, mode="min")
        return make_trainer(callbacks=[stop, *more])

    whole = trainer()
    whole.fit(6)
    oops = StopAt(hook, lambda t: t.step == 32 and not oops.done, ZeroDivisionError())
    oops.done = False
    broken = trainer(oops)
    with pytest.raises(ZeroDivisionError):
        broken.fit(6)
    oops.done = True
    assert broken.fit(6) == whole.history
    assert weights(broken) == weights(whole)


def test_early_stopping_shows_the_best_and_the_fit_goes_on_from_the_last(make_trainer, weights):
    def trainer():
        figures = Figures([3, 1, 2, 4, 5, 6])
        return make_trainer(callbacks=[figures, EarlyStopping(patience=9)])

    whole, parts, second = trainer(), trainer(), make_trainer()
    second.fit(2)
    whole.fit(6)
    assert weights(parts) != weights(second)
    for epochs in (3, 4, 6):
        parts.fit(epochs)
        assert weights(parts) == weights(second)
    assert parts.history == whole.history
    other = trainer()
    other.load_state_dict(parts.state_dict())
    other.callbacks.clear()
    six = make_trainer()
    six.fit(6)
    assert weights(other) == weights(six)


def test_weights_that_someone_sets_after_the_fit_are_trained(make_trainer):
    begun = []

    class Look(Callback):
        def on_epoch_begin(self, trainer):
            begun.append(max(np.abs(p.data).max() for p in trainer.model.parameters()))

    trainer = make_trainer(callbacks=[Figures([1, 2, 3]), EarlyStopping(patience=9), Look()])
    trainer.fit(2)
    for parameter in trainer.model.parameters():
        parameter.assign(parameter.data * 0)
    trainer.fit(3)
    assert begun[0] > 0
    assert begun[2] == 0


def test_overfit_and_trials_leave_the_best_weights_shown(make_trainer, weights):
    trainer = make_trainer(callbacks=[Figures([1, 2, 3, 4]), EarlyStopping(patience=9)])
    trainer.fit(2)
    before = weights(trainer)
    trainer.overfit(epochs=2)
    assert weights(trainer) == before
    whole = make_trainer()
    whole.fit(3)
    trainer.callbacks.clear()
    trainer.fit(3)
    assert weights(trainer) == weights(whole)


def test_a_callback_serves_several_runs_as_if_each_had_its_own(make_trainer, weights):
    def alone(seed):
        trainer = make_trainer(seed=seed, callbacks=[EarlyStopping(patience=1)])
        trainer.fit(8)
        return trainer

    stop = EarlyStopping(patience=1)
    runs = [make_trainer(seed=seed, callbacks=[stop]) for seed in (0, 1, 2)]
    for epochs in (1, 2, 8):
        for run in runs:
            run.fit(epochs)
    for seed, run in enumerate(runs):
        expected = alone(seed)
        assert run.history == expected.history
        assert weights(run) == weights(expected)
        assert run.stopped == expected.stopped


def test_a_callback_of_another_run_is_saved_and_loaded_as_ones_own(make_trainer):
    stop = EarlyStopping(patience=3)
    first, second = (make_trainer(seed=seed, callbacks=[stop]) for seed in (0, 1))
    first.fit(2)
    best = stop.best
    second.fit(1)
    assert dict(first.state_dict()["callbacks"])["EarlyStopping"]["best"] == best
    again = make_trainer(seed=0, callbacks=[stop])
    again.load_state_dict(first.state_dict())
    again.fit(2)
    assert stop.best == best


def test_a_callback_outlives_its_run(make_trainer):
    stop = EarlyStopping(patience=3)
    make_trainer(callbacks=[stop]).fit(2)
    gc.collect()
    trainer = make_trainer(val_loader=None, callbacks=[stop])
    with pytest.raises(ArgumentError, match="one of loss"):
        trainer.fit(1)
    assert stop.best_epoch == 0


def test_a_callback_that_keeps_nothing_may_be_shared_without_a_word(make_trainer):
    diary = Diary([])
    for seed in (0, 1):
        make_trainer(seed=seed, callbacks=[diary]).fit(1, limit_batches=1)
    assert [hook for hook, *_ in diary.diary].count("on_step_end") == 2


@pytest.mark.parametrize(
    ("callback", "shown"),
    [
        (EarlyStopping(), "EarlyStopping()"),
        (EarlyStopping("val_accuracy", 3), "EarlyStopping(monitor='val_accuracy', patience=3)"),
        (CSVLog("run.csv"), "CSVLog(path=PosixPath('run.csv'))"),
        (Callback(), "Callback()"),
    ],
)
def test_a_callback_shows_how_it_is_made(callback, shown):
    assert repr(callback).replace("WindowsPath", "PosixPath") == shown


def test_the_csv_log_is_the_history(tmp_path, make_trainer):
    path = tmp_path / "logs" / "run.csv"
    rows = []

    def read(trainer):
        rows.append(len(list(csv.reader(path.read_text().splitlines()))))

    trainer = make_trainer(callbacks=[CSVLog(path), StopAt("on_epoch_end", read)])
    trainer.fit(2)
    make_trainer(callbacks=[CSVLog(tmp_path / "other.csv")]).fit(2)
    assert rows == [2, 3]
    assert path.read_text() == trainer.history.to_csv()


def records(path):
    """The messages of an event file, both checksums of each checked."""
    content = path.read_bytes()
    while content:
        (length,) = struct.unpack("<Q", content[:8])
        assert content[8:12] == _masked_crc(content[:8])
        data = content[12 : 12 + length]
        assert content[12 + length : 16 + length] == _masked_crc(data)
        yield data
        content = content[16 + length :]


def test_the_checksum_is_the_published_one():
    assert _masked_crc(b"123456789") == struct.pack(
        "<I", ((0xE3069283 >> 15 | 0xE3069283 << 17) + 0xA282EAD8) & 0xFFFFFFFF
    )


def test_event_files_hold_every_figure(tmp_path, make_trainer, monkeypatch):
    monkeypatch.setattr("time.time", lambda: 1234.5)
    trainer = make_trainer(callbacks=[board := TensorBoard(tmp_path, every=4)])
    trainer.fit(2)
    (path,) = tmp_path.iterdir()
    assert path.name.startswith("events.out.tfevents.1234.500000.")
    first, *events = records(path)
    assert first == message((1, Double(1234.5)), (3, "brain.Event:2"))
    assert len(events) == 2 * (2 + 1)

    def event(step, figures):
        values = [message((1, name), (2, float(value))) for name, value in figures.items()]
        return message((1, Double(1234.5)), (2, step), (5, message((1, values))))

    rows = [
        {f"epoch/{name}": column[i] for name, column in trainer.history.items()} for i in range(2)
    ]
    assert events[2] == event(8, rows[0])
    assert events[5] == event(16, rows[1])
    assert events[4] == event(16, {"step/loss": trainer.loss_value, "step/lr": 0.1})
    trainer.fit(3)
    assert len(list(tmp_path.iterdir())) == 2
    board.on_fit_end(trainer)
    with pytest.raises(ArgumentError, match="every=0"):
        TensorBoard(tmp_path, every=0)


def test_event_files_that_cannot_be_written_are_named(tmp_path, make_trainer):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match=r"TensorBoard: .*\n.*events\.out"):
        make_trainer(callbacks=[TensorBoard(tmp_path / "file")]).fit(1)


def test_events_are_readable_while_the_run_goes_on(tmp_path, make_trainer):
    counts = []

    def count(trainer):
        counts.append(len(list(records(next(tmp_path.iterdir())))))

    trainer = make_trainer(callbacks=[TensorBoard(tmp_path, every=1), StopAt("on_step_end", count)])
    trainer.fit(1)
    assert counts == list(range(2, 10))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ([(1, 0)], "0800"),
        ([(1, 127)], "087f"),
        ([(1, 128)], "088001"),
        ([(1, -1)], "08ffffffffffffffffff01"),
        ([(1, True)], "0801"),
        ([(16, 300)], "8001ac02"),
        ([(2, "é")], "1202c3a9"),
        ([(2, b"")], "1200"),
        ([(3, 1.5)], "1d0000c03f"),
        ([(3, Double(1.5))], "19000000000000f83f"),
        ([(1, [1, 2])], "08010802"),
        ([(1, [])], ""),
        ([(1, "x" * 200)], "0ac801" + "78" * 200),
    ],
)
def test_protocol_buffers_are_written_as_published(fields, expected):
    assert message(*fields).hex() == expected


def test_a_copied_trainer_goes_on_as_the_original(make_trainer, weights):
    trainer = make_trainer(callbacks=[EarlyStopping(patience=1)])
    trainer.fit(2)
    twin = copy.deepcopy(trainer)
    assert trainer.fit(8) == twin.fit(8)
    assert weights(trainer) == weights(twin)
    assert trainer.stopped == twin.stopped
