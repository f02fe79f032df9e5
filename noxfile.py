"""Every check of the project, each in an environment of its own.

`nox` runs what CI runs, `nox -l` lists the sessions, `nox -s NAME` runs one, `-R` reuses its
environment. uv makes the environments where it is present; plain pip does as well.
"""

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

import nox
from nox.command import CommandFailed

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "tools"))

from commands import download_lines, install_lines  # noqa: E402 - tools/ is no package
from conform import fault, installable  # noqa: E402
from layers import LAYERS, closure, read_package  # noqa: E402
from mixed import names_both, refusals, requirements  # noqa: E402
from releases import NoHistory, last_release, unpack  # noqa: E402

PACKAGES = ROOT / "packages"
DECLARED = {layer: read_package(PACKAGES / layer) for layer in LAYERS}
RUFF = "ruff==0.17.*"
TEST_TOOLS = ("pytest>=8.3", "hypothesis>=6.100")
ALL_EXTRAS = frozenset().union(*(package.extras for package in DECLARED.values()))
PLOTS = frozenset({"plot"})
FAST_AND_PLOTS = PLOTS | {"fast"}
COMPILED = ("*/kernels/numba.py", "*/kernels/tile.py", "*/kernels/_numba/*")
"""Files that need numba as soon as they are imported: `fast` tests them."""
PAGES = "integration/test_documents.py"
"""The tests of the pages' blocks; those that need a library run where it is."""
OTHER_PYTHONS = ("3.12", "3.13", "3.14")
TORCH = "torch==2.13.0"
AXE = "axe-core@4.14.1"
CONTESTANTS = {"core": ("mygrad",), "spatial": ("mygrad", "tinygrad")}
"""What the benchmarks time beside PyTorch."""
ADDRESS = "git+GIT#"
"""How the pages write the address of a repository."""

nox.needs_version = ">=2024.4.15"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.error_on_missing_interpreters = True
nox.options.sessions = [
    "layers",
    "lint",
    "types",
    *(f"test-{layer}" for layer in LAYERS),
    "fast",
    "lowest",
    "wheels",
    "from_git",
    "mixed",
    "replaced",
    "planted",
    "integration",
    "notebooks",
    "stress",
    "mpi",
    "docs",
    "build",
]


def editable(*layers: str, extras: frozenset[str] = frozenset()) -> list[str]:
    """The arguments that install `layers` from this checkout, with those of `extras` they have."""
    arguments = []
    for layer in layers:
        chosen = ",".join(sorted(DECLARED[layer].extras & extras))
        arguments += ["-e", f"packages/{layer}" + (f"[{chosen}]" if chosen else "")]
    return arguments


def needs(layer: str) -> list[str]:
    """The layers that `layer` brings, lowest first."""
    reached = closure(layer, DECLARED)
    return [name for name in LAYERS if name in reached]


def run_tests(session: nox.Session, *arguments: str, success_codes: Sequence[int] = (0,)) -> None:
    """Run pytest; warnings are errors (pyproject.toml) and each skip tells its reason."""
    session.run("python", "-m", "pytest", "-rs", *arguments, success_codes=success_codes)


def test_alone(layer: str) -> None:
    """Register the session `test-<layer>`."""

    @nox.session(name=f"test-{layer}")
    def test(session: nox.Session) -> None:
        session.install(*TEST_TOOLS, *editable(*needs(layer)))
        session.run("python", "tools/check_environment.py", layer)
        run_tests(
            session,
            "--doctest-modules",
            *(f"--ignore-glob={files}" for files in COMPILED),
            *(session.posargs or (f"packages/{layer}/tests", f"packages/{layer}/src")),
        )

    test.__doc__ = f"Test {layer} with nothing installed but what it declares."
    test.func.__doc__ = test.__doc__


for name in LAYERS:
    test_alone(name)


@nox.session
def fast(session: nox.Session) -> None:
    """Run the tests of all layers with every extra installed: kernels, plots, image files."""
    session.install(*TEST_TOOLS, *editable(*LAYERS, extras=ALL_EXTRAS))
    session.env["MPLBACKEND"] = "Agg"
    run_tests(session, "--doctest-modules", *(session.posargs or ("packages",)))
    if not session.posargs:
        run_tests(session, PAGES, "-k", "needs-numba")


