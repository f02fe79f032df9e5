"""The install lines that the pages show, for a session that tries each of them."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def pages() -> list[Path]:
    """Every page that someone reads: of the repository, of the site, of the packages."""
    patterns = ("*.md", "docs/**/*.md", "packages/*/README.md")
    return sorted(path for pattern in patterns for path in ROOT.glob(pattern))


def console_lines(page: Path) -> Iterator[str]:
    """The commands of a page's console blocks, comments cut off."""
    for block in BLOCK.findall(page.read_text(encoding="utf-8")):
        for line in block.splitlines():
            command = line.split("  #")[0].strip()
            if command:
                yield command


def install_lines() -> list[list[str]]:
    """The requirements and options of each `python -m pip install` on the pages, once each."""
    found: dict[tuple[str, ...], Path] = {}
    for page in pages():
        for line in console_lines(page):
            for command in line.split(" && "):
                words = shlex.split(command)
                if words[:4] == ["python", "-m", "pip", "install"]:
                    found.setdefault(tuple(words[4:]), page)
    return [list(words) for words in found]


def nox_sessions() -> set[str]:
    """The sessions that the pages' commands name."""
    lines = (line for page in pages() for line in console_lines(page))
    return {name for line in lines for name in re.findall(r"nox (?:-R )?-s ([\w.-]+)", line)}
