"""The Trainer: what a hand-written loop does, bit for bit, and what surrounds it."""

import copy
import math
from functools import partial

import numpy as np
import pytest

from tinytorch.autograd import nn, no_grad
from tinytorch.data import DataLoader, TensorDataset
from tinytorch.optim import SGD, Adam, clip_grad_norm
from tinytorch.tensor import Tensor, from_numpy, tensor
from tinytorch.tensor import functional as F
from tinytorch.tensor.errors import ArgumentError, ShapeError, StateError
from tinytorch.tensor.functional import cross_entropy, mse_loss
from tinytorch.training import (
    Accuracy,
    Callback,
    ConfusionMatrix,
    Mean,
    PrecisionRecallF1,
    TopK,
    Trainer,
    per_epoch,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(96, 4)).astype(np.float32)
Y = (X @ RNG.normal(size=(4, 3)) + 0.5).argmax(axis=1)
BATCHES = [(X[i : i + 20], Y[i : i + 20]) for i in range(0, 96, 20)]


def plain_model():
    rng = np.random.default_rng(5)
    return nn.Sequential(nn.Linear(4, 8, rng=rng), nn.Tanh(), nn.Linear(8, 3, rng=rng))


def model_with_dropout(seed):
    rng = np.random.default_rng(seed)
    return nn.Sequential(plain_model(), nn.Dropout(0.1, rng=rng), nn.Linear(3, 3, rng=rng))


def silent(model, optimizer, train=BATCHES, **settings):
    return Trainer(model, optimizer, train, progress=False, **settings)


def arrays(model):
    return [parameter.data.copy() for parameter in model.parameters()]


def assert_same_bits(one, other):
    for a, b in zip(arrays(one), arrays(other), strict=True):
        np.testing.assert_array_equal(a, b)


class Watch(Callback):
    """Notes what the run looks like after each step."""

    def __init__(self, look):
        self.look, self.seen = look, []

    def on_step_end(self, trainer):
        self.seen.append(self.look(trainer))


def test_fit_is_the_loop_that_one_would_write():
    model, other = plain_model(), plain_model()
    history = silent(model, SGD(lr=0.1, momentum=0.9), val_loader=BATCHES[:2]).fit(3)

    optimizer = SGD(other.parameters(), lr=0.1, momentum=0.9)
    for epoch in range(3):
        total = right = 0.0
        for inputs, targets in BATCHES:
            outputs = other(from_numpy(inputs))
            loss = cross_entropy(outputs, from_numpy(targets))
            optimizer.step(loss.backward())
            total += loss.item() * len(targets)
            right += (outputs.data.argmax(1) == targets).sum()
        assert history["loss"][epoch] == total / 96
        assert history["accuracy"][epoch] == right / 96
    assert_same_bits(model, other)
    assert list(history) == ["loss", "accuracy", "val_loss", "val_accuracy", "lr"]
    assert history["lr"] == [0.1] * 3
    assert history["loss"][2] < history["loss"][0]


def test_arrays_lists_and_tensors_are_the_same_batches():
    runs = []
    for convert in (
        lambda a: a,
        lambda a: a.tolist(),
        from_numpy,
        lambda a: a.astype(np.float64) if a.dtype == np.float32 else a,
    ):
        model = plain_model()
        train = [[convert(x), convert(y)] for x, y in BATCHES]
        silent(model, SGD(lr=0.1), train).fit(1)
        assert all(p.dtype == np.float32 for p in model.parameters())
        runs.append(model)
    for model in runs[1:]:
        assert_same_bits(model, runs[0])


def test_regression_targets_take_the_models_dtype():
    train = [(X.astype(np.float64), X[:, :1].astype(np.float64))]
    model = nn.Linear(4, 1, rng=0)
    trainer = silent(model, SGD(lr=0.1), train, loss=mse_loss, metrics=())
    trainer.fit(1)
    assert trainer.targets.dtype == np.float32
    assert trainer.outputs.dtype == np.float32
    assert list(trainer.history) == ["loss", "lr"]


