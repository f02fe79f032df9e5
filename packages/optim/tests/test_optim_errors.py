"""Every error names what the user called, and has four parts."""

import inspect

import numpy as np
import pytest

from tinytorch import optim
from tinytorch.autograd import Variable
from tinytorch.optim import schedules
from tinytorch.tensor import tensor
from tinytorch.tensor.errors import TinyTorchError


def made():
    return optim.SGD([Variable(1.0)], lr=0.1)


CALLS = {
    "SGD": lambda: optim.SGD(lr=-1),
    "Adam": lambda: optim.Adam(betas=1),
    "AdamW": lambda: optim.AdamW(check_finite=1),
    "RMSprop": lambda: optim.RMSprop([]),
    "Adagrad": lambda: optim.Adagrad([{"params": [Variable(1.0)], "rate": 1}]),
    "Adadelta": lambda: optim.Adadelta(rho=1),
    "Muon": lambda: optim.Muon([Variable(1.0)]),
    "Optimizer": lambda: optim.Optimizer([Variable(1.0)]).update(None, None, {}, {}),
    "SGD.bind": lambda: optim.SGD().bind([]),
    "SGD.add_param_group": lambda: made().add_param_group({}),
    "SGD.lr": lambda: setattr(made(), "lr", -1),
    "SGD.step": lambda: made().step(),
    "SGD.load_state_dict": lambda: made().load_state_dict({}),
    "sgd_step": lambda: optim.sgd_step(1.0, 1.0, lr=-1),
    "momentum_step": lambda: optim.momentum_step(1.0, np.ones(1), 0.0),
    "rmsprop_step": lambda: optim.rmsprop_step(1.0, 1.0, 0.0, alpha=2),
    "adagrad_step": lambda: optim.adagrad_step(1.0, 1.0, 0.0, eps="0"),
    "adadelta_step": lambda: optim.adadelta_step(1.0, 1.0, 0.0, 0.0, rho=1),
    "adam_step": lambda: optim.adam_step(1.0, 1.0, 0.0, 0.0, 0),
    "adamw_step": lambda: optim.adamw_step(1.0, 1.0, 0.0, 0.0, 1.5),
    "clip_grad_norm": lambda: optim.clip_grad_norm([tensor(1.0)], 1.0),
    "clip_grad_value": lambda: optim.clip_grad_value([Variable(1.0)], None),
    "ReduceOnPlateau": lambda: optim.ReduceOnPlateau(made(), mode="best"),
    "ReduceOnPlateau.step": lambda: optim.ReduceOnPlateau(made()).step("loss"),
    "ReduceOnPlateau.load_state_dict": lambda: optim.ReduceOnPlateau(made()).load_state_dict({}),
    "constant": lambda: schedules.constant(None),
    "step_decay": lambda: schedules.step_decay(0.1, [0]),
    "exponential": lambda: schedules.exponential(0.1, -1),
    "cosine": lambda: schedules.cosine(0.1, 0),
    "linear_warmup": lambda: schedules.linear_warmup(0.1, 0.5),
    "one_cycle": lambda: schedules.one_cycle(0.1, 10, anneal="sin"),
    "join": lambda: schedules.join([], [1]),
}


@pytest.mark.parametrize("operation", CALLS)
def test_an_error_names_what_was_called(operation):
    with pytest.raises(TinyTorchError) as caught:
        CALLS[operation]()
    error = caught.value
    assert error.operation == operation
    assert all((error.expected, error.got, error.fix))


def test_every_public_name_that_checks_anything_is_here():
    named = [*optim.__all__, *schedules.__all__]
    found = {name: getattr(optim, name, None) or getattr(schedules, name, None) for name in named}
    callables = {
        name
        for name, value in found.items()
        if inspect.isroutine(value)
        or (inspect.isclass(value) and not issubclass(value, TinyTorchError))
    }
    assert callables - {"in_place"} <= set(CALLS)
