"""The history: a table that reads like a dictionary, and is read back bit for bit."""

import csv
import json
import math
import sys

import pytest

from tinytorch.tensor.errors import ArgumentError, FileError, MissingExtraError
from tinytorch.training import History
from tinytorch.training._history import direction, show_figure


def made(*rows):
    history = History()
    for i, row in enumerate(rows):
        history.append(row, seconds=i + 0.5)
    return history


def test_it_reads_like_a_dictionary_of_columns():
    history = made({"loss": 2, "accuracy": 0.25}, {"loss": 1, "accuracy": 0.5})
    assert history["loss"] == [2.0, 1.0]
    assert list(history) == ["loss", "accuracy"]
    assert len(history) == 2
    assert "val_loss" not in history
    assert dict(history) == {"loss": [2.0, 1.0], "accuracy": [0.25, 0.5]}
    assert history.last == {"loss": 1.0, "accuracy": 0.5}
    assert (history.epochs, history.seconds) == (2, [0.5, 1.5])
    assert History().last == {}
    history.append({})
    assert history.seconds == [0.5, 1.5, 0.0]
    with pytest.raises(KeyError):
        history["lr"]


def test_columns_that_come_or_go_are_nan_where_they_lack():
    history = made({"a": 1}, {"b": 2})
    assert [str(v) for v in history["a"]] == ["1.0", "nan"]
    assert [str(v) for v in history["b"]] == ["nan", "2.0"]


def test_equality_is_about_figures_not_times():
    one, other = made({"a": math.nan}), made({"a": math.nan})
    other.seconds = [99.0]
    assert one == other
    assert one != made({"a": 1.0})
    assert one != made({"b": math.nan})
    assert one != {"a": [math.nan]}


def test_best_knows_which_way_is_up():
    rows = [(3.0, 0.1), (1.0, 0.3), (1.0, 0.2), (math.nan, math.nan)]
    history = made(*({"val_loss": a, "val_accuracy": b} for a, b in rows))
    assert history.best("val_loss") == (2, 1.0)
    assert history.best("val_accuracy") == (2, 0.3)
    assert history.best("val_loss", mode="max") == (1, 3.0)
    assert history.best("val_accuracy", mode="min") == (1, 0.1)
    assert made({"loss": math.nan}).best("loss")[0] == 0
    assert math.isnan(made({"loss": math.nan}).best("loss")[1])
    with pytest.raises(ArgumentError, match="val_loss, val_accuracy"):
        history.best("top5")
    with pytest.raises(ArgumentError, match="none yet"):
        History().best("loss")
    with pytest.raises(ArgumentError, match="'up'"):
        history.best("val_loss", mode="up")


def test_json_gives_back_every_bit(tmp_path):
    history = made({"a": 0.1 + 0.2, "b": math.inf}, {"a": math.nan, "b": -math.inf}, {"a": 5e-324})
    path = tmp_path / "runs" / "history.json"
    text = history.to_json(path)
    assert path.read_text() == text
    json.loads(text, parse_constant=pytest.fail)
    back = History.from_json(path)
    assert back == history
    assert back.seconds == history.seconds
    assert math.isnan(back["a"][1])


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"columns": {"a": ["x"]}, "seconds": []}', "[" * 100_000],
    ids=["empty", "a list", "a dict", "texts", "nested without end"],
)
def test_a_damaged_history_is_refused_by_name(tmp_path, content):
    path = tmp_path / "history.json"
    path.write_text(content)
    with pytest.raises(FileError, match=r"history\.json"):
        History.from_json(path)
    with pytest.raises(FileError, match=r"missing\.json"):
        History.from_json(tmp_path / "missing.json")


@pytest.mark.parametrize("write", ["to_csv", "to_json"])
def test_a_place_that_cannot_be_written_is_named(tmp_path, write):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match=f"History.{write}"):
        getattr(made({"loss": 0.1}), write)(tmp_path / "file" / "log")


def test_csv_has_a_row_per_epoch(tmp_path):
    history = made({"loss": 0.1, "top,1": 1.0}, {"loss": 0.05, "top,1": 2.0})
    text = history.to_csv(tmp_path / "log.csv")
    rows = list(csv.DictReader(text.splitlines()))
    assert rows[1] == {"epoch": "2", "loss": "0.05", "top,1": "2.0", "seconds": "1.5"}
    assert (tmp_path / "log.csv").read_text() == text
    assert History().to_csv() == "epoch,seconds\n"