@pytest.mark.parametrize("accumulate", [2, 3, 5, 9])
def test_accumulated_batches_count_as_one_large_batch(accumulate):
    uneven = [(X[:7], Y[:7]), (X[7:50], Y[7:50]), (X[50:51], Y[50:51]), (X[51:], Y[51:])]
    groups = [uneven[i : i + accumulate] for i in range(0, 4, accumulate)]
    large = [tuple(np.concatenate(part) for part in zip(*g, strict=True)) for g in groups]
    small, whole = plain_model(), plain_model()
    one = silent(small, SGD(lr=0.5), uneven, accumulate=accumulate, clip_norm=0.3)
    other = silent(whole, SGD(lr=0.5), large, clip_norm=0.3)
    for a, b in zip(one.fit(2)["loss"], other.fit(2)["loss"], strict=True):
        assert a == pytest.approx(b, rel=1e-6)
    for a, b in zip(arrays(small), arrays(whole), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    assert one.step == other.step == 2 * len(groups)


MASKED = np.where(np.arange(96) % 5 == 0, -100, Y)
MASKED[:20] = -100
CLASS_WEIGHTS = np.array([1.0, 9.0, 0.25], np.float32)
PARTS = [7, 20, 21, 60]


def error_of_the_kept(outputs, targets):
    """A loss of one's own, whose mean is over what a mask keeps."""
    mask = from_numpy((targets.data != -100).astype(np.float32))
    return F.mean_over(((outputs[:, 0] - 1) ** 2 * mask).sum(), mask.sum().item())


@pytest.mark.parametrize(
    ("loss", "targets"),
    [
        (cross_entropy, MASKED),
        (partial(cross_entropy, ignore_index=2), Y),
        (partial(cross_entropy, weight=CLASS_WEIGHTS), Y),
        (partial(cross_entropy, weight=CLASS_WEIGHTS, label_smoothing=0.1), MASKED),
        (lambda o, t: cross_entropy(o, t, weight=CLASS_WEIGHTS), MASKED),
        (lambda o, t: 0.5 * F.nll_loss(F.log_softmax(o), t) + 0.01 * cross_entropy(o, t), MASKED),
        (error_of_the_kept, MASKED),
    ],
)
@pytest.mark.parametrize("cuts", [[48], PARTS])
def test_parts_weigh_as_in_one_large_batch_whatever_the_loss_counts(loss, targets, cuts):
    parts = list(zip(np.split(X, cuts), np.split(targets, cuts), strict=True))
    small, whole = plain_model(), plain_model()
    one = silent(small, SGD(lr=0.5), parts, loss=loss, metrics=(), accumulate=len(parts))
    other = silent(whole, SGD(lr=0.5), [(X, targets)], loss=loss, metrics=())
    for batch_size in (1, 7, 96):
        cut = [
            (X[i : i + batch_size], targets[i : i + batch_size]) for i in range(0, 96, batch_size)
        ]
        assert one.evaluate(cut)["loss"] == pytest.approx(other.evaluate([(X, targets)])["loss"])
    np.testing.assert_allclose(one.fit(2)["loss"], other.fit(2)["loss"], rtol=1e-6)
    for a, b in zip(arrays(small), arrays(whole), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_batch_without_a_target_that_counts_teaches_nothing(accumulate):
    empty = (X[:10], np.full(10, -100))
    model, other = plain_model(), plain_model()
    history = silent(model, SGD(lr=0.1), [empty, empty, BATCHES[0]], accumulate=accumulate).fit(1)
    expected = silent(other, SGD(lr=0.1), BATCHES[:1]).fit(1)
    assert_same_bits(model, other)
    assert history["loss"] == expected["loss"]
    assert history["accuracy"] == expected["accuracy"]


def test_the_figures_of_nothing_that_counts_are_nan():
    trainer = silent(plain_model(), SGD(lr=0.1), [(X[:10], np.full(10, -100))])
    assert all(math.isnan(figure) for figure in trainer.evaluate(trainer.train_loader).values())
    history = trainer.fit(1)
    assert math.isnan(history["loss"][0])
    assert trainer.step == 1


def test_means_of_different_things_weigh_a_batch_by_its_length():
    def loss(outputs, targets):
        return cross_entropy(outputs, targets) + F.mse_loss(outputs, outputs * 0)

    trainer = silent(plain_model(), SGD(lr=0.1), loss=loss)
    losses = [trainer.evaluate([batch])["loss"] for batch in BATCHES]
    lengths = [len(targets) for _, targets in BATCHES]
    expected = np.average(losses, weights=lengths)
    assert trainer.evaluate(BATCHES)["loss"] == pytest.approx(expected, rel=1e-6)


def test_clipping_sees_what_the_optimizer_moves_and_no_more():
    def twin():
        model = plain_model()
        return model, SGD(model[2].parameters(), lr=0.1)

    (model, optimizer), (other, plain) = twin(), twin()
    silent(model, optimizer, clip_norm=0.05).fit(3)
    for _ in range(3):
        for inputs, targets in BATCHES:
            other.zero_grad()
            cross_entropy(other(from_numpy(inputs)), from_numpy(targets)).backward()
            clip_grad_norm(other[2].parameters(), 0.05)
            plain.step()
    assert_same_bits(model, other)


def test_no_gradient_is_left_over_from_step_to_step_where_nothing_moves():
    model = plain_model()
    norms = Watch(lambda trainer: float(np.abs(trainer.model[0].weight.grad.data).max()))
    optimizer = SGD(model[2].parameters(), lr=0.0)
    silent(model, optimizer, BATCHES[:1], callbacks=[norms]).fit(5)
    assert len(set(norms.seen)) == 1


def test_clipping_comes_between_gradient_and_step():
    model, other = plain_model(), plain_model()
    silent(model, SGD(lr=1.0), BATCHES[:1], clip_norm=0.01).fit(1)
    optimizer = SGD(other.parameters(), lr=1.0)
    cross_entropy(other(from_numpy(BATCHES[0][0])), from_numpy(BATCHES[0][1])).backward()
    assert clip_grad_norm(other.parameters(), 0.01) > 0.01
    optimizer.step()
    assert_same_bits(model, other)


def test_gradients_from_before_do_not_count():
    model, other = plain_model(), plain_model()
    cross_entropy(model(from_numpy(X)), from_numpy(Y)).backward()
    silent(model, SGD(model.parameters(), lr=0.1)).fit(1)
    silent(other, SGD(other.parameters(), lr=0.1)).fit(1)
    assert_same_bits(model, other)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_schedule_of_steps_is_asked_before_each_step():
    asked = []

    def schedule(step):
        asked.append(step)
        return 0.1 / (step + 1)

    watch = Watch(lambda trainer: trainer.optimizer.lr)
    trainer = silent(plain_model(), SGD(), schedule=schedule, callbacks=[watch])
    history = trainer.fit(2)
    assert asked == list(range(10))
    assert watch.seen == [0.1 / (i + 1) for i in range(10)]
    assert history["lr"] == [0.1 / 5, 0.1 / 10]


def test_a_schedule_of_epochs_is_asked_before_each_epoch():
    asked = []
    schedule = per_epoch(lambda epoch: asked.append(epoch) or 0.1 / (epoch + 1))
    history = silent(plain_model(), SGD(), schedule=schedule).fit(3)
    assert asked == [0, 1, 2]
    assert history["lr"] == [0.1, 0.05, 0.1 / 3]


def in_groups(model, *rates):
    """SGD with a group for each parameter, and a rate for each group."""
    pairs = zip(model.parameters(), rates, strict=True)
    return SGD([{"params": [parameter], "lr": rate} for parameter, rate in pairs])


@pytest.mark.parametrize("wrap", [lambda schedule: schedule, per_epoch])
def test_groups_keep_their_ratio_to_the_first(wrap):
    model = nn.Linear(4, 3, rng=0)
    watch = Watch(lambda trainer: [g["lr"] for g in trainer.optimizer.param_groups])
    schedule = wrap(lambda i: 2.0 ** -(i + 1))
    trainer = silent(model, in_groups(model, 0.25, 2.0), schedule=schedule, callbacks=[watch])
    history = trainer.fit(2)
    trainer.fit(3)
    assert watch.seen[0] == [0.5, 4.0]
    assert all(second == 8 * first for first, second in watch.seen)
    assert watch.seen[-1][0] < watch.seen[0][0]
    assert history["lr"][0] == watch.seen[len(BATCHES) - 1][0]


def test_groups_keep_their_ratio_in_a_run_that_goes_on():
    def trainer():
        model = nn.Linear(4, 3, rng=0)
        return silent(model, in_groups(model, 1.0, 3.0), schedule=lambda step: 0.25 / (step + 1))

    first, again = trainer(), trainer()
    first.fit(1)
    again.load_state_dict(first.state_dict())
    again.fit(2)
    first.fit(2)
    assert_same_bits(first.model, again.model)


def test_a_schedule_cannot_scale_from_a_rate_of_zero():
    model = nn.Linear(4, 3, rng=0)
    trainer = silent(model, in_groups(model, 0.0, 0.1), schedule=lambda step: 0.1)
    with pytest.raises(ArgumentError, match=r"groups with the rates \[0.0, 0.1\]"):
        trainer.fit(1)
    silent(model, in_groups(model, 0.0, 0.1)).fit(1)
    silent(model, in_groups(model, 0.0, 0.0), schedule=lambda step: 0.1).fit(1)


def test_runs_of_one_seed_are_the_same_and_others_are_not(make_trainer, weights):
    runs = [make_trainer(seed=seed) for seed in (1, 1, 2)]
    histories = [run.fit(3) for run in runs]
    assert histories[0] == histories[1]
    assert weights(runs[0]) == weights(runs[1])
    assert histories[0] != histories[2]
    assert weights(runs[0]) != weights(runs[2])


def test_the_seed_reaches_first_weights_shuffling_and_dropout_each(make_trainer, weights):
    def first(seed, **settings):
        return weights(make_trainer(seed=seed, metrics=(), **settings))

    assert first(1) != first(2)
    assert first(None) != first(None)
    for settings in (
        {"model": plain_model()},
        {"train_loader": BATCHES, "model": model_with_dropout(3)},
    ):
        runs = []
        for seed in (1, 1, 2):
            trainer = make_trainer(seed=seed, **copy.deepcopy(settings))
            runs.append(trainer.fit(2))
        assert runs[0] == runs[1]
        assert runs[0] != runs[2]


def test_a_seed_reaches_generators_in_loaders_of_ones_own():
    class Loader:
        def __init__(self):
            self.parts = {"noise": [np.random.default_rng()]}
            self.size = 2
            self.me = [self]

        def __iter__(self):
            rng = self.parts["noise"][0]
            return ((x + rng.normal(size=x.shape).astype(np.float32), y) for x, y in BATCHES)

    runs = [silent(plain_model(), SGD(lr=0.1), Loader(), seed=s).fit(2) for s in (1, 1, 2)]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]
    assert silent(plain_model(), SGD(lr=0.1), Loader()).batches_per_epoch is None


def test_a_loader_of_unknown_length_has_as_many_batches_as_it_is_limited_to():
    class Loader:
        def __iter__(self):
            return iter(BATCHES)

    watch = Watch(lambda trainer: trainer.batches_per_epoch)
    silent(plain_model(), SGD(lr=0.1), Loader(), callbacks=[watch]).fit(1, limit_batches=2)
    assert watch.seen == [2, 2]


def test_without_a_seed_nothing_is_touched():
    rng = np.random.default_rng(4)
    model = nn.Sequential(nn.Linear(4, 3, rng=0), nn.Dropout(0.5, rng=rng))
    silent(model, SGD(lr=0.1)).fit(1)
    other = np.random.default_rng(4)
    twin = nn.Sequential(nn.Linear(4, 3, rng=0), nn.Dropout(0.5, rng=other))
    silent(twin, SGD(lr=0.1)).fit(1)
    assert_same_bits(model, twin)


def test_evaluation_is_exact_over_uneven_batches(make_trainer):
    trainer = make_trainer()
    trainer.fit(1)
    whole = trainer.evaluate([(X, Y)])
    for size in (1, 7, 96):
        cut = [(X[i : i + size], Y[i : i + size]) for i in range(0, 96, size)]
        measured = trainer.evaluate(cut)
        assert measured["accuracy"] == whole["accuracy"]
        assert measured["loss"] == pytest.approx(whole["loss"], rel=1e-6)
    assert trainer.evaluate(cut) == whole
    assert trainer.evaluate()["loss"] == trainer.history["val_loss"][0]


def test_evaluation_mode_is_on_and_then_as_it_was(make_trainer):
    trainer = make_trainer()
    model = trainer.model
    model[2].training = False
    before = [module.training for module in model.modules()]
    modes = []

    def loss(outputs, targets):
        modes.append([module.training for module in model.modules()])
        assert not hasattr(outputs, "backward")
        return cross_entropy(outputs, targets)

    trainer.loss = loss
    trainer.evaluate([(X, Y)])
    trainer.predict([X])
    assert modes == [[False] * 5]
    assert [module.training for module in model.modules()] == before

    trainer.loss = lambda outputs, targets: 1 / 0
    with pytest.raises(ZeroDivisionError):
        trainer.evaluate([(X, Y)])
    assert [module.training for module in model.modules()] == before
    with pytest.raises(ArgumentError):
        trainer.evaluate([])
    assert [module.training for module in model.modules()] == before


def test_evaluation_draws_no_random_numbers_and_leaves_no_gradients(make_trainer, weights):
    quiet, asked = make_trainer(val_loader=None), make_trainer()
    asked.evaluate()
    quiet.fit(2)
    asked.fit(2)
    assert weights(quiet) == weights(asked)
    asked.evaluate()
    assert all(parameter.grad is None for parameter in asked.model.parameters())


def test_a_frozen_part_stays_in_evaluation_mode(make_trainer):
    trainer = make_trainer()
    trainer.model[2].training = False
    modes = Watch(lambda t: t.model[2].training)
    trainer.callbacks.append(modes)
    trainer.fit(2)
    assert not any(modes.seen)
    trainer.model.eval()
    trainer.fit(3)
    assert modes.seen[-8:] == [True] * 8
    assert trainer.model.training


def test_predict_gives_outputs_in_order(make_trainer):
    trainer = make_trainer()
    trainer.fit(1)
    trainer.model.eval()
    with no_grad():
        expected = trainer.model(from_numpy(X)).numpy()
    for loader in (BATCHES, [x for x, _ in BATCHES], [tensor(x) for x, _ in BATCHES], [X]):
        np.testing.assert_allclose(trainer.predict(loader).numpy(), expected, rtol=1e-5, atol=1e-6)
    assert trainer.predict(BATCHES, limit_batches=2).shape == (40, 3)
    with pytest.raises(ArgumentError, match="without any"):
        trainer.predict([])


def test_epochs_are_those_of_the_run_in_all(make_trainer, weights):
    parts, whole = make_trainer(), make_trainer()
    parts.fit(1)
    assert parts.fit(3) is parts.history
    whole.fit(3)
    assert parts.history == whole.history
    assert weights(parts) == weights(whole)
    assert (parts.epoch, parts.step, parts.epochs) == (3, 24, 3)
    before = weights(parts)
    assert parts.fit(2).epochs == 3
    assert weights(parts) == before
    assert len(parts.history.seconds) == 3
    assert all(seconds > 0 for seconds in parts.history.seconds)


def test_limit_batches_bounds_both_loaders(make_trainer):
    trainer = make_trainer()
    seen = []
    loss = trainer.loss
    trainer.loss = lambda o, t: seen.append(len(t)) or loss(o, t)
    watch = Watch(lambda t: (t.batch, t.examples, t.batches_per_epoch))
    trainer.callbacks.append(watch)
    trainer.fit(2, limit_batches=2)
    assert seen == [12] * 8
    assert watch.seen == [(1, 12, 2), (2, 24, 2)] * 2
    trainer.fit(3, limit_batches=100)
    assert trainer.batches_per_epoch == 8
    assert trainer.evaluate(BATCHES, limit_batches=1) == trainer.evaluate(BATCHES[:1])


def test_overfit_tries_and_leaves_no_trace(make_trainer, weights):
    trainer, other = make_trainer(), make_trainer()
    trainer.fit(1)
    other.fit(1)
    trainer.model.eval()
    before = weights(trainer)
    attempt = trainer.overfit(batches=1, epochs=60)
    assert attempt["loss"][-1] < 0.2 < attempt["loss"][0]
    assert attempt.epochs == 60
    assert weights(trainer) == before
    assert not trainer.model.training
    assert not trainer.model[0].training
    assert trainer.history.epochs == trainer.epoch == 1
    trainer.fit(2)
    other.fit(2)
    assert weights(trainer) == weights(other)
    fresh = make_trainer()
    fresh.overfit(batches=2, epochs=1)
    assert fresh.fit(2) == other.history


def test_overfit_says_nothing(make_trainer, capsys):
    make_trainer().overfit(epochs=1)
    assert capsys.readouterr().out == ""


def test_a_trial_that_fails_leaves_no_trace_either(make_trainer, weights):
    trainer = make_trainer()
    before = weights(trainer)

    def fail():
        with trainer.trial():
            trainer.fit(2)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert weights(trainer) == before
    assert trainer.history.epochs == 0


@pytest.mark.parametrize("steps", range(1, 17))
def test_a_state_taken_anywhere_goes_on_with_the_same_bits(make_trainer, weights, steps):
    class Stop(Callback):
        def on_step_end(self, trainer):
            if trainer.step == steps:
                trainer.stop("enough")

    settings = {"metrics": (Accuracy(), TopK(2)), "clip_norm": 1.0, "accumulate": 2}
    whole = make_trainer(optimizer=Adam(lr=0.01), **settings)
    whole.fit(4)
    part = make_trainer(optimizer=Adam(lr=0.01), callbacks=[Stop()], **settings)
    part.fit(4)
    state = copy.deepcopy(part.state_dict())
    fresh = make_trainer(optimizer=Adam(lr=0.01), **settings)
    fresh.load_state_dict(state)
    assert fresh.fit(4) == whole.history
    assert weights(fresh) == weights(whole)
    part.fit(4)
    assert weights(part) == weights(whole)
    assert part.history == whole.history


def test_the_seconds_before_a_resume_count(make_trainer):
    class Stop(Callback):
        def on_step_end(self, trainer):
            if trainer.step == 3:
                trainer.stop("enough")

    part, fresh = make_trainer(callbacks=[Stop()]), make_trainer()
    part.fit(1)
    state = part.state_dict()
    assert 0 < state["position"]["seconds"] < 60
    state["position"]["seconds"] = 1000.0
    fresh.load_state_dict(state)
    fresh.fit(2)
    assert 1000 < fresh.history.seconds[0] < 1060
    assert 0 < fresh.history.seconds[1] < 60


def test_a_limited_run_goes_on_with_the_same_bits(make_trainer, weights):
    whole, part, fresh = (make_trainer() for _ in range(3))
    whole.fit(4, limit_batches=3)
    part.fit(2, limit_batches=3)
    fresh.load_state_dict(copy.deepcopy(part.state_dict()))
    assert fresh.fit(4, limit_batches=3) == whole.history
    assert weights(fresh) == weights(whole)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"seed": 1}, "seed=0"),
        ({"accumulate": 2}, "accumulate=1"),
        ({"metrics": ()}, "one with the metrics accuracy"),
    ],
)
def test_a_state_of_another_run_is_refused(make_trainer, settings, text):
    with pytest.raises(StateError, match=text):
        make_trainer(**settings).load_state_dict(make_trainer_state(make_trainer))