@nox.session(reuse_venv=True)
def layers(session: nox.Session) -> None:
    """Check the layer order: imports, declared dependencies, private names, tests."""
    session.install("pytest>=8.3", *editable(*LAYERS))
    session.run("python", "tools/check_environment.py")
    session.run("python", "tools/check_layers.py")
    run_tests(session, "tools/tests")


@nox.session(reuse_venv=True)
def format(session: nox.Session) -> None:
    """Bring all files into form: layout, order of imports, what ruff can mend."""
    session.install(RUFF)
    session.run("ruff", "check", "--fix", ".", success_codes=[0, 1])
    session.run("ruff", "format", ".")


@nox.session(reuse_venv=True)
def lint(session: nox.Session) -> None:
    """Check style and format with ruff, and the workflows of the public CI."""
    session.install(RUFF, "check-jsonschema", "zizmor")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    workflows = [str(path.relative_to(ROOT)) for path in (ROOT / ".github/workflows").glob("*.yml")]
    session.run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *workflows)
    session.run("zizmor", "--offline", "--quiet", *workflows)


@nox.session(reuse_venv=True)
def types(session: nox.Session) -> None:
    """Check types with mypy, strict."""
    session.install("mypy==2.4.*", "numpy>=2.1", "packaging", "pytest>=8.3")
    places = [str(PACKAGES / layer / "src") for layer in LAYERS]
    session.env["MYPYPATH"] = os.pathsep.join([*places, str(ROOT / "tools")])
    session.run("mypy")


def interpreter(version: str) -> str | None:
    """The path of a Python of this version that runs: on the PATH, or one that pyenv keeps."""
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
    kept = sorted(pyenv.glob(f"{version}.*/bin/python{version}"))
    for candidate in filter(None, [shutil.which(f"python{version}"), *map(str, kept)]):
        tried = subprocess.run([candidate, "-c", ""], capture_output=True, check=False)  # noqa: S603
        if tried.returncode == 0:
            return candidate
    return None


def other_python(version: str) -> None:
    """Register the session `fast-<version>`: all tests, all extras, on another Python."""
    found = interpreter(version)

    @nox.session(name=f"fast-{version}", python=found or False)
    def fast_on(session: nox.Session) -> None:
        if found is None:
            session.skip(f"there is no python{version} here")
        session.install(*TEST_TOOLS, *editable(*LAYERS, extras=ALL_EXTRAS))
        session.env["MPLBACKEND"] = "Agg"
        run_tests(session, *(session.posargs or ("packages",)))

    fast_on.__doc__ = f"Run the tests of all layers on Python {version}, where it is found."
    fast_on.func.__doc__ = fast_on.__doc__


for number in OTHER_PYTHONS:
    other_python(number)


@nox.session(reuse_venv=True)
def lowest(session: nox.Session) -> None:
    """Test the tensor layer on the lowest NumPy that it declares."""
    (numpy,) = (one for one in requirements(PACKAGES / "tensor") if one.name == "numpy")
    (least,) = (clause.version for clause in numpy.specifier)
    session.install(*TEST_TOOLS, f"numpy=={least}.*", *editable("tensor"))
    run_tests(session, *(session.posargs or ("packages/tensor/tests",)))


