"""The commands that the pages show, and what tries each of them.

| command | tried |
| --- | --- |
| `python -m pip install`, `... download` | by the sessions `wheels` and `from_git` |
| `nox -s NAME -- ...` | by reading: session and script are there, and take these arguments |
| `python PATH ...` | by reading: the script is there and takes these arguments |
| `python -c ...`, `python -m venv ...` | by running it |
| `nbgrader ...` | by the session `assignments`, which runs these lines in a course of its own |
| `mpiexec ...` | by the session `integration`, with the script of the page |
"""

import argparse
import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from layers import LAYERS

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"^( *)```(\S*)[^\n]*\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"`([^`\n]+)`")
SETTING = re.compile(r"[A-Z_]+=\S*$")
PROGRAMS = {"python", "nox", "pip", "mpiexec", "nbgrader"}
SHELL = {"cd", "git", "source"}
"""What only moves the reader to the right place."""
OWN = {"train.py"}
"""Scripts that the reader writes, from the blocks of a page."""
SCRIPTS = {
    "assignments": ("tools/assignments.py", "make"),
    "cifar10": ("integration/examples/cifar10.py",),
    "conform": ("tools/conform.py",),
    "mutate": ("tools/mutate.py",),
    "planted": ("tools/planted.py",),
    "release": ("tools/release.py",),
    "start": ("tools/start.py",),
}
"""Where the arguments of a session go."""
TAKEN: Any = ("action", "choices", "nargs")
"""What is taken over of the arguments that a script declares."""


class Command(NamedTuple):
    """A command that a page shows.

    Attributes:
        page: Where it stands.
        words: The program and its arguments; settings of the environment are left out.
    """

    page: Path
    words: tuple[str, ...]

    def __str__(self) -> str:
        return shlex.join(self.words)


def pages() -> list[Path]:
    """Every page that someone reads: of the repository, of the site, of the packages."""
    patterns = ("*.md", "docs/**/*.md", "packages/*/README.md")
    return sorted(path for pattern in patterns for path in ROOT.glob(pattern))


def commands() -> list[Command]:
    """Each command of the pages, once."""
    found: dict[tuple[str, ...], Path] = {}
    for page in pages():
        for line in lines(page):
            for part in line.split(" && "):
                words = shlex.split(part)
                while SETTING.match(words[0]):
                    del words[0]
                if words[:2] == ["pip", "install"]:
                    words[:0] = ["python", "-m"]
                found.setdefault(tuple(words), page)
    return [Command(page, words) for words, page in found.items()]


def lines(page: Path) -> Iterator[str]:
    """The lines of a page's console blocks, comments cut off, and commands within its sentences."""
    text = page.read_text(encoding="utf-8")
    for _, language, block in BLOCK.findall(text):
        for line in block.splitlines() if language == "console" else ():
            command = line.split("  #")[0].strip()
            if command:
                yield command
    if page.name != "CHANGELOG.md":  # which tells of what was
        for span in INLINE.findall(BLOCK.sub("", text)):
            if re.match(rf"({'|'.join(PROGRAMS)}) [^<]+$", span) and "..." not in span:
                yield span


def install_lines() -> list[list[str]]:
    """What follows `python -m pip install` on the pages."""
    return [list(one.words[4:]) for one in commands() if one.words[:4] == INSTALL]


def download_lines() -> list[list[str]]:
    """What follows `python -m pip download` on the pages."""
    return [list(one.words[4:]) for one in commands() if one.words[:4] == DOWNLOAD]


INSTALL = ("python", "-m", "pip", "install")
DOWNLOAD = ("python", "-m", "pip", "download")


def sessions() -> set[str]:
    """The names of all nox sessions, read from the noxfile."""
    text = (ROOT / "noxfile.py").read_text(encoding="utf-8")
    named = {f"test-{layer}" for layer in LAYERS}
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef) and any(
            "session" in ast.unparse(decorator) for decorator in node.decorator_list
        ):
            named.add(node.name)
    (others,) = re.findall(r"OTHER_PYTHONS = \((.*?)\)", text)
    return named | {f"fast-{number}" for number in re.findall(r"[\d.]+", others)}


def fault(command: Command) -> str | None:
    """What is wrong with a command as far as reading tells; None where nothing is."""
    program, *arguments = command.words
    if program == "nox":
        return fault_of_nox(arguments)
    if program in SHELL | {"mpiexec", "nbgrader"}:
        return None
    if program != "python":
        return f"nothing tries `{program}`"
    if arguments[0] in {"-c", "-m"}:
        known = {("-m", "pip"), ("-m", "venv"), ("-m", "mpi4py")}
        fine = arguments[0] == "-c" or tuple(arguments[:2]) in known
        return None if fine else f"nothing tries `{command}`"
    return None if arguments[0] in OWN else fault_of_script(*arguments)


def fault_of_nox(arguments: list[str]) -> str | None:
    """What is wrong with the arguments of nox."""
    own, _, rest = (list(part) for part in partition(arguments, "--"))
    own = [word for word in own if word not in {"-R", "-r", "-l"}]
    if not own and not rest:
        return None
    if len(own) != 2 or own[0] != "-s":
        return "expected `nox -s SESSION`"
    name = own[1]
    if name not in sessions():
        return f"there is no session {name}"
    if name == "bench" and rest:
        return fault_of_script(f"integration/benchmarks/{rest[0]}.py", *rest[1:])
    if name in SCRIPTS and rest:
        return fault_of_script(*SCRIPTS[name], *rest)
    return None


def partition(words: list[str], mark: str) -> tuple[list[str], list[str], list[str]]:
    """Words before a mark, the mark, and words after it."""
    at = words.index(mark) if mark in words else len(words)
    return words[:at], words[at : at + 1], words[at + 1 :]


def fault_of_script(script: str, *arguments: str) -> str | None:
    """What is wrong with a script of this repository, or with what it is given."""
    path = ROOT / script
    if not path.is_file():
        return f"there is no {script}"
    parser, known_only = parser_of(path)
    if parser is None:
        return None
    try:
        _, more = parser.parse_known_args(list(arguments))
    except argparse.ArgumentError as error:
        return f"{script}: {error}"
    return f"{script} does not know {more}" if more and known_only else None


class Parser(argparse.ArgumentParser):
    """A parser that raises where argparse would leave."""

    def error(self, message: str) -> Any:
        """Raise what is wrong."""
        raise argparse.ArgumentError(None, message)


def parser_of(path: Path) -> tuple[argparse.ArgumentParser | None, bool]:
    """The arguments that a script declares, read and not run; whether it refuses all others."""
    text = path.read_text(encoding="utf-8")
    calls = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "parser.add_argument"
    ]
    if not calls:
        return None, True
    parser = Parser(add_help=False)
    for call in calls:
        values = {word.arg: literal(word.value) for word in call.keywords}
        settings = {name: values[name] for name in TAKEN if values.get(name) is not None}
        parser.add_argument(*map(ast.literal_eval, call.args), **settings)
    return parser, "parse_known_args" not in text


def literal(node: ast.expr) -> Any:
    """The value of an expression that is written out; of `LAYERS`; otherwise None."""
    try:
        return ast.literal_eval(node)
    except ValueError:
        return LAYERS if ast.unparse(node) == "LAYERS" else None
