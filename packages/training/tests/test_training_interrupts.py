"""Ctrl-C and its like wait for the step's end, save, and say where the run goes on."""

import signal
import threading

import pytest

from tinytorch.training import (
    Callback,
    Checkpoint,
    checkpoints,
)


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


def test_a_second_ctrl_c_is_not_kept_waiting(tmp_path, make_trainer, names):
    trainer = make_trainer(callbacks=[Checkpoint(tmp_path), PressCtrlC(3, times=2)])
    with pytest.raises(KeyboardInterrupt, match=r"^$"):
        trainer.fit(2)
    assert names(tmp_path) == ["step-000000000-epoch-00000-batch-0000000"]


@pytest.fixture(autouse=True)
def as_on_a_terminal():
    """Whoever runs the tests may have SIGHUP ignored, as nohup does."""
    if not hasattr(signal, "SIGHUP"):
        yield
        return
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


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
def test_handlers_are_restored_after_errors_too(make_trainer, number, crash):
    def handler(number, frame):
        raise AssertionError

    before = signal.signal(number, handler)
    try:
        with pytest.raises(RuntimeError):
            make_trainer(callbacks=[crash(3)]).fit(1)
        assert signal.getsignal(number) is handler
    finally:
        signal.signal(number, before)


@pytest.mark.parametrize("error", [RuntimeError("a worker died"), KeyboardInterrupt()])
@pytest.mark.parametrize("validating", [False, True])
def test_a_loader_that_ctrl_c_breaks_does_not_cost_the_save(
    tmp_path, make_trainer, weights, error, validating, names
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
