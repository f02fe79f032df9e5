"""The layer order, checked in sources and tests, wherever a name of another layer is used.

Looks at static and dynamic imports (in functions, branches, TYPE_CHECKING), attributes of the
namespace, dependencies that are used but not declared (or declared but upward), private names of
other layers, stray files in the namespace, and the tests, which may need no more than their layer
declares. Inside a layer no files import each other in a circle, and only
extras, and the files and folders named after one, are imported late.

    python tools/check_layers.py [ROOT]

prints one line `file:line: rule: what is wrong` for each finding and exits 1 if there is any.
"""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from circles import arrows, circle
from layers import LAYERS, NAMESPACE, Package, closure, read_package
from uses import Uses, uses

TEST_TOOLS = frozenset({"pytest", "_pytest", "hypothesis"})
CHECKERS = frozenset({"typing_extensions"})
"""What type checkers bring; nothing else can import it."""
ORACLES = frozenset(
    ("datasets", "jax", "onnx", "onnxruntime", "pandas", "safetensors", "sklearn", "tensorboard")
) | {"torch"}


@dataclass(frozen=True, order=True)
class Finding:
    """One violation: where it is, the rule's name, and what is wrong in words."""

    path: Path
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        """The finding as an editor understands it: `file:line: rule: message`."""
        return f"{self.path.as_posix()}:{self.line}: {self.rule}: {self.message}"


def check(root: Path) -> list[Finding]:
    """Check the tree at `root` (the folder that holds `packages/`); findings in reading order."""
    found: list[Finding] = []
    folders = sorted(path for path in (root / "packages").iterdir() if path.is_dir())
    known = [folder for folder in folders if folder.name in LAYERS]
    found += [
        Finding(folder.relative_to(root), 1, "unknown-layer", _not_a_layer(folder.name))
        for folder in folders
        if folder.name not in LAYERS
    ]
    packages = {folder.name: read_package(folder) for folder in known}
    for package in packages.values():
        found += _check_declarations(root, package)
        found += _check_namespace(root, package)
        found += _check_files(root, package, packages)
        found += _check_circles(root, package)
    found += _check_test_names(root, known)
    return sorted(set(found))


def _check_declarations(root: Path, package: Package) -> Iterator[Finding]:
    path = (package.folder / "pyproject.toml").relative_to(root)
    for line, upper in package.upward:
        yield Finding(
            path,
            line,
            "declared-upward",
            f"{package.layer} declares tinytorch-{upper}; it may need only {_lower(package.layer)}",
        )


def _check_namespace(root: Path, package: Package) -> Iterator[Finding]:
    namespace = package.folder / "src" / NAMESPACE
    for path in sorted(namespace.iterdir()) if namespace.is_dir() else ():
        if path.name == "__pycache__":
            continue
        if path.suffix == ".py":
            yield Finding(
                path.relative_to(root),
                1,
                "namespace-file",
                f"{NAMESPACE}/ is a namespace shared by six packages; a file here hides the others",
            )
        elif path.is_dir() and path.name != package.layer:
            yield Finding(
                path.relative_to(root),
                1,
                "unknown-layer",
                _not_a_layer(path.name)
                if path.name not in LAYERS
                else f"{path.name} belongs in packages/{path.name}",
            )


def _check_files(root: Path, package: Package, packages: dict[str, Package]) -> Iterator[Finding]:
    source = package.folder / "src"
    for path in sorted(source.rglob("*.py")):
        parts = path.relative_to(source).with_suffix("").parts
        module = ".".join(part for part in parts if part != "__init__")
        found = uses(_parse(path), module, is_package=path.name == "__init__.py")
        yield from _check_source(path.relative_to(root), package, found)
    tests = package.folder / "tests"
    helpers = {path.stem for path in tests.rglob("*.py")} | {path.name for path in tests.rglob("*")}
    for path in sorted(tests.rglob("*.py")):
        found = uses(_parse(path), path.stem, is_package=False)
        inside = path.relative_to(tests).parts[0]
        allowed = package.third_party | TEST_TOOLS | helpers
        allowed |= ORACLES if inside == "oracle" else set()
        yield from _check_test(
            path.relative_to(root),
            package,
            found,
            closure(package.layer, packages),
            allowed,
            contract=inside == "contract",
        )


