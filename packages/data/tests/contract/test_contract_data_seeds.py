"""Position and seed: a state resumes the very batches that were still to come."""

import json

import numpy as np
import pytest

from tinytorch import data
from tinytorch.tensor.errors import TinyTorchError

pytestmark = pytest.mark.step(7)


class Draw:
    """A transform that adds random numbers."""

    random = True

    def __call__(self, batch, *, rng):
        return batch + rng.normal(size=batch.shape)


def loader(rng=0, **settings):
    dataset = data.TensorDataset(np.arange(20.0))
    return data.DataLoader(dataset, 3, shuffle=True, transform=Draw(), rng=rng, **settings)


def numbers(batches):
    return [np.asarray(batch[0]).tolist() for batch in batches]


def after(count, made):
    """A loader's state after so many batches, as JSON gives it back, and what it gives next."""
    batches = iter(made)
    for _ in range(count):
        next(batches)
    state = json.loads(json.dumps(made.state_dict()))
    return state, [numbers(batches), numbers(made), numbers(made)]


def test_a_state_is_a_few_numbers():
    state, _ = after(4, loader())
    assert {key: state[key] for key in ("epoch", "given", "batches")} == {
        "epoch": 0,
        "given": 4,
        "batches": 7,
    }


@pytest.mark.parametrize("count", [1, 4, 6])
def test_a_state_gives_the_rest_of_the_epoch(expect, count):
    state, (rest, *_) = after(count, loader())
    resumed = loader(rng=9)
    resumed.load_state_dict(state)
    came = numbers(resumed)
    expect(came, rest, "skip the batches given; their numbers count on", "load_state_dict")


def test_a_state_gives_the_epochs_that_follow(expect):
    state, (_, *following) = after(4, loader())
    resumed = loader(rng=9)
    resumed.load_state_dict(state)
    numbers(resumed)
    came = [numbers(resumed), numbers(resumed)]
    expect(came, following, "the seed and the epoch are in the state", "load_state_dict")


def test_a_state_at_the_end_of_an_epoch_goes_on_with_the_next(expect):
    made = loader()
    numbers(made)
    state = made.state_dict()
    assert (state["epoch"], state["given"]) == (1, 0)
    resumed = loader(rng=9)
    resumed.load_state_dict(state)
    expect(numbers(resumed), numbers(made), "count the epoch when it ends", "load_state_dict")


def test_a_state_after_the_last_batch_has_an_empty_rest(expect):
    state, (rest, *_) = after(7, loader())
    resumed = loader(rng=9)
    resumed.load_state_dict(state)
    expect((rest, numbers(resumed)), ([], []), "nothing is left to give", "load_state_dict")


def test_leaving_an_epoch_early_begins_the_next(expect):
    left, whole = loader(), loader()
    for _ in left:
        break
    numbers(whole)
    expect(numbers(left), numbers(whole), "each iteration is an epoch", "DataLoader")


def test_a_seed_can_be_given_by_a_state(expect):
    made = loader(rng=1)
    made.load_state_dict({**made.state_dict(), "entropy": loader(rng=0).state_dict()["entropy"]})
    expect(numbers(made), numbers(loader(rng=0)), "entropy is the seed", "state_dict")


def test_a_state_is_a_copy():
    made = loader()
    state = made.state_dict()
    state["entropy"].append(1)
    assert made.state_dict() != state


def test_parts_together_are_the_batches_of_one_process(expect):
    ranks = [
        data.DataLoader(data.TensorDataset(np.arange(20)), 6, shuffle=True, rng=0, shard=(rank, 2))
        for rank in range(2)
    ]
    whole = data.DataLoader(data.TensorDataset(np.arange(20)), 6, shuffle=True, rng=0)
    came = [one + other for one, other in zip(*map(numbers, ranks), strict=True)]
    expect(came, numbers(whole), "cut each batch, not the data set", "shard")


@pytest.mark.parametrize(
    "change",
    [
        {"batches": 5},
        {"given": 8},
        {"given": -1},
        {"epoch": -1},
        {"epoch": "first"},
        {"given": None},
    ],
)
def test_a_state_that_does_not_fit_is_refused(change):
    made = loader()
    before = made.state_dict()
    state = {key: value for key, value in {**before, **change}.items() if value is not None}
    with pytest.raises(TinyTorchError):
        made.load_state_dict(state)
    assert made.state_dict() == before, (
        "a refused state changes nothing [contract: load_state_dict]"
    )
