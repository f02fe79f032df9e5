"""Fit: the loop that one would write, bit for bit, and the figures it keeps."""

from functools import partial

import numpy as np
import pytest

from tinytorch.autograd import nn
from tinytorch.optim import SGD, Adam, clip_grad_norm
from tinytorch.tensor import ArgumentError, Tensor, from_numpy
from tinytorch.tensor.functional import cross_entropy, mean_over

pytestmark = pytest.mark.step(5)
FIT, CLIP, ACCUMULATE = "Trainer.fit", "Trainer, clip_norm", "Trainer, accumulate"


def test_a_step_goes_against_the_gradient(line, at, expect):
    trainer = line([2.0, 4.0])
    trainer.fit(1)
    expect(at(trainer), 1 - 0.1 * 3, "one batch is one step: w - lr * gradient", FIT)


def test_gradients_do_not_add_up_over_steps(line, at, expect):
    trainer = line([2.0], [4.0])
    trainer.fit(1)
    expect(at(trainer), 1 - 0.1 * 2 - 0.1 * 4, "clear gradients after each step", FIT)


def test_gradients_from_before_the_fit_do_not_count(line, at, expect):
    trainer = line([2.0])
    (trainer.model.weight * 100).backward()
    trainer.fit(1)
    expect(at(trainer), 1 - 0.1 * 2, "clear gradients before the first step, too", FIT)


def test_fit_is_the_plain_loop_bit_for_bit(make, data, network, weights, expect):
    trainer, plain = make(optimizer=SGD(lr=0.1, momentum=0.9)), network()
    trainer.fit(2)
    optimizer = SGD(plain.parameters(), lr=0.1, momentum=0.9)
    for _ in range(2):
        for inputs, targets in data.batches:
            optimizer.step(cross_entropy(plain(from_numpy(inputs)), from_numpy(targets)).backward())
    wanted = np.concatenate([p.data.ravel() for p in plain.parameters()])
    expect(weights(trainer), wanted, "the same steps in the same order", FIT, rtol=0)


def test_it_learns(make, expect):
    history = make(optimizer=Adam(lr=0.02)).fit(20)
    expect(history["accuracy"][-1] > 0.9, True, "twenty epochs are enough here", FIT)


def test_the_history_has_a_number_for_each_epoch(make, data, expect):
    history = make(val_loader=data.batches[:1]).fit(3)
    wanted = ["loss", "accuracy", "val_loss", "val_accuracy", "lr"]
    expect(list(history), wanted, "the columns", FIT)
    expect([len(history[name]) for name in wanted], [3] * 5, "a number for each epoch", FIT)
    expect(history["lr"], [0.1] * 3, "the rate at the end of the epoch", FIT)


def test_the_training_loss_is_the_mean_over_examples(line, expect):
    trainer = line([1.0, 1.0, 1.0], [5.0], optimizer=SGD(lr=0.0))
    history = trainer.fit(2)
    mistake = "(3 * 1 + 1 * 5) / 4: batches weigh what they have"
    expect(history["loss"], [2.0, 2.0], mistake, FIT)


def test_training_figures_are_those_of_each_batch_before_its_step(line, expect):
    history = line([1.0], [1.0]).fit(1)
    expect(history["loss"], [(1.0 + 0.9) / 2], "the loss at the weights of the moment", FIT)


def test_each_epoch_is_counted_anew(line, expect):
    history = line([1.0]).fit(2)
    expect(history["loss"], [1.0, 0.9], "reset the counters at the beginning of each epoch", FIT)


def test_validation_comes_after_the_epochs_steps(make, data, expect):
    trainer = make(val_loader=data.batches[:2])
    history = trainer.fit(2)
    now = trainer.evaluate()
    got = [history["val_loss"][-1], history["val_accuracy"][-1]]
    expect(got, [now["loss"], now["accuracy"]], "evaluate(val_loader) at the epoch's end", FIT)


def test_validation_changes_nothing_in_training(make, data, network, weights, expect):
    quiet, asked = (
        make(model=network(dropout=0.5), val_loader=val) for val in (None, data.batches)
    )
    quiet.fit(2)
    asked.fit(2)
    mistake = "back to training mode after validation, and no random number from it"
    expect(weights(asked), weights(quiet), mistake, FIT)


