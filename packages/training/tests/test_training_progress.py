"""The progress display: lines in a log, a bar on a terminal, and next to no cost."""

import io
import re
import sys
from types import ModuleType, SimpleNamespace

import pytest

from tinytorch.training import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Clock:
    """Goes on by so many seconds at each look."""

    def __init__(self, tick):
        self.now, self.tick = 0.0, tick

    def __call__(self):
        self.now += self.tick
        return self.now


def lines(make_trainer, epochs=2, out=None, **settings):
    out = out if out is not None else io.StringIO()
    trainer_settings = {k: settings.pop(k) for k in ("train_loader",) if k in settings}
    progress = Progress(stream=out, **settings)
    trainer = make_trainer(callbacks=[progress], **trainer_settings)
    trainer.fit(epochs)
    return out.getvalue().splitlines(), trainer


def test_a_log_gets_a_line_per_epoch(make_trainer):
    text, trainer = lines(make_trainer, clock=Clock(1.0))
    assert len(text) == 2
    history = trainer.history
    for epoch, line in enumerate(text, 1):
        assert line == (
            f"epoch {epoch}/2  {history.seconds[epoch - 1]:.1f} s  1.0 batches/s  12 examples/s  "
            + "  ".join(f"{name} {column[epoch - 1]:.4f}" for name, column in history.items())
        )


def test_the_speed_of_a_short_epoch_is_right(make_trainer):
    text, _ = lines(make_trainer, epochs=1, clock=Clock(0.01))
    assert "  100.0 batches/s  1,200 examples/s  " in text[0]


def test_a_long_epoch_gets_lines_in_between(make_trainer):
    text, _ = lines(make_trainer, epochs=1, clock=Clock(1.0), every=3.0)
    assert len(text) == 3
    assert re.fullmatch(
        r"epoch 1/1  batch 3/8  1\.0 batches/s  12 examples/s  "
        r"loss \d\.\d{4}  accuracy \d\.\d{4}  5 s left",
        text[0],
    )
    assert text[1].startswith("epoch 1/1  batch 6/8")
    assert text[1].endswith("  2 s left")


def test_a_loader_of_unknown_length_has_no_time_left(make_trainer):
    class Endless:
        def __init__(self, batches):
            self.batches = batches

        def __iter__(self):
            return iter(self.batches)

    batches = list(make_trainer().train_loader)
    text, _ = lines(
        make_trainer, epochs=1, clock=Clock(1.0), every=4.0, train_loader=Endless(batches)
    )
    assert text[0].startswith("epoch 1/1  batch 4  1.0 batches/s")
    assert "left" not in text[0]


def test_a_resumed_run_says_where_it_goes_on(make_trainer):
    first = make_trainer()
    first.fit(1)
    out = io.StringIO()
    again = make_trainer(callbacks=[Progress(stream=out, clock=Clock(1.0))])
    again.load_state_dict(first.state_dict())
    again.fit(2)
    assert out.getvalue().splitlines()[0] == "going on after epoch 1, batch 0"
    assert "1.0 batches/s  12 examples/s" in out.getvalue().splitlines()[1]


def test_speed_after_a_resume_counts_what_was_done_since(make_trainer):
    first = make_trainer()
    first.fit(1)
    first.batch, first.examples = 6, 72
    out = io.StringIO()
    again = make_trainer(callbacks=[Progress(stream=out, clock=Clock(1.0))])
    again.load_state_dict(first.state_dict())
    again.fit(2)
    assert "  1.0 batches/s  12 examples/s" in out.getvalue().splitlines()[1]


def test_it_says_why_a_run_was_stopped(make_trainer):
    out = io.StringIO()
    trainer = make_trainer(callbacks=[Progress(stream=out)])
    trainer.evaluate = lambda *_: trainer.stop("enough") or {"loss": 1.0}
    trainer.fit(3)
    assert out.getvalue().splitlines()[-1] == "stopped: enough"
    assert out.getvalue().count("epoch") == 1


def test_a_terminal_shows_reasons_as_they_are_written(make_trainer):
    pytest.importorskip("rich")
    reason = "[bold]" + "because " * 40
    out = Terminal()
    trainer = make_trainer(callbacks=[Progress(stream=out)])
    trainer.evaluate = lambda *_: trainer.stop(reason) or {"loss": 1.0}
    trainer.fit(3)
    assert f"stopped: {reason}" in out.getvalue()


