"""The six distributions agree with each other and with the list of layers."""

import re
import tomllib
from pathlib import Path

import pytest

from layers import LAYERS

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ROOT / "packages"


def read(path: Path) -> dict:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def version(layer: str) -> str:
    text = (PACKAGES / layer / f"src/tinytorch/{layer}/_version.py").read_text(encoding="utf-8")
    return re.search(r'__version__ = "([^"]+)"', text)[1]


@pytest.mark.parametrize("layer", LAYERS)
def test_a_package_ships_its_type_marker_license_and_readme(layer):
    folder = PACKAGES / layer
    assert (folder / f"src/tinytorch/{layer}/py.typed").is_file()
    assert (folder / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert "## The contract" in (folder / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("layer", LAYERS)
def test_the_wheel_holds_the_namespace_and_not_the_layer_alone(layer):
    wheel = read(PACKAGES / layer / "pyproject.toml")["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel == {"packages": ["src/tinytorch"]}


@pytest.mark.parametrize("layer", LAYERS)
def test_required_ranges_admit_the_siblings_of_this_checkout(layer):
    for requirement in read(PACKAGES / layer / "pyproject.toml")["project"]["dependencies"]:
        match = re.fullmatch(r"tinytorch-([a-z]+)>=(\d+)\.(\d+),<(\d+)\.(\d+)", requirement)
        if not requirement.startswith("tinytorch-"):
            continue
        assert match, f"{requirement} is no range like >=0.1,<0.2"
        major, minor = (int(part) for part in version(match[1]).split(".")[:2])
        low, high = (int(match[2]), int(match[3])), (int(match[4]), int(match[5]))
        assert low <= (major, minor) < high