def test_the_repr_is_a_table():
    history = made({"loss": 0.7, "val_accuracy": 0.25}, {"loss": 1e-5, "val_accuracy": 1.0})
    assert repr(history) == (
        "History of 2 epochs\n"
        "  epoch      loss  val_accuracy\n"
        "      1    0.7000        0.2500\n"
        "      2   1.0e-05        1.0000"
    )
    assert repr(History()) == "History of 0 epochs"
    assert repr(made({"a": 1})).startswith("History of 1 epoch\n")


@pytest.mark.parametrize(("epochs", "lines"), [(20, 22), (21, 23), (50, 23)])
def test_the_repr_of_a_long_run_shows_both_ends(epochs, lines):
    text = repr(made(*({"loss": i} for i in range(epochs)))).splitlines()
    assert len(text) == lines
    assert text[2].split() == ["1", "0.0000"]
    assert text[-1].split() == [str(epochs), f"{epochs - 1}.0000"]
    if epochs > 20:
        assert text[11].split()[0] == "10"
        assert text[12].strip() == "..."
        assert text[13].split()[0] == str(epochs - 9)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0000"),
        (0.5, "0.5000"),
        (-12.34567, "-12.3457"),
        (0.001, "0.0010"),
        (0.00099, "9.9e-04"),
        (9999.0, "9999.0000"),
        (10000.0, "1.0e+04"),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
    ],
)
def test_figures_are_short(value, text):
    assert show_figure(value) == text


def test_the_plot_has_a_panel_per_figure(tmp_path):
    pytest.importorskip("matplotlib")
    row = {"loss": 1.0, "accuracy": 0.5, "val_loss": 2.0, "val_accuracy": 0.25, "val_only": 1.0}
    figure = made(row, row).plot(tmp_path / "curves.png")
    panels = {axes.get_title(): axes for axes in figure.axes}
    assert list(panels) == ["loss", "accuracy", "val_only"]
    lines = panels["loss"].get_lines()
    assert [line.get_label() for line in lines] == ["training", "validation"]
    assert list(lines[0].get_xdata()) == [1, 2]
    assert list(lines[1].get_ydata()) == [2.0, 2.0]
    assert len(panels["val_only"].get_lines()) == 1
    assert panels["loss"].get_legend() is not None
    assert panels["val_only"].get_legend() is None
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_one_epoch_is_a_point_that_can_be_seen():
    pytest.importorskip("matplotlib")
    figure = made({"loss": 1.0, "val_loss": 1.0}).plot()
    assert [line.get_marker() for line in figure.axes[0].get_lines()] == ["o", "o"]
    figure = made({"loss": 1.0}, {"loss": 1.0}).plot()
    assert figure.axes[0].get_lines()[0].get_marker() in {"None", None, ""}


def test_an_empty_history_and_a_missing_matplotlib(monkeypatch):
    with pytest.raises(ArgumentError, match="empty history"):
        History().plot()
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match=r"tinytorch-training\[plot\]"):
        made({"loss": 1.0}).plot()


@pytest.mark.parametrize(
    ("name", "sign"),
    [
        *(
            (name, -1)
            for name in ("loss", "val_loss", "val_myloss", "error_rate", "val_error_rate")
        ),
        *((name, -1) for name in ("mae", "val_rmse", "perplexity", "mean_squared_error", "wer")),
        *((name, -1) for name in ("top5_error", "false_positive_rate", "cross_entropy", "ece")),
        *((name, 1) for name in ("accuracy", "val_accuracy", "top5", "val_f1", "precision", "r2")),
        *((name, 1) for name in ("macro_recall", "val_mIoU", "AUROC", "f1_score", "mAP50", "psnr")),
    ],
)
def test_the_name_of_a_column_tells_what_is_best(name, sign):
    assert direction("best", name, None) == sign
    assert direction("best", name, "max") == 1
    assert direction("best", name, "min") == -1


@pytest.mark.parametrize("name", ["val_temperature", "lr", "rate", "exact"])
def test_a_name_that_does_not_tell_is_asked_about(name):
    history = History()
    history.append({name: 1.0})
    with pytest.raises(ArgumentError, match="mode") as caught:
        history.best(name)
    assert caught.value.operation == "History.best"
    assert history.best(name, "min") == (1, 1.0)


@pytest.mark.parametrize(("epochs", "rows"), [(2, 3), (20, 21), (30, 22)])
def test_a_notebook_gets_the_table_in_html(epochs, rows):
    shown = made(*({"loss": 0.5} for _ in range(epochs)))._repr_html_()
    assert shown.count("<tr>") == rows
    assert f"History of {epochs} epochs" in shown
    assert ">0.5000</td>" in shown