def test_the_default_is_shown_and_false_is_silent(make_trainer, capsys):
    make_trainer(progress=False).fit(1)
    assert capsys.readouterr().out == ""
    trainer = make_trainer(progress=True)
    trainer.fit(1)
    assert capsys.readouterr().out.startswith("epoch 1/1  ")
    assert sum(isinstance(c, Progress) for c in trainer.callbacks) == 1
    own = make_trainer(progress=True, callbacks=[Progress(stream=io.StringIO())])
    own.fit(1)
    assert capsys.readouterr().out == ""
    assert own.callbacks[0].order < 0


def test_lines_within_an_epoch_are_half_a_minute_apart(make_trainer):
    assert len(lines(make_trainer, epochs=1, clock=Clock(29.9 / 8))[0]) == 1
    assert len(lines(make_trainer, epochs=1, clock=Clock(30.0 / 8))[0]) == 2


def test_a_terminal_without_rich_gets_lines(make_trainer, monkeypatch):
    monkeypatch.setitem(sys.modules, "rich.console", None)
    text, _ = lines(make_trainer, out=Terminal(), clock=Clock(1.0))
    assert len(text) == 2


def test_a_terminal_gets_a_bar_and_a_line_per_epoch(make_trainer):
    pytest.importorskip("rich")
    out = Terminal()
    text, trainer = lines(make_trainer, out=out, clock=Clock(1.0))
    shown = out.getvalue()
    assert "epoch 1/2" in shown
    assert "8/8" in shown
    assert "1.0 batches/s" in shown
    for epoch in (1, 2):
        assert f"epoch {epoch}/2  {trainer.history.seconds[epoch - 1]:.1f} s  1.0 b" in shown
    assert "stopped" not in shown
    assert text


def test_the_bar_is_drawn_twice_a_second_at_most(make_trainer):
    pytest.importorskip("rich")
    seldom, often = Terminal(), Terminal()
    lines(make_trainer, epochs=1, out=seldom, clock=Clock(0.001))
    lines(make_trainer, epochs=1, out=often, clock=Clock(0.6))
    assert "4/8" not in seldom.getvalue()
    assert "4/8" in often.getvalue()


def test_the_bar_goes_away_after_an_error(make_trainer):
    pytest.importorskip("rich")
    out = Terminal()
    progress = Progress(stream=out)
    trainer = make_trainer(callbacks=[progress])
    trainer.loss = lambda outputs, targets: 1 / 0
    with pytest.raises(ZeroDivisionError):
        trainer.fit(1)
    assert progress._display is None


class Handle:
    def __init__(self):
        self.drawn = []

    def display(self, bundle, raw, display_id):
        assert raw
        assert display_id
        self.drawn.append(bundle)
        return self

    def update(self, bundle, raw):
        assert raw
        self.drawn.append(bundle)


@pytest.fixture
def notebook(monkeypatch):
    """Stand in for IPython in a kernel; the handle keeps what the cell shows."""
    handle = Handle()
    ipython = ModuleType("IPython")
    ipython.display = handle
    ipython.get_ipython = lambda: SimpleNamespace(kernel=1)
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    return handle


def test_a_notebook_has_one_bar_that_is_drawn_anew(make_trainer, notebook, capsys):
    trainer = make_trainer(callbacks=[Progress(clock=Clock(1.0))])
    trainer.fit(2)
    assert capsys.readouterr().out == ""
    assert all(bundle["text/html"].count("<progress") == 1 for bundle in notebook.drawn)
    assert any('value="4" max="8"' in bundle["text/html"] for bundle in notebook.drawn)
    last = notebook.drawn[-1]
    assert 'value="8" max="8"' in last["text/html"]
    assert last["text/plain"].startswith("epoch 2/2")


def test_a_notebook_writes_lines_where_it_is_told_to(make_trainer, notebook):
    text, _ = lines(make_trainer, clock=Clock(1.0))
    assert len(text) == 2
    assert notebook.drawn == []


def test_ipython_on_a_terminal_has_no_notebook(make_trainer, notebook, capsys):
    sys.modules["IPython"].get_ipython = lambda: None
    make_trainer(callbacks=[Progress()]).fit(1)
    assert notebook.drawn == []
    assert capsys.readouterr().out.startswith("epoch 1/1")
