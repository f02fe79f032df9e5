"""CONTRIBUTING names exactly the places to touch: one of each is added to a copy of the tree."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from layers import LAYERS

ROOT = Path(__file__).resolve().parents[2]
LINE = "- A thing.\n"


def after(old, new):
    """An edit that puts `new` behind the first `old`."""

    def edit(text):
        assert old in text, old
        return text.replace(old, old + new, 1)

    return edit


def exported(name, where):
    """An edit of an `__init__.py`: import a name, and list it."""

    def edit(text):
        text = text.replace("\nfrom ", f"\nfrom {where} import {name}\nfrom ", 1)
        return text.replace("__all__ = [\n", f'__all__ = [\n    "{name}",\n', 1)

    return edit


def row(name, promise):
    """An edit of a README: a row of the contract."""
    return lambda text: re.sub(
        r"(## The contract.*?\n\| ---[^\n]*\n|## The contract.*?\n\|---[^\n]*\n)",
        lambda found: f"{found[1]}| `{name}` | {promise} |\n",
        text,
        count=1,
        flags=re.DOTALL,
    )


def whole(text):
    """An edit that writes a new file."""
    return lambda _: text


noted = after("## Unreleased\n", f"\n{LINE}")

OPERATION = {
    "packages/tensor/src/tinytorch/tensor/ops/elementwise.py": after(
        '"The square root of x.")\n', 'cbrt = _ufunc("cbrt", np.cbrt, "The cube root of x.")\n'
    ),
    "packages/autograd/src/tinytorch/autograd/derivatives/elementwise.py": after(
        "derivative(ops.exp, lambda g, z, _x: g * z)\n",
        "derivative(ops.cbrt, lambda g, z, x: g / (3 * z * z))\n",
    ),
    "packages/tensor/src/tinytorch/tensor/testing/cases.py": after(
        "    OpCase(ops.sqrt, by_element(math.sqrt), domain=POSITIVE),\n",
        "    OpCase(ops.cbrt, by_element(lambda x: x ** (1 / 3)), domain=POSITIVE),\n",
    ),
    "packages/tensor/CHANGELOG.md": noted,
}
KERNEL = {
    "packages/tensor/src/tinytorch/tensor/kernels/_numba/_activations.py": lambda text: (
        text + "\n\n@kernel(ops.cbrt)\ndef cbrt(x):\n    return np.cbrt(x)\n"
    ),
    "packages/tensor/src/tinytorch/tensor/kernels/__init__.py": after("ops=[", "ops.cbrt, "),
}
OPTIMIZER = {
    "packages/optim/src/tinytorch/optim/_sign.py": whole(
        '''"""Steps of the gradient's sign."""

import numpy as np

from tinytorch.optim._optimizer import Optimizer


class Sign(Optimizer):
    """Steps of lr against the sign of each gradient: w = w - lr * sign(g)."""

    def __init__(self, params=None, lr=0.01):
        super().__init__(params, lr=lr)

    def update(self, w, g, state, settings):
        """Move w."""
        w -= settings["lr"] * np.sign(g)
'''
    ),
    "packages/optim/src/tinytorch/optim/__init__.py": exported("Sign", "tinytorch.optim._sign"),
    "packages/optim/README.md": row("Sign(params=None, lr=0.01)", "steps of lr"),
    "packages/optim/tests/contract/test_contract_optim_sign.py": whole(
        """def test_a_step_of_sign_is_lr():
    from tinytorch import optim
    from tinytorch.autograd import Variable

    w = Variable([1.0, -1.0])
    optim.Sign([w], lr=0.5).step((w * w).sum().backward())
    assert w.tolist() == [0.5, -0.5]
"""
    ),
    "packages/optim/CHANGELOG.md": noted,
}
DATA_SET = {
    "packages/data/src/tinytorch/data/_moons.py": whole(
        '''"""Two half moons."""

import numpy as np

from tinytorch.data._dataset import TensorDataset


class Moons(TensorDataset):
    """n points `(2,)` on two half circles, and which one each is on."""

    def __init__(self, n):
        turn, label = np.linspace(0, np.pi, n), np.arange(n) % 2
        points = np.stack([np.cos(turn) + label, np.sin(turn) * (1 - 2 * label)], axis=1)
        super().__init__(points.astype(np.float32), label)
'''
    ),
    "packages/data/src/tinytorch/data/__init__.py": exported("Moons", "tinytorch.data._moons"),
    "packages/data/README.md": row("Moons(n)", "points on two half circles"),
    "packages/data/tests/contract/test_contract_data_moons.py": whole(
        """def test_moons_lie_on_two_circles():
    from tinytorch import data

    (point, label) = data.Moons(4)[0]
    assert (point.tolist(), int(label)) == ([1.0, 0.0], 0)
"""
    ),
    "packages/data/CHANGELOG.md": noted,
}
MODULE = {
    "packages/autograd/src/tinytorch/autograd/nn/_activations.py": lambda text: (
        text
        + '''

class Softsign(Module):
    """x / (1 + |x|)."""

    def forward(self, inputs):
        """As in the class."""
        return inputs / (abs(inputs) + 1)
