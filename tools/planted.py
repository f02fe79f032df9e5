"""Student mistakes, planted one at a time: does the contract of the layer notice each?

    python tools/planted.py optim                      every mistake of tools/mistakes/optim.toml
    python tools/planted.py optim --only "Adam: m"     those whose name begins like this
    python tools/planted.py --sample 3                 three of each layer, drawn with --seed

A row of a table names the mistake, the place (see `places`), and the change: `before`, which stands
there exactly once, becomes `after`. Code is compared as `ast.unparse` prints it, so that a row
outlives moves and another layout; a row that does not fit any longer fails. Prints what was caught,
what was missed, and exits 1 below `--bound`.
"""

import argparse
import ast
import os
import random
import sys
import tomllib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from layers import LAYERS
from places import Misfit, find
from trial import NO_END, Trial, source, try_out

TABLES = Path(__file__).resolve().parent / "mistakes"
LIMIT = 120.0
"""Seconds until a run counts as a failure: some mistakes never end."""


class Mistake(NamedTuple):
    """One row: what the student got wrong, where, and what it changes.

    Attributes:
        layer: The layer that the mistake is made in.
        name: The mistake in words.
        place: Where it is made; see `places`.
        before: The right code.
        after: The wrong code.
    """

    layer: str
    name: str
    place: str
    before: str
    after: str


def mistakes(layer: str) -> list[Mistake]:
    """The rows of a layer's table."""
    path = TABLES / f"{layer}.toml"
    rows = tomllib.loads(path.read_text(encoding="utf-8"))["mistake"] if path.is_file() else []
    return [Mistake(layer, **row) for row in rows]


def plant(mistake: Mistake) -> dict[Path, str]:
    """The file that the mistake changes, and its text with the mistake in it.

    Raises:
        Misfit: The place is not there or is there twice, or so is what stood there before.
    """
    place = find(source(mistake.layer), mistake.place)
    code = ast.unparse(place.statement)
    if code.count(mistake.before) != 1:
        raise Misfit(f"{code.count(mistake.before)} times `{mistake.before}` in\n{code}")
    changed = ast.parse(code.replace(mistake.before, mistake.after)).body
    place.body[place.at : place.at + 1] = changed
    return {place.path: ast.unparse(place.tree)}


def main() -> int:
    """Plant the mistakes that the command line asks for, and print what became of them."""
    settings = arguments()
    rows = [row for layer in settings.layers or LAYERS for row in chosen(layer, settings)]
    if not rows:
        sys.exit("no such mistake")
    misfits = [f"{row.layer}: {row.name}: {why}" for row in rows if (why := misfit(row))]
    if misfits:
        sys.exit("\n".join([*misfits, f"{len(misfits)} rows do not fit the sources: mend them"]))
    for layer in dict.fromkeys(row.layer for row in rows):
        if (calm := contract(layer, {})).failed:
            sys.exit(f"{calm.output}\nthe contract tests of {layer} fail without any mistake")
    with ThreadPoolExecutor(settings.jobs) as pool:
        runs = [pool.submit(contract, row.layer, plant(row)) for row in rows]
        trials = [run.result() for run in runs]
    return report(rows, trials, settings)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("layers", nargs="*", help="all if left out")
    parser.add_argument("--only", default="", help="how the mistakes' names begin")
    parser.add_argument("--sample", type=int, help="so many of each layer only")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--bound", type=float, default=0.98)
    parser.add_argument("--show", action="store_true", help="print what the student would see")
    settings = parser.parse_args()
    if unknown := set(settings.layers) - set(LAYERS):
        parser.error(f"no layer {', '.join(sorted(unknown))}; there are {', '.join(LAYERS)}")
    return settings


def chosen(layer: str, settings: argparse.Namespace) -> list[Mistake]:
    """The rows of a layer that the command line asks for."""
    rows = [row for row in mistakes(layer) if row.name.startswith(settings.only)]
    if settings.sample is not None and settings.sample < len(rows):
        rows = random.Random(settings.seed).sample(rows, settings.sample)
    return rows


def misfit(row: Mistake) -> str | None:
    """Why a row cannot be planted, if it cannot."""
    try:
        plant(row)
    except Misfit as why:
        return str(why)
    return None


def contract(layer: str, changed: dict[Path, str]) -> Trial:
    """Run the contract tests of a layer with these files changed."""
    return try_out(layer, changed, f"packages/{layer}/tests/contract", limit=LIMIT)


def report(rows: list[Mistake], trials: list[Trial], settings: argparse.Namespace) -> int:
    """Print what was caught of each layer, and what was missed."""
    total = Counter(row.layer for row in rows)
    caught = Counter(row.layer for row, trial in zip(rows, trials, strict=True) if trial.failed)
    for row, trial in zip(rows, trials, strict=True):
        if settings.show:
            print(f"--- {row.layer}: {row.name}\n{trial.output}")
        if trial.code not in {0, 1, NO_END}:
            sys.exit(f"{trial.output}\n{row.layer}: {row.name}: the tests cannot even be collected")
        if not trial.failed:
            print(f"missed: {row.layer}: {row.name}")
    for layer in total:
        print(f"{layer}: {caught[layer]} of {total[layer]} caught")
    return int(any(caught[layer] < settings.bound * total[layer] for layer in total))


if __name__ == "__main__":
    sys.exit(main())