@nox.session
def wheels(session: nox.Session) -> None:
    """Install the built wheels by name, one layer alone, then all; run the contract tests there."""
    folder = Path(session.create_tmp())
    build_wheels(session, folder / "wheels")
    found = ["--find-links", str(folder / "wheels")]
    if session.venv_backend == "uv":  # which remembers a wheel by its name and version
        found += [word for layer in LAYERS for word in ("--refresh-package", f"tinytorch-{layer}")]
    session.install(*found, "tinytorch-data")
    session.run("python", "tools/check_environment.py", "data")
    session.install("pip")  # which alone downloads
    for words in download_lines():
        session.run("python", "-m", "pip", "download", "-q", *here(words, folder))
    shutil.rmtree(folder / "mine", ignore_errors=True)
    session.run("python", "tools/start.py", "optim", str(folder / "mine"))
    lines = [words for words in install_lines() if not from_address(words)]
    beside = [words for words in lines if "-e" in words and "packages/tensor" not in words]
    for words in lines:
        if words not in beside:
            pip(session, "install", "--dry-run", *here(words, folder))
    session.install(*found, *TEST_TOOLS, *(f"tinytorch-{layer}" for layer in LAYERS))
    for words in beside:  # one layer beside the others, which pip finds where they are installed
        session.run("python", "-m", "pip", "install", "-q", "--dry-run", *here(words, folder))
    tests = folder / "contract"
    shutil.rmtree(tests, ignore_errors=True)
    for layer in LAYERS:
        shutil.copytree(PACKAGES / layer / "tests" / "contract", tests / layer)
    (tests / "pytest.ini").write_text(
        "[pytest]\naddopts = --import-mode=importlib\nfilterwarnings = error\n"
        "markers = step(n): of the n-th step\n",
        encoding="utf-8",
    )
    session.chdir(tests)
    run_tests(session, "-c", "pytest.ini", ".")


@nox.session
def from_git(session: nox.Session) -> None:
    """Install straight from a git address by the lines that the pages show."""
    bare = Path(session.create_tmp()).resolve() / "tinytorch.git"
    shutil.rmtree(bare, ignore_errors=True)
    session.run("git", "clone", "-q", "--bare", str(ROOT), str(bare), external=True)
    for words in filter(from_address, install_lines()):
        session.install(*(word.replace(ADDRESS, f"git+file://{bare}#") for word in words))
    session.run("python", "tools/check_environment.py", "data")


def here(words: list[str], folder: Path) -> list[str]:
    """A line of the pages with its wheels, downloads and student's package in a folder of ours."""
    places = {"dist": "wheels", "offline": "offline", "mine": "mine"}
    places = {name: str(folder / place) for name, place in places.items()}
    return [places.get(word, word) for word in words]


def from_address(words: list[str]) -> bool:
    """Whether a line of the pages installs from the address of a repository."""
    return any(ADDRESS in word for word in words)


def build_wheels(session: nox.Session, folder: Path) -> None:
    """Build the wheels of all layers into the emptied `folder`."""
    shutil.rmtree(folder, ignore_errors=True)
    for layer in LAYERS:
        build_wheel(session, PACKAGES / layer, folder)
    built = sorted(folder.glob("*.whl"))
    if len(built) != len(LAYERS):
        session.error(f"expected {len(LAYERS)} wheels, found {[path.name for path in built]}")


def build_wheel(session: nox.Session, source: Path, folder: Path) -> None:
    """Build the wheel of one project into the `folder`."""
    if session.venv_backend == "uv":
        session.run("uv", "build", "--quiet", "--out-dir", str(folder), str(source))
    else:
        session.run("pip", "wheel", "-q", "--no-deps", "-w", str(folder), str(source))


@nox.session
def integration(session: nox.Session) -> None:
    """Train the CNN on the CIFAR-10 sample of this repository, and run the course's examples."""
    session.install("pytest>=8.3", *editable(*LAYERS, extras=frozenset({"mpi", "onnx", "plot"})))
    session.run("python", "tools/check_environment.py")
    train_on_sample(session)
    run_tests(session, "integration", *session.posargs)


@nox.session(reuse_venv=True)
def notebooks(session: nox.Session) -> None:
    """Run notebooks in a real kernel: plots, tables, drawings and the bar are shown, once."""
    session.install("nbclient", "ipykernel", "pytest>=8.3", *editable(*LAYERS, extras=PLOTS))
    run_tests(session, "-o", "norecursedirs=.*", *(session.posargs or ("integration/notebooks",)))


def train_on_sample(session: nox.Session) -> None:
    """Train on the sample; the script fails if the network does not learn."""
    session.env["MPLBACKEND"] = "Agg"
    session.run("python", "integration/examples/cifar10.py", "sample")


# Of so many accidents in all; a fault is tried for each of six errors, a kill takes a second.
SHARES = {"readers": 50, "power": 1, "faults": 0.2, "kills": 0.1}