def make_trainer_state(make_trainer):
    trainer = make_trainer()
    trainer.bind()
    return trainer.state_dict()


def test_metrics_may_give_dicts_and_arrays(make_trainer):
    metrics = (PrecisionRecallF1(3), ConfusionMatrix(3), lambda o, t: len(t))
    trainer = make_trainer(metrics=metrics)
    history = trainer.fit(1)
    assert list(history) == [
        *("loss", "precision", "recall", "f1", "<lambda>"),
        *("val_loss", "val_precision", "val_recall", "val_f1", "val_<lambda>", "lr"),
    ]
    assert history["<lambda>"] == [12.0]
    assert trainer.evaluate()["confusion"].sum() == 30
    assert metrics[0].matrix.sum() == 0
    with pytest.raises(ArgumentError, match="different names"):
        make_trainer(metrics=(Accuracy(), Accuracy()))


def test_metrics_of_functions_get_plain_tensors_in_training_too(make_trainer):
    kinds = set()

    def spread(outputs, targets):
        kinds.add(type(outputs))
        return np.asarray(outputs).std(axis=1)

    history = make_trainer(metrics=(spread,)).fit(1)
    assert kinds == {Tensor}
    assert history["spread"][0] > 0


def test_figures_of_the_epoch_so_far(make_trainer):
    trainer = make_trainer()
    assert trainer.figures() == {}
    watch = Watch(lambda t: (t.figures(), t.loss_value, t.inputs.shape, t.targets.shape))
    trainer.callbacks.append(watch)
    trainer.fit(1)
    first, last = watch.seen[0], watch.seen[-1]
    assert first[0]["loss"] == first[1]
    assert last[0] == {name: trainer.history[name][0] for name in ("loss", "accuracy")}
    assert first[2:] == ((12, 4), (12,))


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"accumulate": 0}, "accumulate=0"),
        ({"clip_norm": 0.0}, "clip_norm=0.0"),
        ({"clip_norm": -1.0}, "clip_norm=-1.0"),
        ({"train_loader": iter(BATCHES)}, "which can be read once"),
        ({"train_loader": (b for b in BATCHES)}, "a generator, which can be read once"),
        ({"val_loader": iter(BATCHES)}, "val_loader that can be read"),
        ({"train_loader": 7}, "a int"),
        ({"schedule": 0.1}, "0.1"),
        ({"metrics": (Accuracy,)}, "not Accuracy"),
        ({"metrics": Accuracy()}, r"got: +Accuracy\(\)"),
        ({"metrics": (Mean(name="lr"),)}, "beside the columns loss and lr"),
        ({"metrics": (Accuracy(), Accuracy())}, "accuracy, accuracy"),
        ({"callbacks": [Callback]}, r"give Callback\(\)"),
        ({"callbacks": [print]}, "built-in function print"),
    ],
)
def test_arguments_out_of_range(make_trainer, settings, text):
    with pytest.raises(ArgumentError, match=text):
        make_trainer(**settings)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda t: t.fit(0), "epochs=0"),
        (lambda t: t.fit(1, limit_batches=0), "limit_batches=0"),
        (lambda t: t.evaluate(), "val_loader"),
        (lambda t: t.evaluate([]), "at least one batch"),
        (lambda t: t.evaluate([X]), "batch 1 is a ndarray"),
        (lambda t: t.evaluate([(X, Y, Y)]), "batch 1 is a tuple of 3"),
    ],
)
def test_calls_that_cannot_work(make_trainer, call, text):
    with pytest.raises(ArgumentError, match=text):
        call(make_trainer(val_loader=None))


