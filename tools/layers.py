"""What the six packages declare: the layers, their order, and each one's pyproject.toml."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

LAYERS = ("tensor", "autograd", "optim", "data", "spatial", "training")
"""All layers, lowest first: the one list that the order is read from."""

NAMESPACE = "tinytorch"
IMPORT_NAMES = {"pillow": "PIL", "pyyaml": "yaml", "scikit-learn": "sklearn"}
BROUGHT_ALONG = {"numba": {"llvmlite"}}
"""Import names that a distribution is made of as much as of its own."""


@dataclass(frozen=True)
class Package:
    """What one layer's pyproject.toml declares."""

    layer: str
    folder: Path
    layers: frozenset[str]
    third_party: frozenset[str]
    extras: frozenset[str]
    upward: tuple[tuple[int, str], ...] = ()


def read_package(folder: Path) -> Package:
    """Read one package's declarations; extras count as declared, resolved through the siblings."""
    path = folder / "pyproject.toml"
    lines = path.read_text(encoding="utf-8").splitlines()
    dependencies, extras = _project(folder)
    layers, third_party, upward = set(), set(), []
    for requirement in dependencies:
        layer = _layer_of(requirement)
        if layer is None:
            third_party |= _import_names(requirement)
        elif layer in LAYERS[: LAYERS.index(folder.name)]:
            layers.add(layer)
        else:
            upward.append((_line_of(lines, requirement), layer))
    for extra, requirements in extras.items():
        for requirement in requirements:
            layer = _layer_of(requirement)
            if layer and layer not in LAYERS[: LAYERS.index(folder.name) + 1]:
                upward.append((_line_of(lines, requirement), layer))
        third_party |= _extra(folder, extra, seen=set())
    return Package(
        layer=folder.name,
        folder=folder,
        layers=frozenset(layers),
        third_party=frozenset(third_party),
        extras=frozenset(extras),
        upward=tuple(sorted(upward)),
    )


def closure(layer: str, packages: dict[str, Package]) -> set[str]:
    """The layers that installing `layer` brings, itself included."""
    reached = {layer}
    for lower in packages[layer].layers:
        if lower in packages:
            reached |= closure(lower, packages)
    return reached


def _project(folder: Path) -> tuple[list[str], dict[str, list[str]]]:
    """The dependencies and the extras, as they are written."""
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project.get("dependencies", []), project.get("optional-dependencies", {})


def _extra(folder: Path, extra: str, seen: set[tuple[str, str]]) -> set[str]:
    if (folder.name, extra) in seen or not (folder / "pyproject.toml").is_file():
        return set()
    seen.add((folder.name, extra))
    names: set[str] = set()
    for requirement in _project(folder)[1].get(extra, []):
        layer = _layer_of(requirement)
        if layer is None:
            names |= _import_names(requirement)
            continue
        asked = re.search(r"\[([^]]*)\]", requirement)
        for inner in re.split(r"\s*,\s*", asked[1]) if asked else ():
            names |= _extra(folder.parent / layer, inner, seen)
    return names


def _layer_of(requirement: str) -> str | None:
    match = re.match(rf"{NAMESPACE}-([a-z]+)", requirement)
    return match[1] if match else None


def _import_names(requirement: str) -> set[str]:
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    name = (match[0] if match else requirement).lower()
    return {IMPORT_NAMES.get(name, name.replace("-", "_"))} | BROUGHT_ALONG.get(name, set())


def _line_of(lines: list[str], text: str) -> int:
    return next((number for number, line in enumerate(lines, 1) if text in line), 1)
