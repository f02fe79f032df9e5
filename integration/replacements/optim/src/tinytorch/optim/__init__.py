"""Another optim: each rule is a pure function in a table, and classes are made from its rows."""

from tinytorch.optim import schedules
from tinytorch.optim._clip import clip_grad_norm, clip_grad_value
from tinytorch.optim._errors import NonFiniteError, ParameterError
from tinytorch.optim._numbers import (
    adadelta_step,
    adagrad_step,
    adam_step,
    adamw_step,
    momentum_step,
    rmsprop_step,
    sgd_step,
)
from tinytorch.optim._optimizer import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    AdamW,
    Optimizer,
    RMSprop,
)
from tinytorch.optim._plateau import ReduceOnPlateau

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "NonFiniteError",
    "Optimizer",
    "ParameterError",
    "RMSprop",
    "ReduceOnPlateau",
    "adadelta_step",
    "adagrad_step",
    "adam_step",
    "adamw_step",
    "clip_grad_norm",
    "clip_grad_value",
    "momentum_step",
    "rmsprop_step",
    "schedules",
    "sgd_step",
]
