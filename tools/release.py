"""Prepare the release of one layer; nothing is published.

    python tools/release.py optim minor      # or patch, major
    python tools/release.py optim record     # after the commit: remember it as released

Raises the version with `hatch version`, gives the changelog's unreleased lines its heading, moves
the ranges of the layers that need it where the new version is out of them, and prints the commands
that publish it. `nox -s release -- optim minor` builds and checks the distributions as well.
"""

import argparse
import datetime as dt
import subprocess
import sys
from pathlib import Path

from layers import LAYERS, NAMESPACE
from releases import RECORD, ROOT, git, notes, version

COMMANDS = """
Look at the changes, then:

    git commit -am "{layer} {number}"
    python tools/release.py {layer} record && git commit -am "{layer} {number} is released"
    git tag {layer}-v{number} HEAD~1
    git push origin main {layer}-v{number}        # the workflow `release` publishes what is tagged
    twine upload dist/{stem}-{number}*            # ... or by hand
"""


def prepare(layer: str, part: str, root: Path = ROOT) -> str:
    """Raise the version, and write what follows from it; give the new version.

    Raises:
        SystemExit: The changelog has nothing to say; nothing was written.
    """
    if not notes(layer, "Unreleased", root):
        sys.exit(f"packages/{layer}/CHANGELOG.md says nothing under Unreleased: write it first")
    old = version(layer, root)
    subprocess.run(  # noqa: S603 - our own arguments
        [sys.executable, "-m", "hatch", "version", part], cwd=root / "packages" / layer, check=True
    )
    new = version(layer, root)
    number = ".".join(map(str, new))
    changelog = root / "packages" / layer / "CHANGELOG.md"
    today = dt.datetime.now(tz=dt.UTC).date().isoformat()
    rewrite(changelog, "## Unreleased\n", f"## Unreleased\n\n## {number} - {today}\n")
    if compatible(old) != compatible(new):
        for other in LAYERS:
            move_range(layer, other, compatible(old), compatible(new), root)
    return number


def compatible(number: tuple[int, int, int]) -> str:
    """The range of versions that keep the promises of this one: `>=0.2,<0.3`."""
    major, minor, _ = number
    return f">={major}.{minor},<{major}.{minor + 1}" if major == 0 else f">={major},<{major + 1}"


def move_range(layer: str, other: str, old: str, new: str, root: Path) -> None:
    """Let another layer ask for the new version, and say so in its changelog."""
    path = root / "packages" / other / "pyproject.toml"
    asked = f"{NAMESPACE}-{layer}{old}"
    if asked not in path.read_text(encoding="utf-8"):
        return
    rewrite(path, asked, f"{NAMESPACE}-{layer}{new}")
    note = f"- Needs {NAMESPACE}-{layer} {new}.\n"
    changelog = root / "packages" / other / "CHANGELOG.md"
    text = changelog.read_text(encoding="utf-8")
    unreleased = text.partition("## Unreleased")[2].partition("\n## ")[0]
    if "### Changed\n" in unreleased:
        rewrite(changelog, "### Changed\n\n", f"### Changed\n\n{note}")
    else:
        rewrite(changelog, "## Unreleased\n", f"## Unreleased\n\n### Changed\n\n{note}")


def rewrite(path: Path, old: str, new: str) -> None:
    """Replace the first `old` in a text file."""
    text = path.read_text(encoding="utf-8")
    assert old in text, f"no {old!r} in {path}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8", newline="\n")


def record(layer: str, root: Path = ROOT) -> None:
    """Remember the last commit as the release of the layer's present version."""
    number = ".".join(map(str, version(layer, root)))
    commit = git(root, "rev-parse", "HEAD").decode().strip()
    with (root / RECORD).open("a", encoding="utf-8", newline="\n") as file:
        file.write(f'\n[[release]]\nlayer = "{layer}"\nversion = "{number}"\ncommit = "{commit}"\n')


def main(arguments: list[str]) -> int:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("layer", choices=LAYERS)
    parser.add_argument("part", choices=("patch", "minor", "major", "record"))
    settings = parser.parse_args(arguments)
    if settings.part == "record":
        record(settings.layer)
        return 0
    number = prepare(settings.layer, settings.part)
    stem = f"{NAMESPACE}_{settings.layer}"
    print(COMMANDS.format(layer=settings.layer, number=number, stem=stem))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
