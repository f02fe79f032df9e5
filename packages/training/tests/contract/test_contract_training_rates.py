"""Rates and seeds: what each step and each random number comes from."""

import numpy as np
import pytest

from tinytorch.autograd import nn
from tinytorch.data import DataLoader, TensorDataset
from tinytorch.optim import SGD, ReduceOnPlateau
from tinytorch.tensor import ArgumentError

pytestmark = pytest.mark.step(6)
SCHEDULE, SEED = "Trainer, schedule", "Trainer, seed"


def test_a_schedule_is_asked_for_each_step_of_the_run(make, expect):
    asked = []
    make(schedule=lambda step: asked.append(step) or 0.1).fit(2)
    expect(asked, list(range(8)), "steps from 0, not epochs", SCHEDULE)


def test_a_rate_is_set_before_its_step(line, at, expect):
    trainer = line([2.0], [4.0], schedule=[0.0, 1.0].__getitem__)
    trainer.fit(1)
    mistake = "schedule(0) = 0 is the rate of the first step, which moves nothing"
    expect(at(trainer), 1 - 4.0, mistake, SCHEDULE)


def test_the_history_has_the_rate_of_the_last_step(line, expect):
    history = line([1.0], [1.0], schedule=lambda step: 1 / (step + 1)).fit(2)
    expect(history["lr"], [1 / 2, 1 / 4], "optimizer.lr at the epoch's end", SCHEDULE)


def test_a_schedule_may_count_epochs(training, line, expect):
    asked = []
    schedule = training.per_epoch(lambda epoch: asked.append(epoch) or 0.1 / (epoch + 1))
    history = line([1.0], [1.0], schedule=schedule).fit(3)
    expect(asked, [0, 1, 2], "once for each epoch, from 0", "per_epoch")
    expect(history["lr"], [0.1, 0.05, 0.1 / 3], "before the epoch's first step", "per_epoch")


@pytest.mark.parametrize("kind", ["step", "epoch"])
def test_groups_keep_their_ratio_to_the_first(training, make, network, expect, kind):
    model = network()
    groups = [{"params": model[0].parameters(), "lr": 0.25}, {"params": model[2].parameters()}]
    schedule = (lambda i: 0.5) if kind == "step" else training.per_epoch(lambda i: 0.5)
    trainer = make(model=model, optimizer=SGD(groups, lr=2.0), schedule=schedule)
    trainer.fit(1)
    rates = [group["lr"] for group in trainer.optimizer.param_groups]
    expect(
        rates, [0.5, 4.0], "the schedule sets the first group's; the second stays 8 times", SCHEDULE
    )


@pytest.mark.parametrize("validated", [True, False])
def test_a_plateau_sees_the_validation_loss_or_else_the_training_loss(
    make, data, expect, validated
):
    class Plateau(ReduceOnPlateau):
        seen = ()

        def step(self, metric):
            self.seen += (metric,)
            super().step(metric)

    optimizer = SGD(lr=0.1)
    plateau = Plateau(optimizer, patience=0)
    val = data.batches[:1] if validated else None
    history = make(optimizer=optimizer, val_loader=val, schedule=plateau).fit(3)
    wanted = history["val_loss" if validated else "loss"]
    expect(list(plateau.seen), wanted, "step(figure) once for each epoch", SCHEDULE)


def test_what_is_no_schedule_is_refused(make):
    with pytest.raises(ArgumentError):
        make(schedule=0.1)


def shuffled(data):
    return DataLoader(TensorDataset(data.x, data.y), batch_size=16, shuffle=True)


def test_runs_of_one_seed_are_the_same_to_the_bit(make, data, network, weights, expect):
    runs = [
        make(model=network(0.5, seed=None), train_loader=shuffled(data), seed=3) for _ in range(2)
    ]
    first = make(seed=3).model.state_dict()
    for run in runs:
        run.model.load_state_dict({**run.model.state_dict(), **first})
        run.fit(2)
    mistake = "the seed decides shuffling and dropout"
    expect(weights(runs[0]), weights(runs[1]), mistake, SEED, rtol=0)


@pytest.mark.parametrize("what", ["first weights", "shuffling", "dropout"])
def test_another_seed_is_another_run(make, data, network, weights, expect, what):
    def run(seed):
        settings = {
            "first weights": {"model": lambda rng: nn.Linear(4, 3, rng=rng)},
            "shuffling": {"train_loader": shuffled(data)},
            "dropout": {"model": network(0.5)},
        }[what]
        trainer = make(seed=seed, **settings)
        trainer.fit(1)
        return weights(trainer)

    expect(run(1), run(1), f"the seed decides {what}", SEED, rtol=0)
    expect(np.array_equal(run(1), run(2)), False, f"the seed decides {what}", SEED)


def test_a_fit_that_goes_on_is_not_seeded_anew(make, data, weights, expect):
    parts, whole = (make(train_loader=shuffled(data), seed=1) for _ in range(2))
    parts.fit(1)
    parts.fit(2)
    whole.fit(2)
    expect(weights(parts), weights(whole), "seed before the run's first step only", SEED, rtol=0)


def test_epochs_of_one_run_are_shuffled_each_in_its_way(make, data, expect):
    class Note(DataLoader):
        orders = ()

        def __iter__(self):
            batches = list(super().__iter__())
            self.orders += (np.concatenate([np.asarray(y) for _, y in batches]).tolist(),)
            return iter(batches)

    loader = Note(TensorDataset(data.x, np.arange(60) % 3), batch_size=16, shuffle=True)
    make(train_loader=loader, seed=1).fit(2)
    first, second = [order for order in loader.orders if order][-2:]
    expect(first != second, True, "seed a run once, not each epoch", SEED)
