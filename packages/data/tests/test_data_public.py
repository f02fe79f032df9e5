"""The public names, and what importing the layer brings along."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tinytorch.data
from tinytorch.data import data_root, transforms
from tinytorch.data.files.errors import damaged
from tinytorch.data.files.lock import locked
from tinytorch.tensor.errors import FileError

SOURCE = Path(tinytorch.data.__file__).parent


@pytest.mark.parametrize("module", [tinytorch.data, transforms])
def test_all_names_what_is_public(module):
    public = {
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and (module is not transforms or isinstance(value, type))
    }
    if module is tinytorch.data:
        public = public - {"files"} | {"__version__"}
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


def test_the_root_is_the_argument_then_the_variable_then_the_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("TINYTORCH_DATA", str(tmp_path / "variable"))
    assert data_root("here") == Path("here")
    assert data_root(tmp_path) == tmp_path
    assert data_root("~/there") == Path.home() / "there"
    assert data_root() == tmp_path / "variable"
    monkeypatch.setenv("TINYTORCH_DATA", "~/variable")
    assert data_root() == Path.home() / "variable"
    for unset in (True, False):
        if unset:
            monkeypatch.delenv("TINYTORCH_DATA")
        else:
            monkeypatch.setenv("TINYTORCH_DATA", "")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
        monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
        assert data_root() == tmp_path / "xdg" / "tinytorch"
        monkeypatch.delenv("XDG_CACHE_HOME")
        assert data_root() == tmp_path / "local" / "tinytorch"
        monkeypatch.delenv("LOCALAPPDATA")
        monkeypatch.setattr(sys, "platform", "darwin")
        assert data_root() == Path.home() / "Library" / "Caches" / "tinytorch"
        monkeypatch.setattr(sys, "platform", "linux")
        assert data_root() == Path.home() / ".cache" / "tinytorch"


def test_a_damaged_file_is_described():
    error = damaged(Path("/folder/file"), 12_345, expected="order", got="chaos")
    assert isinstance(error, FileError)
    assert str(error).splitlines() == [
        "file: damaged or foreign file",
        "  expected: order",
        "  got:      chaos, at byte 12,345 of /folder/file",
        "  way out:  delete /folder/file and load the dataset again, or put a good copy there",
    ]
    assert (error.file, error.offset) == (Path("/folder/file"), 12_345)


def test_a_lock_is_freed_after_an_error(tmp_path):
    file = tmp_path / "lock"
    with pytest.raises(KeyError), locked(file):
        raise KeyError
    with locked(file):
        assert file.read_bytes() == b""


def test_a_lock_keeps_others_out(tmp_path):
    import fcntl

    file = tmp_path / "lock"
    with locked(file), file.open("ab") as other, pytest.raises(BlockingIOError):
        fcntl.flock(other.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    with file.open("ab") as other:
        fcntl.flock(other.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_importing_sets_no_global_seed():
    state = np.random.get_state()[1].tobytes()  # noqa: NPY002  (it is what must not change)
    list(tinytorch.data.DataLoader(tinytorch.data.SimpleDataset(4), shuffle=True, rng=0))
    assert np.random.get_state()[1].tobytes() == state  # noqa: NPY002