@nox.session
def stress(session: nox.Session) -> None:
    """Kill a small run, cut its power, break its disk: 50 times or so, or `-- 1000`; it resumes."""
    count = int(session.posargs[0]) if session.posargs else 50
    session.install(*editable(*LAYERS))
    for script, share in SHARES.items():
        number = max(int(count * share), 1)
        session.run("python", f"integration/stress/{script}.py", str(number))


@nox.session
def mpi(session: nox.Session) -> None:
    """Train on 2 and 3 ranks of this machine, compare with one, and kill some of them."""
    session.install(*TEST_TOOLS, *editable(*LAYERS, extras=frozenset({"mpi"})))
    run_tests(
        session, "-o", "norecursedirs=.*", *(session.posargs or ("packages/training/tests/mpi",))
    )


@nox.session
def cifar10(session: nox.Session) -> None:
    """Train on all of CIFAR-10: `nox -s cifar10`, or `-- resnet9`, `-- record`: larger networks.

    Uses $TINYTORCH_DATA, else the cache, else downloads.
    """
    session.install(*editable(*LAYERS, extras=FAST_AND_PLOTS))
    session.run("python", "integration/examples/cifar10.py", *session.posargs)


@nox.session
def conform(session: nox.Session) -> None:
    """Judge a layer of your own: `-- optim path/to/it [--step 3] [--contract] [pytest options]`."""
    if len(session.posargs) < 2 or session.posargs[0] not in LAYERS:
        session.error(f"usage: nox -s conform -- <layer> <path> ..., <layer> one of {LAYERS}")
    layer, folder = session.posargs[0], Path(session.posargs[1]).resolve()
    if wrong := fault(layer, folder):
        session.error(wrong)
    judge(session, layer, folder, *session.posargs[2:])


@nox.session
def replaced(session: nox.Session) -> None:
    """Put other implementations in the place of ours: they pass the contract of their layer.

    Each is judged as a folder; then all are taken by their versions, and the CNN trains on them.
    """
    folders = sorted((ROOT / "integration/replacements").glob("[a-z]*"))
    wheels = Path(session.create_tmp()) / "wheels"
    build_wheels(session, wheels)
    for folder in folders:
        judge(session, folder.name, folder, "--contract", *session.posargs)
        build_wheel(session, folder, wheels)
    taken = [f"tinytorch-{folder.name}=={version_in(folder)}" for folder in folders]
    found = ["--find-links", str(wheels), "--force-reinstall"]
    pip(session, "install", *found, *taken, "tinytorch-training")
    for folder in folders:
        run_tests(session, "-q", f"packages/{folder.name}/tests/contract")
    train_on_sample(session)


def version_in(folder: Path) -> str:
    """The version that the project in a folder has."""
    text = (folder / "pyproject.toml").read_text(encoding="utf-8")
    return str(tomllib.loads(text)["project"]["version"])


def judge(session: nox.Session, layer: str, folder: Path, *options: str) -> None:
    """Install a folder in the place of a layer, and let `conform` judge it."""
    mine = installable(layer, folder, Path(session.create_tmp()))
    others = [name for name in LAYERS if name != layer]
    # Also under `nox -R`: what someone wrote may lie in another folder than last time.
    pip(session, "install", *TEST_TOOLS, "matplotlib", *editable(*others), "-e", str(mine))
    session.run("python", "tools/check_environment.py")
    session.run("python", "tools/conform.py", layer, str(folder), *options)


def pip(session: nox.Session, *arguments: str, success_codes: Sequence[int] = (0,)) -> str:
    """Run pip, or uv in its place, also under `nox -R`; give what it says."""
    command = ["uv", "pip"] if session.venv_backend == "uv" else ["python", "-m", "pip"]
    said = session.run(
        *command, *arguments, external=True, silent=True, success_codes=success_codes
    )
    return str(said)


@nox.session(venv_backend="none")
def start(session: nox.Session) -> None:
    """Make a student's beginning of a layer: `-- optim mine`, told step by step in its README."""
    session.run("python", "tools/start.py", *session.posargs)


@nox.session(reuse_venv=True)
def assignments(session: nox.Session) -> None:
    """Make a course with nbgrader: `-- optim out`; without arguments a class goes through it."""
    session.install("nbgrader==0.9.6", *TEST_TOOLS, "numpy>=2.1")
    if session.posargs:
        session.run("python", "tools/assignments.py", "make", *session.posargs)
    else:
        run_tests(session, "tools/round_trip")


