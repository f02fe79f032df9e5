"""An isolated environment, shown to be one.

    python tools/check_environment.py optim      # after installing tinytorch-optim alone

fails if a layer that `optim` does not need can be imported, if one that it needs cannot, or if
another project's `tinytorch` package hides the namespace.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

from layers import LAYERS, closure, read_package


def main(layer: str) -> int:
    """Compare what can be imported with what the layer's pyproject.toml files declare."""
    packages = Path(__file__).resolve().parent.parent / "packages"
    declared = closure(layer, {name: read_package(packages / name) for name in LAYERS})
    namespace = find_spec("tinytorch")
    if namespace is None or namespace.origin is not None:
        print(f"tinytorch is not our namespace but {namespace and namespace.origin}")
        return 1
    importable = {name for name in LAYERS if find_spec(f"tinytorch.{name}")}
    for name in sorted(importable - declared):
        print(f"tinytorch.{name} can be imported, but {layer} does not declare it")
    for name in sorted(declared - importable):
        print(f"tinytorch.{name} cannot be imported, but {layer} declares it")
    print(f"{layer} alone: {', '.join(name for name in LAYERS if name in importable)}")
    return 0 if importable == declared else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
