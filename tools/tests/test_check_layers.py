"""Each rule of the layer check finds the violation that is planted for it, and nothing else."""

from pathlib import Path

import pytest

import check_layers

PYPROJECT = """[project]
name = "tinytorch-{layer}"
dependencies = [
{dependencies}
]

[project.optional-dependencies]
{extras}
"""
DEPENDENCIES = {
    "tensor": ["numpy>=2.0"],
    "autograd": ["numpy>=2.0", "tinytorch-tensor>=0.1,<0.2"],
    "optim": ["numpy>=2.0", "tinytorch-tensor>=0.1,<0.2", "tinytorch-autograd>=0.1,<0.2"],
    "data": ["numpy>=2.0", "tinytorch-tensor>=0.1,<0.2"],
}
EXTRAS = {
    "tensor": 'fast = ["numba>=0.60"]',
    "autograd": 'fast = ["tinytorch-tensor[fast]"]',
    "optim": 'fast = ["tinytorch-autograd[fast]"]\nplot = ["matplotlib>=3.8", "rich"]',
    "data": 'images = ["pillow>=10"]',
}


class Tree:
    """A toy repository of four layers, one source file and one test each."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for layer in DEPENDENCIES:
            self.declare(layer)
            self.source(layer, "__init__.py", "import numpy\n")
            self.test(layer, f"test_{layer}_api.py", f"import pytest, tinytorch.{layer}\n")

    def declare(self, layer: str, *more: str) -> None:
        lines = "\n".join(f'    "{name}",' for name in [*DEPENDENCIES[layer], *more])
        text = PYPROJECT.format(layer=layer, dependencies=lines, extras=EXTRAS[layer])
        self.write(f"packages/{layer}/pyproject.toml", text)

    def source(self, layer: str, name: str, text: str) -> None:
        self.write(f"packages/{layer}/src/tinytorch/{layer}/{name}", text)

    def test(self, layer: str, name: str, text: str) -> None:
        self.write(f"packages/{layer}/tests/{name}", text)

    def write(self, path: str, text: str) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")

    def findings(self) -> list[tuple[str, int, str]]:
        return [(f.path.as_posix(), f.line, f.rule) for f in check_layers.check(self.root)]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def test_a_clean_tree_has_no_findings(tree: Tree) -> None:
    tree.source("autograd", "_a.py", "from tinytorch.tensor import Tensor\nfrom ._b import b\n")
    tree.source("optim", "_s.py", "from . import _t\n")
    tree.test("optim", "test_optim_more.py", "from tinytorch.autograd import Variable\n")
    assert tree.findings() == []


def test_extras_count_as_declared_also_through_a_sibling(tree: Tree) -> None:
    tree.source("optim", "_k.py", "def load():\n    import numba, matplotlib.pyplot, rich\n")
    tree.source("data", "_i.py", "def load():\n    from PIL import Image\n")
    tree.test("optim", "test_optim_fast.py", "import pytest\npytest.importorskip('numba')\n")
    assert tree.findings() == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("from tinytorch.optim import SGD\n", 1),
        ("import tinytorch.optim as o\n", 1),
        ("from tinytorch import optim\n", 1),
        ("import typing as t\nif t.TYPE_CHECKING:\n    from tinytorch.optim import SGD\n", 3),
        ("try:\n    import tinytorch.optim\nexcept ImportError:\n    pass\n", 2),
        ("from ..optim import SGD\n", 1),
        ("from .. import optim\n", 1),
        ("import importlib\nimportlib.import_module('tinytorch.optim')\n", 2),
        ("__import__('tinytorch.optim')\n", 1),
        ("import tinytorch\ns = tinytorch.optim.SGD\n", 2),
        ("import tinytorch as t\ns = t.optim.SGD\n", 2),
    ],
    ids=[
        "plain",
        "as",
        "from-namespace",
        "type-checking",
        "try",
        "relative",
        "relative-namespace",
        "importlib",
        "dunder-import",
        "attribute",
        "attribute-alias",
    ],
)
def test_an_upward_import_is_found(tree: Tree, text: str, line: int) -> None:
    tree.source("tensor", "_bad.py", text)
    where = "packages/tensor/src/tinytorch/tensor/_bad.py"
    assert set(tree.findings()) == {(where, line, "upward-import")}


def test_an_upward_import_in_a_function_is_found_and_is_late(tree: Tree) -> None:
    tree.source("tensor", "_bad.py", "def f():\n    from tinytorch.optim import SGD\n")
    assert {rule for _, _, rule in tree.findings()} == {"late-import", "upward-import"}


@pytest.mark.parametrize("late", ["import json", "from tinytorch.tensor import _b"])
def test_only_extras_are_imported_late(tree: Tree, late: str) -> None:
    tree.source("tensor", "_b.py", "")
    tree.source("tensor", "_a.py", f"def f():\n    {late}\n")
    where = "packages/tensor/src/tinytorch/tensor/_a.py"
    assert tree.findings() == [(where, 2, "late-import")]
    tree.source("tensor", "_a.py", "def f():\n    import numba\n")
    assert tree.findings() == []


@pytest.mark.parametrize("where", ["", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    "])
def test_a_circle_of_imports_is_found_also_for_types_alone(tree: Tree, where: str) -> None:
    tree.source("optim", "_a.py", "from tinytorch.optim._b import b\n")
    tree.source("optim", "_b.py", "from tinytorch.optim._c import c\n")
    assert tree.findings() == []
    tree.source("optim", "_c.py", f"{where}from tinytorch.optim._a import a\n")
    ((_, _, rule),) = tree.findings()
    assert rule == "import-circle"


def test_the_inherent_circle_of_tensor_and_op_is_allowed_and_no_other(tree: Tree) -> None:
    tree.source("tensor", "_op.py", "from tinytorch.tensor._tensor import Tensor\n")
    tree.source("tensor", "_tensor.py", "from tinytorch.tensor._op import Op\n")
    assert tree.findings() == []
    tree.source("tensor", "_tensor.py", "from tinytorch.tensor._creation import zeros\n")
    tree.source("tensor", "_creation.py", "from tinytorch.tensor._tensor import Tensor\n")
    assert [rule for _, _, rule in tree.findings()] == ["import-circle"]


@pytest.mark.parametrize(
    "load",
    [
        "import importlib\nimportlib.import_module('tinytorch.tensor.numba')\n",
        "def load():\n    import tinytorch.tensor.numba\n",
    ],
)
def test_a_file_named_after_an_extra_may_be_imported_late(tree: Tree, load: str) -> None:
    tree.source("tensor", "kernels.py", load)
    tree.source("tensor", "numba.py", "from tinytorch.tensor.kernels import kernel\n")
    assert tree.findings() == []


def test_a_dynamic_import_that_cannot_be_read_is_found(tree: Tree) -> None:
    tree.source("tensor", "_bad.py", "import importlib\nimportlib.import_module('tiny' + 'x')\n")
    assert [rule for _, _, rule in tree.findings()] == ["dynamic-import"]


def test_an_f_string_that_begins_with_its_layer_can_be_read(tree: Tree) -> None:
    text = "import importlib\nfor x in 'a', 'b':\n    importlib.import_module(f'tinytorch.{}{x}')\n"
    tree.test("optim", "test_optim_all.py", text.replace("{}", "optim."))
    assert tree.findings() == []
    tree.test("optim", "test_optim_all.py", text.replace("{}", "data."))
    assert [rule for _, _, rule in tree.findings()] == ["test-needs-undeclared-layer"]
    tree.test("optim", "test_optim_all.py", text.replace("{}", ""))
    assert [rule for _, _, rule in tree.findings()] == ["dynamic-import"]


def test_asking_whether_something_is_installed_is_no_import(tree: Tree) -> None:
    tree.source(
        "tensor", "_a.py", "from importlib.util import find_spec\nfind_spec('nu' + 'mba')\n"
    )
    assert tree.findings() == []
    tree.source("tensor", "_a.py", "from importlib.util import find_spec\nfind_spec('scipy')\n")
    assert [rule for _, _, rule in tree.findings()] == ["undeclared-third-party"]


def test_an_undeclared_third_party_is_found_in_sources_and_tests(tree: Tree) -> None:
    tree.source("tensor", "_bad.py", "import os\nimport scipy.signal\n")
    tree.test("tensor", "test_tensor_bad.py", "import torch\n")
    tree.test("tensor", "oracle/test_oracle_tensor.py", "import torch\n")
    assert tree.findings() == [
        ("packages/tensor/src/tinytorch/tensor/_bad.py", 2, "undeclared-third-party"),
        ("packages/tensor/tests/test_tensor_bad.py", 1, "undeclared-third-party"),
    ]


def test_an_undeclared_lower_layer_is_found(tree: Tree) -> None:
    tree.source("data", "_bad.py", "import numpy\nfrom tinytorch.autograd import Variable\n")
    where = "packages/data/src/tinytorch/data/_bad.py"
    assert tree.findings() == [(where, 2, "undeclared-layer")]


@pytest.mark.parametrize("upper", ["optim", "spatial"])
def test_a_declared_upward_dependency_is_found(tree: Tree, upper: str) -> None:
    tree.declare("autograd", f"tinytorch-{upper}>=0.1")
    assert tree.findings() == [("packages/autograd/pyproject.toml", 6, "declared-upward")]


def test_a_relative_import_out_of_the_layer_is_found(tree: Tree) -> None:
    tree.source("autograd", "_bad.py", "from ..tensor import Tensor\n")
    where = "packages/autograd/src/tinytorch/autograd/_bad.py"
    assert tree.findings() == [(where, 1, "relative-escape")]


@pytest.mark.parametrize(
    "text",
    [
        "from tinytorch.tensor._op import Op\n",
        "from tinytorch.tensor import _op\n",
        "import tinytorch.tensor._op\n",
        "import tinytorch.tensor as t\nt._cast(1)\n",
        "from tinytorch.tensor import Tensor\nTensor._from(1)\n",
    ],
)
@pytest.mark.parametrize("place", ["source", "test"])
def test_a_private_name_of_another_layer_is_found(tree: Tree, text: str, place: str) -> None:
    name = "_bad.py" if place == "source" else "test_autograd_bad.py"
    getattr(tree, place)("autograd", name, text)
    (found,) = tree.findings()
    assert found[1:] == (text.count("\n"), "private-name")


def test_a_layers_own_private_names_are_open_to_its_tests_but_not_its_contract(tree: Tree) -> None:
    text = "from tinytorch.tensor._op import Op\n"
    tree.test("tensor", "test_tensor_inside.py", text)
    tree.test("tensor", "contract/test_contract_tensor.py", text)
    assert tree.findings() == [
        ("packages/tensor/tests/contract/test_contract_tensor.py", 1, "private-name")
    ]


def test_a_file_in_the_namespace_is_found(tree: Tree) -> None:
    tree.write("packages/data/src/tinytorch/__init__.py", "")
    where = "packages/data/src/tinytorch/__init__.py"
    assert tree.findings() == [(where, 1, "namespace-file")]


def test_a_test_that_needs_a_later_layer_is_found(tree: Tree) -> None:
    tree.test("autograd", "test_autograd_sgd.py", "import numpy\nimport tinytorch.optim\n")
    where = "packages/autograd/tests/test_autograd_sgd.py"
    assert tree.findings() == [(where, 2, "test-needs-undeclared-layer")]


def test_a_folder_that_is_no_known_layer_is_found(tree: Tree) -> None:
    tree.write("packages/text/pyproject.toml", "")
    tree.write("packages/data/src/tinytorch/vision/__init__.py", "")
    assert tree.findings() == [
        ("packages/data/src/tinytorch/vision", 1, "unknown-layer"),
        ("packages/text", 1, "unknown-layer"),
    ]


def test_what_the_namespace_has_itself_is_no_layer(tree: Tree) -> None:
    tree.source("data", "_a.py", "import tinytorch\nplaces = tinytorch.__path__\n")
    assert tree.findings() == []


def test_a_second_contract_and_a_repeated_test_name_are_found(tree: Tree) -> None:
    tree.test("tensor", "contract/test_contract_tensor.py", "")
    tree.test("data", "contract/test_contract_tensor.py", "")
    where = "packages/data/tests/contract/test_contract_tensor.py"
    assert {rule for path, _, rule in tree.findings() if path != where} <= {"duplicate-test"}
    assert (where, 1, "duplicate-contract") in tree.findings()


def test_a_finding_names_file_line_and_rule(tree: Tree, capsys: pytest.CaptureFixture[str]) -> None:
    tree.source("tensor", "_bad.py", "\nimport tinytorch.optim\n")
    assert check_layers.main([str(tree.root)]) == 1
    assert capsys.readouterr().out.startswith(
        "packages/tensor/src/tinytorch/tensor/_bad.py:2: upward-import: "
    )


def test_a_clean_tree_exits_with_0(tree: Tree, capsys: pytest.CaptureFixture[str]) -> None:
    assert check_layers.main([str(tree.root)]) == 0
    assert "0 findings" in capsys.readouterr().out
