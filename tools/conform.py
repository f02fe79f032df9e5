"""Judge a layer that someone wrote: our contract, the layers above, and the CNN at the end.

    python tools/conform.py optim path/to/mine                 # inside an environment that has both
    python tools/conform.py optim path/to/mine --step 3        # the first three steps alone
    python tools/conform.py optim path/to/mine --contract -k clip -x

`nox -s conform -- ...` makes the environment first. Prints whose code was imported, then each part
of the judgment; writes `conform.json` (counts, failures, skips with their reasons) into the working
directory, or to `--report`; exits 1 if anything failed. What it does not know goes to pytest.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from layers import LAYERS, NAMESPACE, closure, read_package

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ROOT / "packages"
SHORT = ("-q", "--tb=short", "-p", "contract_plugin")
PYPROJECT = """[build-system]
requires = ["hatchling>=1.27"]
build-backend = "hatchling.build"

[project]
name = "tinytorch-{layer}"
version = "{version}"
requires-python = ">=3.11"
dependencies = {dependencies}

[tool.hatch.build.targets.wheel]
packages = ["{source}"]
"""


def fault(layer: str, folder: Path) -> str | None:
    """Say what keeps a folder from standing in the place of a layer, and the way out."""
    if not folder.is_dir():
        return f"{folder} is no folder: give that of your package"
    for stray in folder.rglob(f"{NAMESPACE}/__init__.py"):
        return f"{stray} hides the other layers: {NAMESPACE} is a namespace; remove that file"
    if source(layer, folder) is None:
        return f"{folder} holds no src/{NAMESPACE}/{layer}/__init__.py: put your layer there"
    path = folder / "pyproject.toml"
    if not path.is_file():
        return None
    try:
        project = tomllib.loads(path.read_text(encoding="utf-8")).get("project", {})
    except tomllib.TOMLDecodeError as error:
        return f"{path} cannot be read: {error}"
    if project.get("name") != f"{NAMESPACE}-{layer}":
        return (
            f"{path} names the project {project.get('name')!r}: the other layers ask for "
            f"{NAMESPACE}-{layer}; write that"
        )
    number = project.get("version")
    if number is not None and not re.match(release(version(layer)), str(number)):
        return (
            f"{path} says version {number}: the other layers ask for {release(version(layer))}x; "
            f"write {version(layer)}"
        )
    return None


def source(layer: str, folder: Path) -> str | None:
    """Where the namespace lies in a folder: `src/tinytorch` or `tinytorch`."""
    for place in (f"src/{NAMESPACE}", NAMESPACE):
        if (folder / place / layer / "__init__.py").is_file():
            return place
    return None


def version(layer: str) -> str:
    """Our own version of a layer."""
    path = PACKAGES / layer / "src" / NAMESPACE / layer / "_version.py"
    found = re.search(r'__version__ = "([^"]+)"', path.read_text(encoding="utf-8"))
    assert found, path
    return found[1]


def release(number: str) -> str:
    """The part of a version that says what it is compatible with: `0.1.` of 0.1.2."""
    return number[: number.rindex(".") + 1]


def installable(layer: str, folder: Path, work: Path) -> Path:
    """The folder itself, or one that gives it the pyproject.toml it lacks."""
    if (folder / "pyproject.toml").is_file():
        return folder
    ours = tomllib.loads((PACKAGES / layer / "pyproject.toml").read_text(encoding="utf-8"))
    text = PYPROJECT.format(
        layer=layer,
        version=version(layer),
        dependencies=json.dumps(ours["project"]["dependencies"]),
        source=NAMESPACE,
    )
    made = work / f"{NAMESPACE}-{layer}"
    made.mkdir(parents=True, exist_ok=True)
    (made / "pyproject.toml").write_text(text, encoding="utf-8")
    link = made / NAMESPACE
    link.unlink(missing_ok=True)
    link.symlink_to(folder / str(source(layer, folder)), target_is_directory=True)
    return made


def above(layer: str) -> list[str]:
    """The layers that stand on this one, lowest first."""
    declared = {name: read_package(PACKAGES / name) for name in LAYERS}
    return [name for name in LAYERS if name != layer and layer in closure(name, declared)]


def run(title: str, command: list[str], report: Path) -> dict[str, Any]:
    """Run one part of the judgment; give what its report says."""
    print(f"== {title}", flush=True)
    report.unlink(missing_ok=True)
    code = subprocess.run(command, cwd=ROOT, env=environment(), check=False).returncode  # noqa: S603
    found = json.loads(report.read_text(encoding="utf-8")) if report.is_file() else {}
    return {"part": title, "code": code, **found}


def environment() -> dict[str, str]:
    """One BLAS thread: threads that spin against each other cost three minutes of four."""
    return {
        **os.environ,
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MPLBACKEND": "Agg",
        "PYTHONPATH": os.pathsep.join([str(ROOT / "tools"), os.environ.get("PYTHONPATH", "")]),
    }


def imported_from(layer: str) -> Path:
    """Where Python takes the layer from."""
    where = f"import os, {NAMESPACE}.{layer} as t; print(os.path.realpath(t.__file__))"
    command = [sys.executable, "-c", where]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if shown.returncode:
        sys.exit(
            f"{shown.stderr}\n{NAMESPACE}.{layer} cannot be imported: see the last lines above"
        )
    return Path(shown.stdout.strip().splitlines()[-1])


def parts(layer: str, settings: argparse.Namespace, more: list[str]) -> list[tuple[str, list[str]]]:
    """The parts of the judgment, each with the arguments of its pytest run."""
    contract = [str(PACKAGES / layer / "tests" / "contract")]
    if settings.step is not None:
        steps = f"steps 1 to {settings.step}" if settings.step > 1 else "step 1"
        return [(f"{steps} of {layer}", [*contract, "--step", str(settings.step), *more])]
    chosen = [(f"the contract of {layer}", [*contract, *more])]
    if settings.contract:
        return chosen
    return chosen + [
        (f"the tests of {upper}", [str(PACKAGES / upper / "tests")]) for upper in above(layer)
    ]


def main(arguments: list[str]) -> int:
    """Judge the layer that the command line names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("layer", choices=LAYERS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--step", type=int, help="only the steps up to this one")
    parser.add_argument("--contract", action="store_true", help="only the contract tests")
    parser.add_argument("--report", type=Path, default=Path("conform.json"))
    settings, more = parser.parse_known_args(arguments)
    layer, folder = settings.layer, settings.folder.resolve()
    if wrong := fault(layer, folder):
        sys.exit(wrong)
    where = imported_from(layer)
    print(f"{NAMESPACE}.{layer} comes from {where}")
    if not where.is_relative_to(folder):
        sys.exit(f"... and not from {folder}: nothing was judged")
    results = []
    with tempfile.TemporaryDirectory() as work:
        report = Path(work) / "report.json"
        for title, tests in parts(layer, settings, more):
            command = [sys.executable, "-m", "pytest", *SHORT, "--report", str(report), *tests]
            results.append(run(title, command, report))
            if results[-1]["code"]:
                break
        if not any(result["code"] for result in results) and not (
            settings.step or settings.contract
        ):
            script = [sys.executable, "integration/examples/cifar10.py", "sample"]
            results.append(run("the CNN learns the sample of CIFAR-10", script, report))
    summary = {"layer": layer, "folder": str(folder), "imported": str(where), "parts": results}
    settings.report.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    for result in results:
        skipped = len(result.get("skipped", ()))
        ended = "failed" if result["code"] else "passed"
        print(f"{result['part']}: {ended}" + (f", {skipped} skipped" if skipped else ""))
    print(f"the report is {settings.report}")
    return int(any(result["code"] for result in results))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