@pytest.mark.parametrize(
    ("batch", "text"),
    [
        ((X, Y[:5]), r"inputs \(96, 4\), targets \(5,\)"),
        ((X, 1), r"targets \(\)"),
        ((np.float32(1), Y), r"inputs \(\)"),
    ],
)
def test_batches_whose_parts_do_not_fit(make_trainer, batch, text):
    with pytest.raises(ShapeError, match=f"batch 2: .*{text}|batch 2: {text}"):
        make_trainer(train_loader=[(X, Y), batch]).fit(1)


@pytest.mark.parametrize(
    ("loss", "text"),
    [
        (lambda o, t: cross_entropy(o, t, reduction="none"), r"shape \(12,\)"),
        (lambda o, t: cross_entropy(o.detach(), t), "one without a gradient"),
        (lambda o, t: 0.5, "a float"),
    ],
)
def test_a_loss_that_gives_no_gradient(make_trainer, loss, text):
    with pytest.raises(ShapeError, match=text):
        make_trainer(loss=loss).fit(1)


def test_an_empty_loader_and_one_that_runs_dry(make_trainer):
    with pytest.raises(ArgumentError, match="at least one batch"):
        make_trainer(train_loader=[]).fit(1)


def test_an_optimizer_of_another_model_is_refused(make_trainer):
    with pytest.raises(ArgumentError, match="holds none of them"):
        make_trainer(optimizer=SGD(plain_model().parameters())).fit(1)
    model = model_with_dropout(0)
    part = make_trainer(model=model, optimizer=SGD(model[2].parameters(), lr=0.1))
    before = arrays(model)
    part.fit(1)
    same = [np.array_equal(a, b) for a, b in zip(before, arrays(model), strict=True)]
    assert same == [True] * 4 + [False] * 2


