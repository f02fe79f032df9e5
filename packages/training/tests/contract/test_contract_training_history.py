"""The history: a column for each figure, a number for each epoch."""

import csv
import math

import pytest

from tinytorch.tensor import ArgumentError

pytestmark = pytest.mark.step(3)
ROW = "History"


@pytest.fixture
def history(training):
    history = training.History()
    history.append({"loss": 0.7, "accuracy": 0.5}, seconds=1.5)
    history.append({"loss": 0.4, "accuracy": 0.8, "val_loss": 0.6}, seconds=2.5)
    history.append({"loss": 0.4, "accuracy": 0.7}, seconds=1.0)
    return history


def test_a_column_is_a_list_of_numbers(history, expect):
    expect(list(history), ["loss", "accuracy", "val_loss"], "columns in their order", ROW)
    expect(history["loss"], [0.7, 0.4, 0.4], "one number for each epoch", ROW)
    expect([history.epochs, len(history)], [3, 3], "epochs are rows, len() is columns", ROW)


def test_a_figure_that_a_row_lacks_is_nan(history, expect):
    expect(history["val_loss"], [math.nan, 0.6, math.nan], "NaN before and after", ROW)


def test_times_lie_apart(history, expect):
    expect(history.seconds, [1.5, 2.5, 1.0], "seconds is no column", ROW)


def test_the_last_row(history, training, expect):
    expect(history.last, {"loss": 0.4, "accuracy": 0.7, "val_loss": math.nan}, "last row", ROW)
    expect(training.History().last, {}, "empty before the first epoch", ROW)


@pytest.mark.parametrize(
    ("name", "mode", "wanted"),
    [
        ("loss", None, (2, 0.4)),
        ("accuracy", None, (2, 0.8)),
        ("val_loss", None, (2, 0.6)),
        ("loss", "max", (1, 0.7)),
        ("accuracy", "min", (1, 0.5)),
    ],
)
def test_the_best_epoch_counts_from_1(history, expect, name, mode, wanted):
    mistake = "losses are best low, shares high; the first of equals; NaN is never best"
    expect(history.best(name, mode), wanted, mistake, ROW)


@pytest.mark.parametrize("name", ["error_rate", "val_mae", "perplexity"])
def test_errors_are_best_low(training, expect, name):
    history = training.History()
    for value in (0.5, 0.2, 0.3):
        history.append({name: value})
    expect(history.best(name), (2, 0.2), f"{name} is best low", ROW)


def test_a_name_that_does_not_tell_wants_a_mode(training, expect):
    history = training.History()
    history.append({"temperature": 1.0})
    with pytest.raises(ArgumentError):
        history.best("temperature")
    expect(history.best("temperature", "max"), (1, 1.0), "mode=", ROW)


def test_nothing_but_nan_has_no_best(training, expect):
    history = training.History()
    history.append({"loss": math.nan})
    expect(history.best("loss"), (0, math.nan), "(0, nan)", ROW)


def test_a_column_that_is_not_there_is_refused(history):
    with pytest.raises(ArgumentError):
        history.best("val_accuracy")


def test_csv_counts_epochs_from_1_and_ends_with_seconds(history, expect, tmp_path):
    rows = list(csv.reader(history.to_csv(tmp_path / "h.csv").splitlines()))
    expect(rows[0], ["epoch", "loss", "accuracy", "val_loss", "seconds"], "the head", ROW)
    expect([row[0] for row in rows[1:]], ["1", "2", "3"], "epochs are counted from 1", ROW)
    expect([float(row[1]) for row in rows[1:]], [0.7, 0.4, 0.4], "the loss", ROW)
    expect([float(row[-1]) for row in rows[1:]], [1.5, 2.5, 1.0], "the seconds", ROW)
    expect((tmp_path / "h.csv").read_text(), history.to_csv(), "the file has the text", ROW)


def test_json_comes_back(training, history, expect, tmp_path):
    history.to_json(tmp_path / "h.json")
    again = training.History.from_json(tmp_path / "h.json")
    expect(again == history, True, "NaN is written as text, and read", ROW)
    expect(again.seconds, history.seconds, "times come back too", ROW)


def test_histories_are_equal_whatever_the_times(training, history, expect):
    other, third = training.History(), training.History()
    other.append({"loss": math.nan}, seconds=1)
    third.append({"loss": math.nan}, seconds=2)
    expect([other == third, other == history], [True, False], "seconds do not count", ROW)