@nox.session
def mixed(session: nox.Session) -> None:
    """Put each layer's last release among the present others: admitted and sound, or refused."""
    work = Path(session.create_tmp())
    skipped = []
    for layer in session.posargs or LAYERS:
        last = last_release(layer)
        try:
            folder = unpack(last, work / "released")
        except NoHistory as reason:
            skipped.append(f"{layer}: {reason}")
            continue
        clashes = refusals(layer, last.version, folder)
        if clashes:
            said = install_mixed(session, layer, folder, refused=True)
            if not names_both(said, clashes):
                session.error(f"expected a refusal that names {clashes}, got:\n{said}")
            session.log(f"{layer} {last.version} is refused: {clashes[0][0]} needs {clashes[0][1]}")
        else:
            install_mixed(session, layer, folder)
            run_tests(session, f"packages/{layer}/tests/contract")
            train_on_sample(session)
            session.log(f"{layer} {last.version} serves among the present others")
    broken = break_contract(work)
    install_mixed(session, "optim", broken)
    run_tests(session, "-q", "--tb=no", "packages/optim/tests/contract", success_codes=[1, 2])
    session.log("a contract that is broken without another version is found")
    for reason in skipped:
        session.warn(f"skipped {reason}")


def install_mixed(session: nox.Session, layer: str, folder: Path, *, refused: bool = False) -> str:
    """Install a package in the place of a layer; give what the installer says."""
    others = [name for name in LAYERS if name != layer]
    wanted = [*TEST_TOOLS, "matplotlib", *editable(*others), "-e", str(folder)]
    return pip(session, "install", *wanted, success_codes=[1, 2] if refused else [0])


def break_contract(work: Path) -> Path:
    """A copy of our optim, of the same version, that lacks what its contract promises."""
    broken = work / "broken"
    shutil.rmtree(broken, ignore_errors=True)
    shutil.copytree(PACKAGES / "optim", broken)
    path = broken / "src/tinytorch/optim/__init__.py"
    path.write_text(path.read_text(encoding="utf-8") + "\ndel clip_grad_value\n", encoding="utf-8")
    return broken


@nox.session(reuse_venv=True)
def release(session: nox.Session) -> None:
    """Prepare a release, publish nothing: `-- optim minor`; after the commit `-- optim record`."""
    session.install("build", "hatch", "hatchling>=1.27", "twine>=6")
    session.run("python", "tools/release.py", *session.posargs)
    if session.posargs[1:] != ["record"]:
        layer = session.posargs[0]
        build_one(session, layer)
        built = (ROOT / "dist").glob(f"tinytorch_{layer}-*")
        session.run("twine", "check", "--strict", *map(str, sorted(built)))


@nox.session(reuse_venv=True)
def steps(session: nox.Session) -> None:
    """Each step of each layer's exercise: what is done passes, what is next says what to write."""
    session.install(*TEST_TOOLS, *editable(*LAYERS))
    session.env["STEPS"] = "all"
    run_tests(session, *(session.posargs or ("tools/tests/test_steps.py",)))


@nox.session(reuse_venv=True)
def planted(session: nox.Session) -> None:
    """Plant students' mistakes: the contract notices them. `-- optim` plants all of a layer."""
    session.install(*TEST_TOOLS, *editable(*LAYERS))
    session.run("python", "tools/planted.py", *(session.posargs or ("--sample", "2")))


@nox.session(venv_backend="virtualenv", reuse_venv=True)
def oracle(session: nox.Session) -> None:
    """Compare with PyTorch, and our files with the libraries that define their formats."""
    formats = ("onnx", "onnxruntime", "safetensors", "tensorboard")
    neighbors = ("datasets", "jax", "pandas", "scikit-learn")
    session.install(TORCH, *formats, *neighbors, *TEST_TOOLS, *editable(*LAYERS, extras=PLOTS))
    folders = [str(path.relative_to(ROOT)) for path in sorted(PACKAGES.glob("*/tests/oracle"))]
    folders += ["integration/oracle"]
    run_tests(session, "-o", "norecursedirs=.*", *(session.posargs or folders))
    if not session.posargs:
        run_tests(session, PAGES, "-k", "needs-torch")


