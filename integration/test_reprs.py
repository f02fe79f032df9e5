"""Every public class says something of itself."""

import importlib
import inspect

import pytest

PLACES = (
    "tensor",
    "autograd",
    "autograd.nn",
    "optim",
    "optim.schedules",
    "data",
    "data.transforms",
    "spatial",
    "training",
)
TOLD_BY_OTHERS = {"Dataset", "Sampler"}
"""Protocols: it is classes of users that follow them."""


def classes():
    for place in PLACES:
        module = importlib.import_module(f"tinytorch.{place}")
        for name in module.__all__:
            value = getattr(module, name)
            if inspect.isclass(value) and name not in TOLD_BY_OTHERS:
                yield pytest.param(value, id=f"{place}.{name}")


@pytest.mark.parametrize("kind", list(classes()))
def test_a_public_class_has_a_repr_that_helps(kind):
    assert kind.__repr__ is not object.__repr__
