"""What was released of each layer, and what a layer promises here and there.

`tools/releases.toml` records each release with its commit. A layer's promises are its public names
and the section *The contract* of its README: where they changed since the last release, the version
and the changelog have to say so.
"""

import ast
import io
import re
import subprocess
import tarfile
import tomllib
from pathlib import Path
from typing import NamedTuple

from layers import NAMESPACE

ROOT = Path(__file__).resolve().parents[1]
RECORD = "tools/releases.toml"
VERSION = re.compile(r'__version__ = "(\d+)\.(\d+)\.(\d+)"')


class NoHistory(Exception):  # noqa: N818 - no error: a copy without history, or a shallow one
    """The commit of a release is not in this copy."""


class Release(NamedTuple):
    """A release of a layer."""

    layer: str
    version: str
    commit: str


class Promises(NamedTuple):
    """What a layer promises: its public names, and its contract in words."""

    names: tuple[str, ...]
    contract: str


def last_release(layer: str, root: Path = ROOT) -> Release:
    """The newest release of a layer."""
    rows = tomllib.loads((root / RECORD).read_text(encoding="utf-8"))["release"]
    return [Release(**row) for row in rows if row["layer"] == layer][-1]


def promises(layer: str, root: Path = ROOT) -> Promises:
    """What a layer promises in this tree."""
    return Promises(
        public_names((root / init_of(layer)).read_text(encoding="utf-8")),
        contract((root / readme_of(layer)).read_text(encoding="utf-8")),
    )


def promises_then(release: Release, root: Path = ROOT) -> Promises:
    """What a layer promised when it was released.

    Raises:
        NoHistory: This copy does not hold the release's commit.
    """
    return Promises(
        public_names(text_then(release, init_of(release.layer), root)),
        contract(text_then(release, readme_of(release.layer), root)),
    )


def text_then(release: Release, path: str, root: Path = ROOT) -> str:
    """A file as it was released."""
    return git(root, "show", f"{release.commit}:{path}").decode("utf-8")


def unpack(release: Release, target: Path, root: Path = ROOT) -> Path:
    """Write the package as it was released below `target`; give its folder."""
    folder = f"packages/{release.layer}"
    with tarfile.open(fileobj=io.BytesIO(git(root, "archive", release.commit, folder))) as archive:
        archive.extractall(target, filter="data")
    return target / folder


def git(root: Path, *arguments: str) -> bytes:
    """What a git command prints."""
    try:
        done = subprocess.run(  # noqa: S603 - our own arguments
            ["git", *arguments],  # noqa: S607
            cwd=root,
            capture_output=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise NoHistory(f"git {' '.join(arguments)}: {error}") from error
    return done.stdout


def init_of(layer: str) -> str:
    """The file that lists a layer's public names."""
    return f"packages/{layer}/src/{NAMESPACE}/{layer}/__init__.py"


def readme_of(layer: str) -> str:
    """The file that holds a layer's contract."""
    return f"packages/{layer}/README.md"


def public_names(text: str) -> tuple[str, ...]:
    """What `__all__` lists; all names that a module binds where it has no such list."""
    for statement in ast.parse(text).body:
        match statement:
            case ast.Assign(targets=[ast.Name("__all__")], value=ast.List(elts=names)):
                return tuple(
                    sorted(str(name.value) for name in names if isinstance(name, ast.Constant))
                )
    return ()


def contract(text: str) -> str:
    """The section *The contract* of a README."""
    return text.partition("## The contract")[2].partition("\n## ")[0].strip()


def version(layer: str, root: Path = ROOT) -> tuple[int, int, int]:
    """The version of a layer in this tree."""
    text = (root / f"packages/{layer}/src/{NAMESPACE}/{layer}/_version.py").read_text("utf-8")
    found = VERSION.search(text)
    assert found, f"no version in the _version.py of {layer}"
    return int(found[1]), int(found[2]), int(found[3])


def notes(layer: str, heading: str, root: Path = ROOT) -> list[str]:
    """The points of the changelog below a heading that begins like this."""
    text = (root / f"packages/{layer}/CHANGELOG.md").read_text(encoding="utf-8")
    section = text.partition(f"\n## {heading}")[2].partition("\n## ")[0]
    return [line for line in section.splitlines() if line.startswith("- ")]


def unsaid(layer: str, root: Path = ROOT) -> str | None:
    """What the version or the changelog of a layer keeps silent about, if anything.

    Raises:
        NoHistory: This copy does not hold the release's commit.
    """
    release = last_release(layer, root)
    if promises(layer, root) == promises_then(release, root):
        return None
    number = ".".join(map(str, version(layer, root)))
    changed = f"{layer} promises something else than its release {release.version}"
    if number == release.version:
        return f"{changed}: raise its version"
    if not notes(layer, "Unreleased", root) and not notes(layer, number, root):
        return f"{changed}: say so in its changelog"
    return None
