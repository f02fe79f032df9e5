"""The public names, and what importing the layer brings along."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tinytorch.data
from tinytorch.data import transforms

SOURCE = Path(tinytorch.data.__file__).parent


@pytest.mark.parametrize("module", [tinytorch.data, transforms])
def test_all_names_what_is_public(module):
    public = {
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and (module is not transforms or isinstance(value, type))
    }
    if module is tinytorch.data:
        public = public - {"batches", "files"} | {"__version__"}
    assert set(module.__all__) == public


def test_every_public_name_is_documented():
    for module in (tinytorch.data, transforms):
        for name in module.__all__:
            if name not in {"__version__", "transforms"}:
                assert getattr(module, name).__doc__, name


def test_the_layer_stands_on_tensor_alone():
    program = (
        "import sys, tinytorch.data;"
        "print(sorted(m for m in sys.modules if m.startswith('tinytorch.') and m.count('.') == 1),"
        "{'PIL', 'torch', 'numba', 'matplotlib'} & set(sys.modules))"
    )
    output = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert output.stdout.strip() == "['tinytorch.data', 'tinytorch.tensor'] set()"


def test_it_is_typed_and_the_namespace_stays_open():
    assert (SOURCE / "py.typed").exists()
    assert not (SOURCE.parent / "__init__.py").exists()


def test_no_pickle():
    for file in SOURCE.rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        assert "import pickle" not in text, file
        assert "allow_pickle" not in text, file


def test_importing_sets_no_global_seed():
    state = np.random.get_state()[1].tobytes()  # noqa: NPY002  (it is what must not change)
    list(tinytorch.data.DataLoader(tinytorch.data.SimpleDataset(4), shuffle=True, rng=0))
    assert np.random.get_state()[1].tobytes() == state  # noqa: NPY002