def test_epochs_are_those_of_the_run_in_all(make, weights, expect):
    parts, whole = make(), make()
    parts.fit(1)
    parts.fit(3)
    whole.fit(3)
    expect([parts.epoch, parts.step], [3, 12], "fit(3) after fit(1) trains 2 more", FIT)
    expect(weights(parts), weights(whole), "and they are the same", FIT)
    expect(parts.fit(2).epochs, 3, "a run that has as many is left as it is", FIT)


def test_a_model_in_evaluation_mode_is_trained_in_training_mode(make, expect):
    trainer = make()
    trainer.model.eval()
    trainer.fit(1)
    expect(trainer.model.training, True, "model.train() before", FIT)


def test_a_part_in_evaluation_mode_stays_there(make, data, network, expect):
    model = nn.Sequential(network(), nn.Dropout(0.5, rng=0))
    model[1].training = False
    make(model=model, val_loader=data.batches).fit(1)
    expect(model[1].training, False, "only a model that is in eval as a whole is switched", FIT)


def test_an_optimizer_without_parameters_gets_the_models(make, weights, expect):
    trainer = make(optimizer=Adam())
    before = weights(trainer)
    trainer.fit(1)
    expect(bool((weights(trainer) != before).any()), True, "bind the optimizer", "Trainer")


def test_an_optimizer_of_another_model_is_refused(make, network):
    with pytest.raises(ArgumentError):
        make(optimizer=SGD(network().parameters())).fit(1)


def test_at_most_so_many_batches_of_an_epoch(make, expect):
    trainer = make()
    trainer.fit(2, limit_batches=3)
    expect([trainer.step, trainer.epoch], [6, 2], "limit_batches=3", FIT)


def test_arrays_and_tensors_are_the_same_batches(make, data, weights, expect):
    tensors = [(from_numpy(x), from_numpy(y)) for x, y in data.batches]
    wide = [(x.astype(np.float64), y.tolist()) for x, y in data.batches]
    runs = [make(train_loader=loader) for loader in (data.batches, tensors, wide)]
    for run in runs:
        run.fit(1)
    for run in runs[1:]:
        expect(weights(run), weights(runs[0]), "arrays take the model's data type", "Trainer")


def test_function_metrics_get_plain_tensors_in_training_too(make, expect):
    kinds = set()

    def note(outputs, targets):
        kinds.update((type(outputs), type(targets)))
        return 1.0

    history = make(metrics=(note,)).fit(1)
    expect(kinds == {Tensor}, True, "detach the outputs", "Trainer")
    expect(history["note"], [1.0], "the column is the function's name", "Trainer")


@pytest.mark.parametrize("loader", [7, "generator"])
def test_a_loader_that_can_be_read_once_is_refused(make, data, loader):
    with pytest.raises(ArgumentError):
        make(train_loader=(batch for batch in data.batches) if loader == "generator" else loader)


def test_a_loader_without_batches_is_refused(make):
    with pytest.raises(ArgumentError):
        make(train_loader=[]).fit(1)


@pytest.mark.parametrize("epochs", [0, -1, 1.5])
def test_epochs_are_a_number_of_them(make, epochs):
    with pytest.raises(ArgumentError):
        make().fit(epochs)


def test_a_gradient_that_is_too_long_is_shortened(line, at, expect):
    trainer = line([30.0], clip_norm=0.5)
    trainer.fit(1)
    expect(at(trainer), 1 - 0.1 * 0.5, "clip_norm, between backward and step", CLIP)


def test_a_short_gradient_stays(line, at, expect):
    trainer = line([2.0], clip_norm=5.0)
    trainer.fit(1)
    expect(at(trainer), 1 - 0.1 * 2, "at most that norm", CLIP)


