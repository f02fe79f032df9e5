"""An environment, shown to be what it should be.

    python tools/check_environment.py            # tinytorch is our namespace, and nobody hides it
    python tools/check_environment.py optim      # ... and tinytorch-optim alone is installed

The second fails if a layer that `optim` does not need can be imported, or one that it needs cannot.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

from layers import LAYERS, closure, read_package


def hidden() -> str | None:
    """What is wrong with the namespace `tinytorch` here, and the way out; None where it is ours."""
    namespace = find_spec("tinytorch")
    if namespace is None:
        return "no layer of tinytorch is installed here: pip install -e packages/tensor ..."
    if namespace.origin is not None:
        return (
            f"{namespace.origin} hides the six layers: tinytorch is a namespace without that file\n"
            "way out: remove the file where it is yours; where it came with another project's"
            " package,\n         uninstall that, or use an environment of its own"
        )
    return None


def differing(layer: str) -> list[str]:
    """Each layer that can be imported though `layer` does not declare it, or the other way."""
    packages = Path(__file__).resolve().parent.parent / "packages"
    declared = closure(layer, {name: read_package(packages / name) for name in LAYERS})
    importable = {name for name in LAYERS if find_spec(f"tinytorch.{name}")}
    return [
        *(f"tinytorch.{name} is here, undeclared" for name in sorted(importable - declared)),
        *(f"tinytorch.{name} is declared, not here" for name in sorted(declared - importable)),
    ]


def main(arguments: list[str]) -> int:
    """Check the namespace and, where one is named, that a layer is alone with what it declares."""
    fault = hidden()
    faults = [fault] if fault else [line for layer in arguments for line in differing(layer)]
    for line in faults:
        print(line)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
