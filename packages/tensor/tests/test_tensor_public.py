"""What the package exports is what it lists."""

import importlib
import inspect
import pkgutil

import pytest

import tinytorch.tensor
from tinytorch.tensor import (
    Op,
    TinyTorchError,
    checks,
    errors,
    functional,
    kernels,
    ops,
    pytorch,
    random,
    testing,
    types,
)

MODULES = [
    tinytorch.tensor,
    checks,
    functional,
    kernels,
    ops,
    pytorch,
    random,
    errors,
    testing,
    types,
]


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.__name__)
def test_all_names_exist_and_are_listed_once(module):
    assert len(set(module.__all__)) == len(module.__all__)
    assert all(hasattr(module, name) for name in module.__all__)


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.__name__)
def test_every_public_function_and_class_of_ones_own_is_listed(module):
    own = {
        name
        for name, x in vars(module).items()
        if not name.startswith("_")
        and (inspect.isfunction(x) or inspect.isclass(x) or isinstance(x, Op))
        and f"{x.__module__}.".startswith(f"{module.__name__}.")
    }
    assert own - set(module.__all__) == set()


def test_every_error_is_drawn_in_the_tree():
    own = [x for x in vars(errors).values() if inspect.isclass(x) and issubclass(x, Exception)]
    assert {kind.__name__ for kind in own} == set(errors.__all__) - {"named", "refuse_foreign"}
    for kind in own:
        assert kind.__name__ in errors.__doc__
        builtin = [b for b in kind.__bases__ if not issubclass(b, TinyTorchError)]
        assert all(f"({b.__name__})" in errors.__doc__ for b in builtin if b is not Exception)


def test_private_files_list_their_names_too():
    for found in pkgutil.iter_modules(tinytorch.tensor.__path__):
        module = importlib.import_module(f"tinytorch.tensor.{found.name}")
        names = getattr(module, "__all__", [])
        assert all(hasattr(module, name) for name in names), module


def test_ops_pickle_and_copy_as_themselves():
    import copy
    import pickle  # noqa: TID251 - ops pass between processes by name

    assert pickle.loads(pickle.dumps(ops.mul)) is ops.mul
    assert copy.deepcopy(ops.mul) is ops.mul
    assert repr(ops.mul) == "<op mul>"
