"""Schedules: functions of the step, from 0."""

import math

import pytest

from tinytorch.tensor import ArgumentError

pytestmark = pytest.mark.step(6)


@pytest.fixture
def schedules(optim):
    return optim.schedules


@pytest.mark.parametrize(
    ("make", "rates", "mistake"),
    [
        (lambda s: s.constant(0.1), {0: 0.1, 5: 0.1}, "the same at every step"),
        (
            lambda s: s.step_decay(0.1, 10),
            {0: 0.1, 9: 0.1, 10: 0.01, 19: 0.01, 20: 0.001},
            "one step early or late: step // every",
        ),
        (
            lambda s: s.step_decay(0.1, every=[3, 5], factor=0.5),
            {2: 0.1, 3: 0.05, 4: 0.05, 5: 0.025, 9: 0.025},
            "a list holds the steps at which the rate falls",
        ),
        (lambda s: s.exponential(0.1, 0.5), {0: 0.1, 1: 0.05, 3: 0.0125}, "lr factor**step"),
        (
            lambda s: s.cosine(0.1, 10),
            {0: 0.1, 5: 0.05, 9: 0.05 * (1 + math.cos(0.9 * math.pi)), 10: 0.0},
            "half a wave: the end is reached at step `steps`",
        ),
        (lambda s: s.cosine(0.1, 10, end=0.02), {0: 0.1, 5: 0.06, 10: 0.02}, "`end` is the last"),
        (
            lambda s: s.linear_warmup(0.3, 4),
            {0: 0.1, 2: 0.2, 4: 0.3},
            "from lr / 3 in a straight line to lr at step `steps`",
        ),
        (lambda s: s.linear_warmup(0.3, 4, 0.0), {0: 0.0, 1: 0.075, 3: 0.225}, "start_factor lr"),
        (
            lambda s: s.one_cycle(0.2, 100),
            {0: 0.008, 29: 0.2, 99: 8e-7},
            "up to lr at step pct_start steps - 1, down to the end at the last step",
        ),
        (
            lambda s: s.one_cycle(0.2, 101, pct_start=51 / 101, anneal="linear"),
            {0: 0.008, 10: 0.0464, 50: 0.2, 60: 0.16000016},
            'anneal="linear" has straight lines',
        ),
        (
            lambda s: s.one_cycle(0.2, 100, pct_start=0.2, three_phase=True),
            {0: 0.008, 19: 0.2, 38: 0.008, 99: 8e-7},
            "three phases: down to the first rate as fast as up, then on",
        ),
        (
            lambda s: s.join([lambda step: 0.1, lambda step: 0.5**step], at=[2]),
            {0: 0.1, 1: 0.1, 2: 1.0, 3: 0.5},
            "each schedule counts from its own beginning",
        ),
        (
            lambda s: s.join([lambda _: 1.0, lambda _: 2.0, lambda _: 3.0], at=[2, 5]),
            {1: 1.0, 2: 2.0, 4: 2.0, 5: 3.0, 9: 3.0},
            "`at` holds the beginnings of the second and the third",
        ),
    ],
    ids=[
        *("constant", "interval", "milestones", "exponential", "cosine", "cosine to an end"),
        *("warmup", "warmup from 0", "one cycle", "straight cycle", "three phases"),
        *("join", "join of three"),
    ],
)
def test_a_schedule_is_a_function_of_the_step(schedules, expect, make, rates, mistake):
    schedule = make(schedules)
    found = [schedule(step) for step in rates]
    expect(found, list(rates.values()), f"at steps {[*rates]}: {mistake}", "`schedules.*`", 1e-6)


@pytest.mark.parametrize(
    ("make", "last"),
    [
        (lambda s: s.cosine(0.1, 10, 0.02), 0.02),
        (lambda s: s.linear_warmup(0.3, 4), 0.3),
        (lambda s: s.one_cycle(0.2, 100), 8e-7),
    ],
    ids=["cosine", "warmup", "one cycle"],
)
def test_the_last_rate_is_kept(schedules, expect, make, last):
    mistake = "past the end the last rate stays: the wave must not rise again"
    expect([make(schedules)(step) for step in (150, 1000)], [last] * 2, mistake, "`schedules.*`")


@pytest.mark.parametrize(
    "call",
    [
        lambda s: s.constant(-1),
        lambda s: s.step_decay(0.1, 0),
        lambda s: s.step_decay(0.1, [5, 3]),
        lambda s: s.step_decay(0.1, [0, 3]),
        lambda s: s.exponential(0.1, -0.5),
        lambda s: s.cosine(0.1, steps=0),
        lambda s: s.linear_warmup(0.1, 0),
        lambda s: s.one_cycle(0.1, 10, pct_start=1.5),
        lambda s: s.join([s.constant(0.1)], at=[5]),
        lambda s: s.join([s.constant(0.1)] * 2, at=[]),
        lambda s: s.join([s.constant(0.1)] * 3, at=[5, 3]),
    ],
    ids=[
        *("lr", "every 0", "descending", "from 0", "factor", "no steps", "no warmup", "pct_start"),
        *("one beginning too many", "one too few", "descending beginnings"),
    ],
)
def test_bad_arguments_are_refused(schedules, call):
    with pytest.raises(ArgumentError):
        call(schedules)