def test_the_norm_is_over_what_the_optimizer_moves(make, data, network, weights, expect):
    model, other = network(), network()
    trainer = make(model=model, optimizer=SGD(model[2].parameters(), lr=0.1), clip_norm=0.05)
    trainer.fit(2)
    plain = SGD(other[2].parameters(), lr=0.1)
    for _ in range(2):
        for inputs, targets in data.batches:
            other.zero_grad()
            cross_entropy(other(from_numpy(inputs)), from_numpy(targets)).backward()
            clip_grad_norm(other[2].parameters(), 0.05)
            plain.step()
    wanted = np.concatenate([p.data.ravel() for p in other.parameters()])
    mistake = "frozen parts do not count, and their gradients do not grow from step to step"
    expect(weights(trainer), wanted, mistake, CLIP)


def test_no_gradient_is_left_over_in_what_does_not_move(training, make, network, expect):
    norms = []

    class Note(training.Callback):
        def on_gradients(self, run):
            norms.append(float(np.abs(run.model[0].weight.grad.numpy()).sum()))

    model = network()
    optimizer = SGD(model[2].parameters(), lr=0.0)
    make(model=model, optimizer=optimizer, callbacks=[Note()]).fit(2)
    expect(norms[4:], norms[:4], "clear the gradients of frozen parts before each step", FIT)


def test_batches_are_accumulated_as_one_large_batch(line, at, expect):
    trainer = line([2.0, 2.0, 2.0], [6.0], accumulate=2)
    trainer.fit(1)
    mistake = "the mean over all 4 examples, 3, neither the sum 8 nor the batches' mean 4"
    expect(at(trainer), 1 - 0.1 * 3, mistake, ACCUMULATE)
    expect(trainer.step, 1, "one optimizer step for both batches", ACCUMULATE)


def test_the_last_smaller_group_has_its_step(line, at, expect):
    trainer = line([2.0], [4.0], [10.0], accumulate=2)
    trainer.fit(1)
    expect(at(trainer), 1 - 0.1 * 3 - 0.1 * 10, "three batches by two: two steps", ACCUMULATE)


def test_the_norm_is_that_of_the_large_batch(line, at, expect):
    trainer = line([30.0], [-10.0], accumulate=2, clip_norm=1.0)
    trainer.fit(1)
    expect(at(trainer), 1 - 0.1, "clip once, after the last batch of the group", ACCUMULATE)


def kept_of(outputs, targets):
    mask = from_numpy((targets.data != -100).astype(np.float32))
    return mean_over((outputs[:, 0] * mask).sum(), mask.sum().item())


@pytest.mark.parametrize(
    "loss",
    [
        cross_entropy,
        partial(cross_entropy, weight=np.array([1.0, 9.0, 0.25], np.float32)),
        lambda o, t: cross_entropy(o, t, label_smoothing=0.1),
        kept_of,
    ],
    ids=["ignored targets", "class weights", "in a function", "own mean"],
)
def test_a_batch_weighs_what_its_mean_was_divided_by(make, data, weights, expect, loss):
    targets = np.where(np.arange(60) % 5 < 2, -100, data.y)
    targets[:7] = -100
    parts = [(data.x[:7], targets[:7]), (data.x[7:40], targets[7:40]), (data.x[40:], targets[40:])]
    small = make(train_loader=parts, accumulate=3, loss=loss, metrics=())
    whole = make(train_loader=[(data.x, targets)], loss=loss, metrics=())
    got, wanted = small.fit(2)["loss"], whole.fit(2)["loss"]
    expect(got, wanted, "the loss of an epoch weighs batches as the large one does", ACCUMULATE)
    mistake = "rows that are ignored do not count, class weights do: listen to divisors()"
    expect(weights(small), weights(whole), mistake, ACCUMULATE, rtol=1e-3)


def test_a_batch_in_which_nothing_counts_teaches_nothing(make, data, weights, expect):
    empty = (data.x[:8], np.full(8, -100))
    trainer, other = make(train_loader=[empty, *data.batches]), make()
    got, wanted = trainer.fit(1)["loss"], other.fit(1)["loss"]
    expect(weights(trainer), weights(other), "its loss is 0 / 0: no gradient", "Trainer, loss")
    expect(got, wanted, "and it is not in the mean", "Trainer, loss")
