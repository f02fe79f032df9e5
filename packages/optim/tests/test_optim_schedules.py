"""Schedules: their rates at the corners, after their end, and what they refuse."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinytorch.optim.schedules import (
    constant,
    cosine,
    exponential,
    join,
    linear_warmup,
    one_cycle,
    step_decay,
)
from tinytorch.tensor import ArgumentError


def rates(schedule, steps):
    return [schedule(step) for step in range(steps)]


def test_constant():
    assert rates(constant(0.1), 3) == [0.1] * 3


def test_step_decay_by_interval_and_by_milestones():
    assert rates(step_decay(1.0, 2, 0.5), 5) == [1.0, 1.0, 0.5, 0.5, 0.25]
    assert rates(step_decay(1.0, [1, 3], 0.5), 5) == [1.0, 0.5, 0.5, 0.25, 0.25]
    assert rates(step_decay(1.0, 1), 3) == pytest.approx([1.0, 0.1, 0.01])
    assert rates(step_decay(1.0, np.array([1, 3]), 0.5), 5) == [1.0, 0.5, 0.5, 0.25, 0.25]
    assert step_decay(1.0, [], 0.5)(9) == 1.0


def test_rates_are_python_numbers():
    lr = np.float32(0.5)
    for schedule in (constant(lr), exponential(lr, lr), cosine(lr, np.int64(5)), step_decay(lr, 5)):
        assert type(schedule(1)) is float


def test_exponential():
    assert rates(exponential(1.0, 0.5), 4) == [1.0, 0.5, 0.25, 0.125]
    assert exponential(1.0, 2.0)(1) == 2.0


def test_cosine():
    assert rates(cosine(1.0, 4), 7) == pytest.approx(
        [1.0, (1 + math.sqrt(0.5)) / 2, 0.5, (1 - math.sqrt(0.5)) / 2, 0.0, 0.0, 0.0]
    )
    assert rates(cosine(1.0, 2, end=0.5), 4) == pytest.approx([1.0, 0.75, 0.5, 0.5])


def test_linear_warmup():
    assert rates(linear_warmup(3.0, 4), 6) == pytest.approx([1.0, 1.5, 2.0, 2.5, 3.0, 3.0])
    assert rates(linear_warmup(1.0, 2, start_factor=0.0), 4) == [0.0, 0.5, 1.0, 1.0]


def test_one_cycle_corners():
    schedule = one_cycle(1.0, 100, pct_start=0.2, div_factor=10.0, final_div_factor=5.0)
    assert schedule(0) == pytest.approx(0.1)
    assert schedule(19) == pytest.approx(1.0)
    assert schedule(99) == pytest.approx(0.02)
    assert schedule(1000) == pytest.approx(0.02)
    assert schedule(9.5) == pytest.approx(0.55)


def test_one_cycle_three_phases():
    schedule = one_cycle(
        1.0, 100, pct_start=0.2, div_factor=10.0, final_div_factor=5.0, three_phase=True
    )
    assert [schedule(s) for s in (0, 19, 38, 99, 200)] == pytest.approx([0.1, 1.0, 0.1, 0.02, 0.02])
    assert schedule(28.5) == pytest.approx(0.55)


def test_one_cycle_linear():
    schedule = one_cycle(1.0, 101, pct_start=51 / 101, div_factor=2.0, anneal="linear")
    assert schedule(25) == pytest.approx(0.75)
    assert schedule(75) == pytest.approx(0.5 + 0.5 / 1e4 / 2)


def test_one_cycle_defaults():
    schedule = one_cycle(1.0, 100)
    assert (schedule(0), schedule(29), schedule(99)) == pytest.approx((0.04, 1.0, 4e-6))


@pytest.mark.parametrize("pct_start", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_short_cycles_stay_in_range(pct_start, steps):
    for three_phase in (False, True) if pct_start <= 0.5 else (False,):
        schedule = one_cycle(1.0, steps, pct_start=pct_start, three_phase=three_phase)
        assert all(0 < rate <= 1 for rate in rates(schedule, steps + 2))


def test_factors_of_a_cycle_may_be_below_one():
    schedule = one_cycle(1.0, 100, div_factor=0.5, final_div_factor=0.5)
    assert (schedule(0), schedule(29), schedule(99)) == pytest.approx((2.0, 1.0, 4.0))


def test_a_rise_of_one_step_begins_at_the_top():
    assert one_cycle(1.0, 10, pct_start=0.1)(0) == 1.0


def test_join_counts_from_each_beginning():
    schedule = join([constant(5.0), exponential(1.0, 0.5), constant(7.0)], at=[2, 4])
    assert rates(schedule, 6) == [5.0, 5.0, 1.0, 0.5, 7.0, 7.0]
    assert schedule(-1) == 5.0
    falling = join([exponential(1.0, 0.5), constant(7.0)], at=[2])
    assert rates(falling, 3) == [1.0, 0.5, 7.0]
    assert join([constant(1.0)], at=[])(3) == 1.0


@given(st.integers(1, 50), st.integers(0, 100))
def test_falling_schedules_fall_and_stay_between_their_ends(steps, step):
    for schedule in (cosine(1.0, steps, 0.1), step_decay(1.0, steps, 0.5), exponential(1.0, 0.9)):
        assert 0 <= schedule(step + 1) <= schedule(step) <= 1


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: constant(-1), r"^constant:(?s:.*) lr=-1"),
        (lambda: step_decay(-1, 2), r"^step_decay:(?s:.*) lr=-1"),
        (lambda: step_decay(1, 0), r"^step_decay:(?s:.*) every=0"),
        (lambda: step_decay(1, 1.5), r"^step_decay:(?s:.*) every=1.5"),
        (lambda: step_decay(1, True), r"^step_decay:(?s:.*) every=True"),
        (lambda: step_decay(1, [3, 2]), r"^step_decay:(?s:.*) every=\[3, 2\]"),
        (lambda: step_decay(1, [0, 2]), r"^step_decay:(?s:.*) every\[0\]=0"),
        (lambda: step_decay(1, [2, 2]), r"^step_decay:(?s:.*) every=\[2, 2\]"),
        (lambda: step_decay(1, 2, -1), r"^step_decay:(?s:.*) factor=-1"),
        (lambda: exponential(math.nan, 1), r"^exponential:(?s:.*) lr=nan"),
        (lambda: exponential(1, -0.5), r"^exponential:(?s:.*) factor=-0.5"),
        (lambda: exponential(1, math.inf), r"^exponential:(?s:.*) factor=inf"),
        (lambda: cosine(-1, 1), r"^cosine:(?s:.*) lr=-1"),
        (lambda: cosine(1, 0), r"^cosine:(?s:.*) steps=0"),
        (lambda: cosine(1, 2, -1), r"^cosine:(?s:.*) end=-1"),
        (lambda: linear_warmup(-1, 1), r"^linear_warmup:(?s:.*) lr=-1"),
        (lambda: linear_warmup(1, -1), r"^linear_warmup:(?s:.*) steps=-1"),
        (lambda: linear_warmup(1, 1, -1), r"^linear_warmup:(?s:.*) start_factor=-1"),
        (lambda: one_cycle(-1, 1), r"^one_cycle:(?s:.*) lr=-1"),
        (lambda: one_cycle(1, 0), r"^one_cycle:(?s:.*) steps=0"),
        (lambda: one_cycle(1, 5, pct_start=1.1), r"^one_cycle:(?s:.*) pct_start=1.1"),
        (lambda: one_cycle(1, 5, pct_start=-0.1), r"^one_cycle:(?s:.*) pct_start=-0.1"),
        (
            lambda: one_cycle(1, 5, pct_start=0.6, three_phase=True),
            r"at most 0.5 in three phases(?s:.*)=0.6",
        ),
        (lambda: one_cycle(1, 5, div_factor=0), "div_factor > 0(?s:.*) div_factor=0"),
        (
            lambda: one_cycle(1, 5, final_div_factor=math.inf),
            r"^one_cycle:(?s:.*) final_div_factor=inf",
        ),
        (lambda: one_cycle(1, 5, anneal="sin"), r"^one_cycle:(?s:.*) anneal='sin'"),
        (lambda: join([constant(1)], at=[1]), r"^join:(?s:.*)1 schedules and 1 beginnings"),
        (lambda: join([constant(1)] * 3, at=[2, 1]), r"^join:(?s:.*) at=\[2, 1\]"),
        (lambda: join([constant(1)] * 2, at=[]), "^join:(?s:.*)2 schedules and 0 beginnings"),
        (lambda: join([], at=[]), "^join:(?s:.*)0 schedules and 0 beginnings"),
        (lambda: join([constant(1)] * 2, at=5), "^join:(?s:.*) at=5"),
        (
            lambda: join([constant(1), 0.1], at=[5]),
            r"^join:(?s:.*)a list of functions(?s:.*)constant\(0.1\)",
        ),
        (lambda: join(constant(1), at=[]), "^join:(?s:.*)a list of functions"),
        (lambda: join([constant(1)] * 2, at=["5"]), r"^join:(?s:.*) at\[0\]='5'"),
        (lambda: step_decay(1, [3, 5.5]), r"^step_decay:(?s:.*) every\[1\]=5.5"),
        (lambda: step_decay(1, "35"), "^step_decay:(?s:.*) every='35'"),
        (lambda: step_decay(1, None), "^step_decay:(?s:.*) every=None"),
        (lambda: cosine(1, "10"), "^cosine:(?s:.*) steps='10'"),
        (lambda: cosine(None, 10), "^cosine:(?s:.*) lr=None"),
        (lambda: exponential(1, "a"), "^exponential:(?s:.*) factor='a'"),
        (lambda: linear_warmup(1, math.nan), "^linear_warmup:(?s:.*) steps=nan"),
        (lambda: one_cycle(1, 5, pct_start="a"), "^one_cycle:(?s:.*) pct_start='a'"),
        (lambda: one_cycle(1, 5, three_phase=1), "^one_cycle:(?s:.*) three_phase=1"),
        (lambda: one_cycle(1, 5, div_factor=None), "^one_cycle:(?s:.*) div_factor=None"),
    ],
)
def test_bad_arguments_are_named(call, text):
    with pytest.raises(ArgumentError, match=text):
        call()
