"""Mutation testing: changes a layer one place at a time and asks whether a test notices.

    python tools/mutate.py optim                      every change of every file
    python tools/mutate.py optim _adam.py _sgd.py     of these files
    python tools/mutate.py optim --sample 100         100 of them, drawn with --seed

Prints a table with a row for each file, and the changes that no test noticed; exits 1 if a smaller
part than `--bound` was noticed. Kernels are left alone; the tests run with the NumPy references.
"""

import argparse
import os
import random
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from layers import LAYERS
from mutants import Mutant, mutants
from trial import ROOT, source, try_out


def main() -> int:
    """Try the changes that the command line asks for, and print what became of them."""
    settings = arguments()
    tests = f"packages/{settings.layer}/tests"
    files = chosen(source(settings.layer), settings.files)
    tried = [(file, mutant) for file in files for mutant in mutants(read(file))]
    if settings.sample is not None and settings.sample < len(tried):
        tried = random.Random(settings.seed).sample(tried, settings.sample)

    began = time.perf_counter()
    if (calm := try_out(settings.layer, {}, tests)).failed:
        sys.exit(f"{calm.output}\nthe tests of {settings.layer} fail without any change")
    limit = 10 + 5 * (time.perf_counter() - began)
    with ThreadPoolExecutor(settings.jobs) as pool:
        trials = [
            pool.submit(try_out, settings.layer, {file: mutant.code}, tests, limit=limit)
            for file, mutant in tried
        ]
        verdicts = [trial.result().failed for trial in trials]
    report(source(settings.layer), tried, verdicts)
    return 0 if sum(verdicts) >= settings.bound * len(tried) else 1


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("layer", choices=LAYERS)
    parser.add_argument("files", nargs="*", help="file names; all but kernels if left out")
    parser.add_argument("--sample", type=int, help="try so many changes only")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--bound", type=float, default=0.9)
    return parser.parse_args()


def chosen(folder: Path, names: list[str]) -> list[Path]:
    """The files of these names below a folder; all but kernels if there are no names."""
    files = [path for path in sorted(folder.rglob("*.py")) if "kernels" not in path.parts]
    if unknown := set(names) - {path.name for path in files}:
        sys.exit(f"no {', '.join(sorted(unknown))} among the files of {folder}")
    return [path for path in files if not names or path.name in names]


def report(folder: Path, tried: list[tuple[Path, Mutant]], verdicts: list[bool]) -> None:
    """Print the table, and below it what no test noticed."""
    total = Counter(file for file, _ in tried)
    found = Counter(file for (file, _), seen in zip(tried, verdicts, strict=True) if seen)
    print("| file | tried | noticed |\n| --- | ---: | ---: |")
    for file in sorted(total):
        name = file.relative_to(folder / "tinytorch").as_posix()
        print(f"| `{name}` | {total[file]} | {found[file]} |")
    share = sum(verdicts) / max(len(tried), 1)
    print(f"| together | {len(tried)} | {sum(verdicts)}, {share:.1%} |\n")
    for (file, mutant), seen in sorted(zip(tried, verdicts, strict=True)):
        if not seen:
            place = f"{file.relative_to(ROOT).as_posix()}:{mutant.line}"
            print(f"{place}: {mutant.before}  ->  {mutant.after}")


def read(path: Path) -> str:
    """The text of a source file."""
    return path.read_text(encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
