"""The optim layer: optimizers, learning-rate schedules and gradient clipping."""

from tinytorch.optim import schedules
from tinytorch.optim._adadelta import Adadelta
from tinytorch.optim._adagrad import Adagrad
from tinytorch.optim._adam import Adam, AdamW
from tinytorch.optim._clip import clip_grad_norm, clip_grad_value
from tinytorch.optim._muon import Muon
from tinytorch.optim._optimizer import Optimizer
from tinytorch.optim._plateau import ReduceOnPlateau
from tinytorch.optim._rmsprop import RMSprop
from tinytorch.optim._sgd import SGD
from tinytorch.optim._update import in_place
from tinytorch.optim._version import __version__
from tinytorch.optim.functional import (
    adadelta_step,
    adagrad_step,
    adam_step,
    adamw_step,
    momentum_step,
    rmsprop_step,
    sgd_step,
)
from tinytorch.optim.given.errors import NonFiniteError, ParameterError
from tinytorch.tensor.pytorch import point_out as _point_out

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Muon",
    "NonFiniteError",
    "Optimizer",
    "ParameterError",
    "RMSprop",
    "ReduceOnPlateau",
    "__version__",
    "adadelta_step",
    "adagrad_step",
    "adam_step",
    "adamw_step",
    "clip_grad_norm",
    "clip_grad_value",
    "in_place",
    "momentum_step",
    "rmsprop_step",
    "schedules",
    "sgd_step",
]

_point_out(__name__, "optim", "lr_scheduler", "nn.utils", "torch")
