"""Modules: what they hold is found by walking their attributes."""

from tinytorch.autograd.nn import init
from tinytorch.autograd.nn._held import Buffer, Parameter
from tinytorch.autograd.nn._layers import (
    GELU,
    Dropout,
    Embedding,
    Flatten,
    Identity,
    LayerNorm,
    LeakyReLU,
    Linear,
    LogSoftmax,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Tanh,
)
from tinytorch.autograd.nn._lists import ModuleDict, ModuleList, Sequential
from tinytorch.autograd.nn._module import Module, evaluation
from tinytorch.tensor import pytorch

__all__ = [
    "GELU",
    "Buffer",
    "Dropout",
    "Embedding",
    "Flatten",
    "Identity",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "LogSoftmax",
    "Module",
    "ModuleDict",
    "ModuleList",
    "Parameter",
    "ReLU",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "evaluation",
    "init",
]

pytorch.point_out(__name__, "nn", "F")
