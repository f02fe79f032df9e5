"""Settings: what each check takes, gives back and refuses."""

import numpy as np
import pytest

from tinytorch.tensor import ArgumentError, MissingExtraError, checks


@pytest.mark.parametrize(
    ("check", "value", "given"),
    [
        (checks.whole, 3, 3),
        (checks.whole, np.int8(3), 3),
        (checks.whole, np.array(3), 3),
        (checks.whole, -3, -3),
        (checks.pair, 2, (2, 2)),
        (checks.pair, [1, np.int64(2)], (1, 2)),
        (checks.number, 1, 1.0),
        (checks.number, np.float32(0.5), 0.5),
        (checks.fraction, 0, 0.0),
        (checks.fraction, 1, 1.0),
        (checks.flag, True, True),
        (checks.flag, np.False_, False),
    ],
)
def test_a_setting_becomes_a_plain_python_value(check, value, given):
    came = check("conv2d", "setting", value)
    assert came == given
    assert type(came) is type(given)


@pytest.mark.parametrize("value", ["min", None])
def test_a_choice_is_given_back(value):
    assert checks.choice("plateau", "mode", value, ("min", "max", None)) is value


@pytest.mark.parametrize("value", ["less", "", 0, None, ["min"], np.array(["min", "max"])])
def test_a_choice_that_is_none_of_a_few_is_refused(value):
    with pytest.raises(ArgumentError) as caught:
        checks.choice("plateau", "mode", value, ("min", "max"))
    assert caught.value.operation == "plateau"
    assert caught.value.expected == 'mode: "min" or "max"'
    assert caught.value.fix == 'for instance mode="min"'
    assert caught.value.got == f"mode={value!r}"


@pytest.mark.parametrize(
    ("check", "value"),
    [
        *[(checks.whole, value) for value in (True, np.True_, 1.0, "1", None, [1], np.array([1]))],
        *[(checks.pair, value) for value in (True, (1,), (1, 2, 3), (1, True), 0.5, "12")],
        *[(checks.number, value) for value in (True, "1", None, np.inf, np.nan, 1j, 10**400)],
        *[(checks.fraction, value) for value in (-0.1, 1.1, np.nan, False, "0.5", None)],
        *[(checks.flag, value) for value in (0, 1, "yes", None)],
    ],
)
def test_what_is_no_such_setting_is_refused_by_name(check, value):
    with pytest.raises(ArgumentError, match="setting=") as caught:
        check("conv2d", "setting", value)
    assert caught.value.operation == "conv2d"
    assert caught.value.name == "setting"


def test_bounds():
    assert checks.whole("f", "n", 0, least=0) == 0
    assert checks.number("f", "x", 0.0, least=0) == 0
    with pytest.raises(ArgumentError, match="at least 1"):
        checks.whole("f", "n", 0, least=1)
    with pytest.raises(ArgumentError, match="at least 1"):
        checks.pair("f", "n", (1, 0), least=1)
    with pytest.raises(ArgumentError, match="at least 0"):
        checks.number("f", "x", -1e-9, least=0)
    with pytest.raises(ArgumentError, match="below 1"):
        checks.fraction("f", "p", 1.0, below_one=True)


def test_a_missing_extra_is_named_with_what_brings_it():
    with (
        pytest.raises(
            MissingExtraError, match='pip install "tinytorch-training\\[plot\\]"'
        ) as caught,
        checks.extra("plot", "tinytorch-training[plot]"),
    ):
        raise ModuleNotFoundError("No module named 'matplotlib'", name="matplotlib")
    assert caught.value.operation == "plot"
    assert caught.value.module == "matplotlib"


def test_any_other_error_passes_an_extra_untouched():
    with pytest.raises(ZeroDivisionError), checks.extra("plot", "tinytorch-training[plot]"):
        1 / 0  # noqa: B018