def test_the_model_can_be_made_by_its_class():
    class Net(nn.Linear):
        def __init__(self, *, rng):
            super().__init__(4, 3, rng=rng)

    one, other = (silent(Net, SGD(), seed=3).model for _ in range(2))
    assert isinstance(one, Net)
    assert_same_bits(one, other)
    assert not np.array_equal(arrays(one)[0], arrays(silent(Net, SGD(), seed=4).model)[0])


def test_a_loader_of_workers_gives_the_same_run(make_trainer, weights):
    def loader(workers):
        data = TensorDataset(X, Y)
        return DataLoader(data, batch_size=12, shuffle=True, num_workers=workers)

    runs = [make_trainer(train_loader=loader(n)) for n in (0, 2)]
    assert runs[0].fit(2) == runs[1].fit(2)
    assert weights(runs[0]) == weights(runs[1])


def test_losses_that_are_not_finite_are_counted_as_they_are():
    trainer = silent(plain_model(), SGD(lr=0.1), [(X * np.float32(np.inf), Y)], metrics=())
    with np.errstate(all="ignore"):
        assert math.isnan(trainer.fit(1)["loss"][0])


def test_evaluating_a_model_without_weights():
    trainer = Trainer(nn.Identity(), SGD(), [(X[:, :3], Y)], progress=False)
    assert set(trainer.evaluate([(X[:, :3].astype(np.float64), Y)])) == {"loss", "accuracy"}


