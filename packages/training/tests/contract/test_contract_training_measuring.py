"""Evaluate and predict: in evaluation mode, over all examples, without a trace."""

import numpy as np
import pytest

from tinytorch.autograd import nn
from tinytorch.tensor import ArgumentError, Tensor, from_numpy
from tinytorch.tensor.functional import cross_entropy

pytestmark = pytest.mark.step(4)
EVALUATE, PREDICT = "Trainer.evaluate", "Trainer.predict"


def test_the_figures_are_over_all_examples(make, data, network, expect):
    got = make().evaluate(data.batches)
    outputs = network()(from_numpy(data.x)).detach()
    wanted = {
        "loss": cross_entropy(outputs, data.y).item(),
        "accuracy": (outputs.numpy().argmax(axis=1) == data.y).mean(),
    }
    mistake = "the last batch has 12 examples and weighs less than the others"
    expect(got, wanted, mistake, EVALUATE)


@pytest.mark.parametrize("size", [1, 7, 60])
def test_the_loss_does_not_depend_on_the_batches(make, data, expect, size):
    targets = np.where(np.arange(60) < 20, -100, data.y)
    cut = [(data.x[i : i + size], targets[i : i + size]) for i in range(0, 60, size)]
    wanted = make().evaluate([(data.x, targets)])
    mistake = "a batch weighs what its mean was divided by; one that weighs 0 is left out"
    expect(make().evaluate(cut), wanted, mistake, EVALUATE)


def test_the_val_loader_is_measured_unless_another_is_given(make, data, expect):
    trainer = make(val_loader=data.batches[:1])
    wanted = trainer.evaluate(data.batches[:1])
    expect(trainer.evaluate(), wanted, "evaluate() takes the val_loader", EVALUATE)
    with pytest.raises(ArgumentError):
        make().evaluate()


def test_at_most_so_many_batches_are_read(make, data, expect):
    got = make().evaluate(data.batches, limit_batches=1)
    expect(got, make().evaluate(data.batches[:1]), "limit_batches=1", EVALUATE)
    expect(make().predict(data.batches, limit_batches=2).shape, (32, 3), "two batches", PREDICT)


def test_metrics_are_counted_anew_each_time(make, data, expect):
    trainer = make()
    first = trainer.evaluate(data.batches[:1])
    trainer.evaluate(data.batches)
    expect(trainer.evaluate(data.batches[:1]), first, "begin with fresh counters", EVALUATE)


def modes(model):
    return [module.training for module in model.modules()]


@pytest.mark.parametrize("call", ["evaluate", "predict"])
def test_each_module_is_in_evaluation_mode_and_then_as_it_was(make, data, network, expect, call):
    class Look(nn.Module):
        def forward(self, x):
            seen.append(self.training)
            return x

    seen = []
    model = nn.Sequential(network(), Look(), nn.Dropout(0.5, rng=0))
    model[2].training = False
    before = modes(model)
    getattr(make(model=model), call)(data.batches)
    expect(seen, [False] * 4, "model.eval() before", f"Trainer.{call}")
    expect(modes(model), before, "each module's own mode comes back", f"Trainer.{call}")


def test_evaluation_mode_ends_after_an_error_too(make, data, expect):
    def loss(outputs, targets):
        raise ZeroDivisionError

    trainer = make(loss=loss)
    with pytest.raises(ZeroDivisionError):
        trainer.evaluate(data.batches)
    expect(all(modes(trainer.model)), True, "finally", EVALUATE)


def test_predictions_are_those_of_evaluation_mode_in_order(make, data, network, expect):
    model = network(dropout=0.5)
    got = make(model=model).predict(data.batches)
    model.eval()
    wanted = model(from_numpy(data.x)).detach()
    expect(got, wanted, "dropout is off, and batches keep their order", PREDICT)


def test_inputs_alone_can_be_predicted(make, data, expect):
    wanted = make().predict(data.batches)
    expect(make().predict([x for x, _ in data.batches]), wanted, "pairs or inputs", PREDICT)
    expect(make().predict([x for x, _ in data.batches]).shape, (60, 3), "one Tensor", PREDICT)


def test_nothing_to_read_is_refused(make):
    for call in (make().evaluate, make().predict):
        with pytest.raises(ArgumentError):
            call([])


def test_measuring_leaves_no_trace(make, data, network, weights, expect):
    model = network(dropout=0.5)
    trainer = make(model=model)
    before = weights(trainer)
    state = [rng.bit_generator.state for _, rng in model.named_generators()]
    trainer.evaluate(data.batches)
    trainer.predict(data.batches)
    expect(weights(trainer), before, "no step", EVALUATE)
    after = [rng.bit_generator.state for _, rng in model.named_generators()]
    expect(after == state, True, "no random number is drawn", EVALUATE)
    grads = [parameter.grad is None for parameter in model.parameters()]
    expect(all(grads), True, "no gradient", EVALUATE)


def test_losses_and_metrics_get_plain_tensors(make, data, expect):
    kinds = set()

    def note(outputs, targets):
        kinds.update((type(outputs), type(targets)))
        return 0.0

    make(metrics=(note,)).evaluate(data.batches)
    expect(kinds == {Tensor}, True, "no_grad: there is nothing to remember", EVALUATE)


def test_metrics_may_give_several_figures(make, training, data, expect):
    metrics = (training.PrecisionRecallF1(3), training.ConfusionMatrix(3))
    got = make(metrics=metrics).evaluate(data.batches)
    wanted = ["loss", "precision", "recall", "f1", "confusion"]
    expect(list(got), wanted, "a dict gives each figure its own name", EVALUATE)