'''
    ),
    "packages/autograd/src/tinytorch/autograd/nn/__init__.py": exported(
        "Softsign", "tinytorch.autograd.nn._activations"
    ),
    "packages/autograd/README.md": row("nn.Softsign()", "x / (1 + abs(x))"),
    "packages/autograd/tests/contract/test_contract_autograd_softsign.py": whole(
        """def test_softsign_is_x_over_one_and_its_magnitude():
    from tinytorch.autograd import Variable, nn

    assert nn.Softsign()(Variable([1.0, -3.0])).tolist() == [0.5, -0.75]
"""
    ),
    "packages/autograd/CHANGELOG.md": noted,
}
CALLBACK = {
    "packages/training/src/tinytorch/training/callbacks/patience.py": whole(
        '''"""A run that ends by itself after so many steps."""

from tinytorch.training.callbacks.callback import Callback


class StepLimit(Callback):
    """Stops after so many steps of the run."""

    def __init__(self, steps):
        self.steps = steps

    def on_step_end(self, trainer):
        """Stop where the limit is reached."""
        if trainer.step >= self.steps:
            trainer.stop("the limit of steps is reached")
'''
    ),
    "packages/training/src/tinytorch/training/__init__.py": exported(
        "StepLimit", "tinytorch.training.callbacks.patience"
    ),
    "packages/training/README.md": row("StepLimit(steps)", "stops after so many steps"),
    "packages/training/tests/contract/test_contract_training_patience.py": whole(
        """import numpy as np


def test_a_limit_of_steps_ends_the_run():
    from tinytorch import training
    from tinytorch.autograd import nn
    from tinytorch.optim import SGD

    batch = np.ones((2, 3), np.float32), np.array([0, 1])
    limit = training.StepLimit(2)
    trainer = training.Trainer(nn.Linear(3, 2), SGD(), [batch] * 5, callbacks=[limit])
    trainer.fit(1)
    assert trainer.step == 2
"""
    ),
    "packages/training/CHANGELOG.md": noted,
}
THINGS = {
    "An operation": (OPERATION, ["tensor/test_tensor_cases", "tensor/test_tensor_public"]),
    "A kernel": (KERNEL, ["tensor/test_tensor_cases", "tensor/test_tensor_kernels"]),
    "An optimizer": (
        OPTIMIZER,
        ["optim/test_optim_public", "optim/contract/test_contract_optim_sign"],
    ),
    "A data set": (DATA_SET, ["data/test_data_public", "data/contract/test_contract_data_moons"]),
    "A module": (MODULE, ["autograd/contract/test_contract_autograd_softsign"]),
    "A callback": (
        CALLBACK,
        ["training/test_training_public", "training/contract/test_contract_training_patience"],
    ),
}


def places(thing):
    """The places that CONTRIBUTING names for a thing: the first column of its table."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text.split(f"\n**{thing}**")[1].split("\n**")[0].split("\n## ")[0]
    return re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the tree with one of each thing added."""
    copy = tmp_path_factory.mktemp("tree")
    ignore = shutil.ignore_patterns("__pycache__", "oracle")
    for name in ("packages", "tools"):
        shutil.copytree(ROOT / name, copy / name, ignore=ignore)
    for name in ("pyproject.toml", "CONTRIBUTING.md"):
        shutil.copy(ROOT / name, copy / name)
    for edits, _ in THINGS.values():
        for path, edit in edits.items():
            place = copy / path
            old = place.read_text(encoding="utf-8") if place.is_file() else ""
            assert edit(old) != old, path
            place.write_text(edit(old), encoding="utf-8")
    return copy


def run(tree, *command):
    """Run a Python command on the copy."""
    sources = [str(tree / "packages" / layer / "src") for layer in LAYERS]
    done = subprocess.run(
        [sys.executable, *command],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sources), "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("thing", THINGS)
def test_contributing_names_the_places_that_are_touched(thing):
    assert places(thing) == list(THINGS[thing][0])


def test_the_layers_hold_with_one_of_each(tree):
    code, said = run(tree, "tools/check_layers.py")
    assert code == 0, said


@pytest.mark.parametrize("thing", THINGS)
def test_the_tests_hold_with_one_of_each(tree, thing):
    layers = (name.split("/", 1) for name in THINGS[thing][1])
    files = [f"packages/{layer}/tests/{file}.py" for layer, file in layers]
    code, said = run(tree, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files)
    assert code == 0, said


def test_contracts_and_tests_agree_with_one_of_each(tree):
    code, said = run(tree, "-m", "pytest", "-q", "tools/tests/test_contracts.py")
    assert code == 0, said


def test_an_operation_has_its_derivative(tree):
    tests = "packages/autograd/tests/test_autograd_cases.py"
    code, said = run(tree, "-m", "pytest", "-q", "-p", "no:cacheprovider", tests, "-k", "cbrt")
    assert code == 0, said


@pytest.mark.parametrize("missing", list(OPERATION)[1:3])
def test_an_operation_without_row_or_case_is_noticed(tree, missing):
    added = (tree / missing).read_text(encoding="utf-8")
    try:
        shutil.copy(ROOT / missing, tree / missing)
        tests = ["tensor/tests/test_tensor_cases.py", "autograd/tests/test_autograd_cases.py"]
        files = [f"packages/{name}" for name in tests]
        code, said = run(tree, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *files)
    finally:
        (tree / missing).write_text(added, encoding="utf-8")
    assert code == 1, said
    assert "cbrt" in said