@pytest.mark.parametrize("limit", [0, -1, 1.5, True])
def test_limits_that_are_no_number_of_batches(limit):
    trainer = silent(plain_model(), SGD(lr=0.1))
    calls = [
        lambda: trainer.fit(1, limit),
        lambda: trainer.evaluate(BATCHES, limit),
        lambda: trainer.predict(BATCHES, limit),
    ]
    for call in calls:
        with pytest.raises(ArgumentError, match="limit_batches"):
            call()


def test_two_figures_of_one_name_are_refused():
    metrics = [PrecisionRecallF1(3), Mean(lambda o, t: 0.0, name="recall")]
    with pytest.raises(ArgumentError, match="two of the name 'recall'"):
        silent(plain_model(), SGD(lr=0.1), metrics=metrics).fit(1)


def test_a_loss_with_weights_of_its_own_goes_on_too():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter([1.0])

        def forward(self, outputs, targets):
            return cross_entropy(outputs * self.scale, targets)

    def trainer():
        model, loss = plain_model(), Scaled()
        optimizer = SGD([*model.parameters(), *loss.parameters()], lr=0.1)
        return silent(model, optimizer, loss=loss)

    whole, first, again = trainer(), trainer(), trainer()
    whole.fit(3)
    first.fit(1)
    again.load_state_dict(first.state_dict())
    assert again.fit(3) == whole.history
    assert_same_bits(again.loss, whole.loss)
    assert again.loss.scale.item() != 1.0


def test_a_trainer_shows_where_it_stands():
    trainer = silent(plain_model(), SGD(lr=0.1))
    trainer.fit(2)
    assert repr(trainer) == (
        "Trainer(Sequential, SGD; epoch 2, batch 0, step 10; metrics [Accuracy()], callbacks [])"
    )
