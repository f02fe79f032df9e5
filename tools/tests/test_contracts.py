"""A layer can be written from its contract: what its tests use stands there, and only that."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PARTS = {
    "autograd": ("nn", "init", "graph", "testing"),
    "data": ("transforms",),
    "optim": ("schedules",),
    "spatial": ("functional",),
    "tensor": (
        *("checks", "display", "errors", "functional", "kernels", "ops"),
        *("pytorch", "random", "testing", "types"),
    ),
    "training": (),
}
"""The layers whose contract says all that its tests use, with their parts."""


def contract(layer):
    """The section "The contract" of a layer's README."""
    text = (ROOT / "packages" / layer / "README.md").read_text(encoding="utf-8")
    return text.split("## The contract")[1].split("\n## ")[0]


def trees(layer):
    """The contract tests of a layer, parsed."""
    folder = ROOT / "packages" / layer / "tests" / "contract"
    return [ast.parse(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.py"))]


def used(layer):
    """The public names that the tests take from the layer, or from a part of it such as `nn`."""
    parts = {layer, *PARTS[layer]}
    for tree in trees(layer):
        for node in ast.walk(tree):
            match node:
                case ast.Attribute(value=ast.Name(id=owner), attr=name) if owner in parts:
                    yield name
                case ast.Attribute(value=ast.Attribute(value=of, attr=owner), attr=name) if (
                    owner in parts and ast.unparse(of) != "np"
                ):
                    yield name


def promised(layer):
    """The names in the first column of the contract's tables, but for tables of formulas."""
    for line in contract(layer).splitlines():
        cells = line.split(" | ")
        if not line.startswith("| `") or len(cells) < 2 or re.match(r"\| `[a-z_]+`, `", line):
            continue
        for span in re.findall(r"`([^`]+)`", cells[0]):
            for part in re.sub(r"\([^)]*\)", " ", span).split():
                if (name := part.split(".")[-1]).isidentifier():
                    yield name


@pytest.mark.parametrize("layer", PARTS)
def test_what_the_tests_use_stands_in_the_contract(layer):
    text = contract(layer)
    assert [name for name in sorted(set(used(layer))) if not re.search(rf"\b{name}\b", text)] == []


@pytest.mark.parametrize("layer", PARTS)
def test_what_the_contract_promises_is_tested(layer):
    words = set()
    for tree in trees(layer):
        words.update(re.findall(r"\w+", ast.unparse(tree)))
    assert [name for name in sorted(set(promised(layer))) if name not in words] == []
