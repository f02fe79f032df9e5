"""The built site describes every public name.

    python tools/check_site.py [SITE]

Public is what stands in the `__all__` of a layer, of a module of a layer, or of a module that such
an `__all__` names. Where each is described is read from the site's own inventory, objects.inv.
"""

import importlib
import pkgutil
import re
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from layers import LAYERS

ROOT = Path(__file__).resolve().parents[1]


def inventory(site: Path) -> dict[str, str]:
    """The address of every name that the site describes."""
    packed = (site / "objects.inv").read_bytes().split(b"\n", 4)[4]
    rows = (row.split(" ", 4) for row in zlib.decompress(packed).decode().splitlines())
    return {name: address.replace("$", name) for name, _, _, address, _ in rows}


def public_modules() -> Iterator[ModuleType]:
    """Layers, their modules, and modules that an `__all__` names, each once."""
    waiting = []
    for layer in LAYERS:
        package = importlib.import_module(f"tinytorch.{layer}")
        waiting.append(package)
        names = [found.name for found in pkgutil.iter_modules(package.__path__)]
        names = [f"{package.__name__}.{name}" for name in names if not name.startswith("_")]
        waiting += map(importlib.import_module, names)
    seen = set()
    while waiting:
        module = waiting.pop()
        if module.__name__ not in seen and hasattr(module, "__all__"):
            seen.add(module.__name__)
            yield module
            named = (getattr(module, name) for name in module.__all__)
            waiting += [value for value in named if isinstance(value, ModuleType)]


def missing_names(site: Path) -> list[str]:
    """Public names that the site does not describe."""
    described = inventory(site)
    public = {f"{module.__name__}.{name}" for module in public_modules() for name in module.__all__}
    layers = {f"tinytorch.{layer}.__version__" for layer in LAYERS}
    return sorted(public - layers - described.keys())


def broken_anchors(site: Path) -> list[str]:
    """Addresses of the inventory that lead nowhere."""
    anchors: dict[str, set[str]] = {}
    for address in inventory(site).values():
        page, _, anchor = address.partition("#")
        anchors.setdefault(page, set()).add(anchor)
    lost = []
    for page, wanted in anchors.items():
        path = site / page / "index.html" if page.endswith("/") else site / page
        held = set(re.findall(r'id="([^"]+)"', path.read_text(encoding="utf-8")))
        lost += [f"{page}#{anchor}" for anchor in wanted - held]
    return lost


def main() -> None:
    """Check the site."""
    site = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "site"
    faults = [f"not in the reference: {name}" for name in missing_names(site)]
    faults += [f"leads nowhere: {address}" for address in broken_anchors(site)]
    print(f"{len(inventory(site))} names in the reference, {len(faults)} faults")
    sys.exit("\n".join(faults) or None)


if __name__ == "__main__":
    main()