def _check_source(path: Path, package: Package, found: Uses) -> Iterator[Finding]:
    own = package.layer
    for line in found.unreadable:
        yield Finding(path, line, "dynamic-import", "the name must be a literal that can be read")
    for use in found.names:
        layer = _layer_in(use.name)
        top = use.name.partition(".")[0]
        parts = {part.removeprefix("_") for part in use.name.split(".")}
        if use.late and not parts & package.third_party:
            yield Finding(
                path, use.line, "late-import", f"{use.name} is no extra: import it at the top"
            )
        if layer is None:
            if not _is_available(top, package.third_party):
                yield Finding(
                    path,
                    use.line,
                    "undeclared-third-party",
                    f"{own} uses {top} but its pyproject.toml does not declare it",
                )
        elif layer == own:
            continue
        elif layer not in LAYERS:
            yield Finding(path, use.line, "unknown-layer", _not_a_layer(layer))
        elif LAYERS.index(layer) > LAYERS.index(own):
            yield Finding(
                path,
                use.line,
                "upward-import",
                f"{own} uses {use.name}; it may use only {_lower(own)}",
            )
        elif layer not in package.layers:
            yield Finding(
                path,
                use.line,
                "undeclared-layer",
                f"{own} uses {use.name} but its pyproject.toml does not declare tinytorch-{layer}",
            )
        elif use.relative:
            yield Finding(
                path,
                use.line,
                "relative-escape",
                f"a relative import leaves {own}; write {use.name} in full",
            )
        if layer not in {None, own} and _is_private(use.name):
            yield Finding(path, use.line, "private-name", _private(own, use.name))


def _check_circles(root: Path, package: Package) -> Iterator[Finding]:
    source = package.folder / "src"
    modules = circle(arrows(source))
    if modules:
        where = source.joinpath(*modules[0].split("."))
        path = where / "__init__.py" if where.is_dir() else where.with_suffix(".py")
        way = " -> ".join(name.removeprefix(f"{NAMESPACE}.") for name in modules)
        yield Finding(path.relative_to(root), 1, "import-circle", way)


def _check_test(
    path: Path,
    package: Package,
    found: Uses,
    reachable: set[str],
    third_party: frozenset[str] | set[str],
    *,
    contract: bool,
) -> Iterator[Finding]:
    own = package.layer
    for line in found.unreadable:
        yield Finding(path, line, "dynamic-import", "the name must be a literal that can be read")
    for use in found.names:
        layer = _layer_in(use.name)
        top = use.name.partition(".")[0]
        if layer is None:
            if not _is_available(top, third_party):
                yield Finding(
                    path,
                    use.line,
                    "undeclared-third-party",
                    f"the tests of {own} use {top}, which neither {own} nor its extras declare",
                )
        elif layer not in LAYERS:
            yield Finding(path, use.line, "unknown-layer", _not_a_layer(layer))
        elif layer not in reachable:
            yield Finding(
                path,
                use.line,
                "test-needs-undeclared-layer",
                f"a test of {own} uses {use.name}, which installing {own} does not bring",
            )
        elif (layer != own or contract) and _is_private(use.name):
            yield Finding(
                path, use.line, "private-name", _private(own, use.name, contract=contract)
            )


def _check_test_names(root: Path, folders: list[Path]) -> Iterator[Finding]:
    first: dict[str, Path] = {}
    for folder in folders:
        for path in sorted((folder / "tests").rglob("test_*.py")):
            here = path.relative_to(root)
            contract = re.fullmatch(r"test_contract_([a-z]+)", path.stem)
            if contract and contract[1] in LAYERS and contract[1] != folder.name:
                yield Finding(
                    here,
                    1,
                    "duplicate-contract",
                    f"the contract of {contract[1]} is packages/{contract[1]}/tests/contract alone",
                )
            if path.name in first:
                yield Finding(here, 1, "duplicate-test", f"{first[path.name]} has the same name")
            first.setdefault(path.name, here)


def _layer_in(name: str) -> str | None:
    """The second part of `tinytorch.optim.SGD`; None outside the namespace and for what is its own.

    Its own are its name and what every package has, such as `__path__`.
    """
    top, _, below = name.partition(".")
    layer = below.partition(".")[0]
    return layer if top == NAMESPACE and layer and not layer.startswith("__") else None


def _is_available(top: str, declared: frozenset[str] | set[str]) -> bool:
    return top in sys.stdlib_module_names | CHECKERS | declared | {NAMESPACE, ""}


def _is_private(name: str) -> bool:
    return any(part.startswith("_") and not part.endswith("__") for part in name.split(".")[2:])


def _private(layer: str, name: str, *, contract: bool = False) -> str:
    if contract:
        return f"the contract of {layer} uses {name}; another implementation need not have it"
    return f"{layer} uses {name}; a layer uses only the public names of the others"


def _not_a_layer(name: str) -> str:
    return f"{name} is no known layer; the layers are {', '.join(LAYERS)}"


def _lower(layer: str) -> str:
    return ", ".join(LAYERS[: LAYERS.index(layer)]) or "no other layer"


def _parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def main(arguments: list[str]) -> int:
    """Check the tree named on the command line (default: the one this file is in)."""
    root = Path(arguments[0]) if arguments else Path(__file__).resolve().parent.parent
    findings = check(root)
    for finding in findings:
        print(finding)
    count = len(list((root / "packages").rglob("*.py")))
    print(f"{count} files of {len(LAYERS)} layers checked, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
