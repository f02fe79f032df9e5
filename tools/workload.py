"""How long the chapters and the steps of each layer take, counted in words and lines.

    python tools/workload.py                    # hours, at the speeds below
    python tools/workload.py --lines 60         # ... for a class that writes 60 lines an hour

A chapter is read: its sentences at so many words a minute, its code at so many lines a minute. A
step is read as well, that is the docstrings and the hint, and its solution is written: lines of
ours, without docstrings, at so many an hour, with the tests and the mistakes on the way.
"""

import argparse
import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from layers import LAYERS
from places import among, modules
from start import PACKAGES, steps

CHAPTERS = Path(__file__).resolve().parents[1] / "docs" / "learn"
NAMES = {"optim": "optimizers", "spatial": "convolution"}
"""Chapters that are not called like their layer."""
BLOCK = re.compile(r"^ *```(\S*).*?^ *```$", re.DOTALL | re.MULTILINE)


class Speed(NamedTuple):
    """How fast somebody works.

    Attributes:
        words: Read, a minute.
        shown: Lines of a chapter's code read and run, a minute.
        lines: Of a solution, written and passing, an hour.
    """

    words: float = 150
    shown: float = 6
    lines: float = 30


def chapter(layer: str, speed: Speed) -> float:
    """Hours that the chapter on a layer takes."""
    path = CHAPTERS / f"{NAMES.get(layer, layer)}.md"
    text = path.read_text(encoding="utf-8")
    code = sum(found[0].count("\n") - 1 for found in BLOCK.finditer(text) if found[1] == "python")
    words = len(BLOCK.sub("", text).split())
    return (words / speed.words + code / speed.shown) / 60


def step_hours(layer: str, speed: Speed) -> Iterator[float]:
    """Hours that each step of a layer takes, from its hint to the tests that pass."""
    parsed = list(modules(PACKAGES / layer / "src"))
    for step in steps(layer):
        words, lines = len(step.hint.split()), 0
        for name in step.write:
            statement = among(parsed, name).statement
            body = [statement]
            if isinstance(statement, ast.FunctionDef):
                task = ast.get_docstring(statement)
                words += len((task or "").split())
                body = statement.body[bool(task) :]
                lines += 1  # that of its name
            lines += sum(ast.unparse(part).count("\n") + 1 for part in body)
        yield words / speed.words / 60 + lines / speed.lines


def table(speed: Speed = Speed()) -> Iterator[str]:  # noqa: B008 - it does not change
    """The hours of each layer, to the half: its chapter, its eight steps, all together."""
    yield "hours     chapter   step 1    2    3    4    5    6    7    8   all"
    for layer in LAYERS:
        hours = [chapter(layer, speed), *step_hours(layer, speed)]
        first, *others = (max(round(2 * one) / 2, 0.5) for one in hours)
        row = "".join(f"{one:5.1f}" for one in others)
        yield f"{layer:9} {first:7.1f} {row:>43} {sum(hours):5.0f}"


def main(arguments: list[str]) -> int:
    """Print the table at the speeds that the command line names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--words", type=float, default=Speed().words)
    parser.add_argument("--shown", type=float, default=Speed().shown)
    parser.add_argument("--lines", type=float, default=Speed().lines)
    print(*table(Speed(**vars(parser.parse_args(arguments)))), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
