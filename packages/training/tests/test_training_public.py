"""The package's face: all of its public names, and nothing heavy at import."""

import subprocess
import sys
from types import ModuleType

import tinytorch.training as training


def test_all_lists_the_public_names():
    public = {
        name
        for name, value in vars(training).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    }
    assert set(training.__all__) - {"__version__"} == public
    assert len(set(training.__all__)) == len(training.__all__)


def test_every_public_name_says_what_it_is():
    for name in set(training.__all__) - {"__version__"}:
        assert getattr(training, name).__doc__, name


def test_the_extras_are_not_imported():
    code = (
        "import sys, tinytorch.training; "
        "print(*sorted({'rich', 'matplotlib', 'onnx', 'torch', 'numba'} & sys.modules.keys()))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == ""


def test_the_version_is_a_version():
    assert [int(part) for part in training.__version__.split(".")] >= [0, 1, 0]