@nox.session(reuse_venv=True)
def mutate(session: nox.Session) -> None:
    """Change a layer one place at a time, and see whether its tests notice: `-- optim`."""
    if not session.posargs or session.posargs[0] not in LAYERS:
        session.error(f"usage: nox -s mutate -- <layer> [FILE ...] [--sample N], of {LAYERS}")
    session.install(*TEST_TOOLS, *editable(*needs(session.posargs[0])))
    session.run("python", "tools/mutate.py", *session.posargs)


def installed(session: nox.Session, requirement: str) -> bool:
    """Install what a session can do without; tell whether that went well."""
    try:
        session.install(requirement)
    except CommandFailed:
        return False
    return True


@nox.session(venv_backend="virtualenv", reuse_venv=True)
def bench(session: nox.Session) -> None:
    """Print the benchmark tables: `nox -s bench -- core`, or data, optim, ...; default all.

    What follows the name of a single one goes to its script: `-- accuracy record`.
    """
    available = sorted(path.stem for path in (ROOT / "integration/benchmarks").glob("[a-z]*.py"))
    names = [name for name in session.posargs if name in available]
    further = [name for name in session.posargs if name not in available]
    if unknown := further if len(names) != 1 else []:
        session.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(available)}")
    names = names or available
    extras = FAST_AND_PLOTS | ({"mpi"} if "mpi" in names else set())
    session.install(*editable(*LAYERS, extras=extras))
    wanted = {TORCH}.union(*(CONTESTANTS.get(name, ()) for name in names))
    missing = [one for one in sorted(wanted) if not installed(session, one)]
    for name in names:
        session.run("python", f"integration/benchmarks/{name}.py", *further)
    for one in missing:
        session.warn(f"{one} could not be installed, so these tables are without it")


@nox.session(reuse_venv=True)
def docs(session: nox.Session) -> None:
    """Build the site, strict and offline, into site/ (`integration` runs its blocks)."""
    build_site(session)
    session.run("python", "tools/check_site.py")
    session.run("python", "integration/documents.py")


def build_site(session: nox.Session) -> None:
    """Build site/ with mkdocs, from the pages and from the docstrings."""
    ours = editable(*LAYERS, extras=frozenset({"testing"}))
    session.install(
        "mkdocs<2", "mkdocs-material>=9.5", "mkdocstrings[python]>=0.27", RUFF, "pytest>=8.3", *ours
    )
    session.env.update(NO_MKDOCS_2_WARNING="1", DISABLE_MKDOCS_2_WARNING="true")
    session.run("mkdocs", "build", "--strict", "--quiet")


@nox.session(reuse_venv=True)
def browser(session: nox.Session) -> None:
    """Visit all pages of the built site in Chromium, and type questions into its search."""
    for needed, why in (("chromium", "to visit pages with"), ("npm", "to fetch axe-core with")):
        if shutil.which(needed) is None:
            session.skip(f"there is no {needed} here, {why}")
    session.install("playwright>=1.50")
    folder = Path(session.create_tmp()).resolve()
    with session.chdir(folder):
        session.run("npm", "pack", "--silent", AXE, external=True)
        (packed,) = folder.glob("axe-core-*.tgz")
        shutil.unpack_archive(packed, folder, filter="data")
    build_site(session)
    axe = str(folder / "package/axe.min.js")
    session.run("python", "integration/browser.py", "site", axe, *session.posargs)


@nox.session(reuse_venv=True)
def build(session: nox.Session) -> None:
    """Build the six sdists and wheels into dist/ and check their metadata."""
    session.install("build", "hatchling>=1.27", "twine>=6")
    shutil.rmtree(ROOT / "dist", ignore_errors=True)
    for layer in LAYERS:
        build_one(session, layer)
    built = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "dist").iterdir())
    session.run("twine", "check", "--strict", *built)


def build_one(session: nox.Session, layer: str) -> None:
    """Build the sdist and the wheel of a layer into dist/."""
    session.run(
        "python", "-m", "build", "-q", "--no-isolation", "--outdir", "dist", f"packages/{layer}"
    )
