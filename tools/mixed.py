"""Versions that live together: which release of a layer the others' ranges admit."""

import tomllib
from pathlib import Path

from packaging.requirements import Requirement

from layers import LAYERS, NAMESPACE
from releases import ROOT, version


def refusals(layer: str, number: str, folder: Path, root: Path = ROOT) -> list[tuple[str, str]]:
    """Why a release of a layer cannot stand among the other layers of this tree.

    Args:
        layer: The layer that is there in another version.
        number: That version.
        folder: Its package.
        root: The tree of the others.

    Returns:
        Pairs (who asks, for what): `("tinytorch-training", "tinytorch-optim<0.3,>=0.2")`.
    """
    clashes = []
    for other in LAYERS:
        if other == layer:
            continue
        present = ".".join(map(str, version(other, root)))
        above = requirements(root / "packages" / other), layer, number, other
        below = requirements(folder), other, present, layer
        for asked, needed, there, who in (above, below):
            clashes += [
                (f"{NAMESPACE}-{who}", str(one))
                for one in asked
                if one.name == f"{NAMESPACE}-{needed}" and there not in one.specifier
            ]
    return clashes


def requirements(folder: Path) -> list[Requirement]:
    """What a package declares to need."""
    text = (folder / "pyproject.toml").read_text(encoding="utf-8")
    return [Requirement(line) for line in tomllib.loads(text)["project"]["dependencies"]]


def names_both(said: str, clashes: list[tuple[str, str]]) -> bool:
    """Whether an installer's message names one who asks, and what it asks for."""
    return any(who in said and Requirement(what).name in said for who, what in clashes)
