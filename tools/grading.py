"""Judge a notebook: a package is made of its cells, and tested in a process of its own.

    python tools/grading.py optim submitted/ada/optim/optim.ipynb      # prints a verdict by step

The student's code never runs beside the gradebook, and the layer in question is nowhere but in the
student's package: what imports it imports itself. The processor's time and memory are limited.
"""

import argparse
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import NamedTuple

from conform import environment
from layers import LAYERS, closure, read_package
from notebooks import POINTS, package, solutions
from places import Misfit
from start import PACKAGES, steps

ROOT = Path(__file__).resolve().parents[1]
SECONDS, MEMORY = 60, 4 << 30
"""What the tests of one step may take, in seconds of a processor and bytes."""
PATIENCE = 5
"""So many times as long a busy machine may take, and a step that sleeps."""


class Verdict(NamedTuple):
    """What one step is worth.

    Attributes:
        points: All of the step's points, or none.
        said: What the tests, or the lack of them, have to say.
    """

    points: int
    said: str


class Lab:
    """Judges the steps of one notebook.

    Args:
        layer: The layer that is written in it.
        path: The notebook.
        seconds: The processor's time that the tests of a step may take.
    """

    def __init__(self, layer: str, path: str | Path, seconds: float = SECONDS) -> None:
        self.layer = layer
        self.path = Path(path)
        self.seconds = seconds

    def check(self, number: int, *, quiet: bool = False) -> bool:
        """Run the tests of a step on the notebook as it was saved; tell whether all passed."""
        verdict = self.judge(number)
        if not quiet:
            print(verdict.said)
        return verdict.points > 0

    def judge(self, number: int) -> Verdict:
        """Run the tests of a step, on our steps before it and the student's cells of this one."""
        with tempfile.TemporaryDirectory() as work:
            folder = Path(work) / "mine"
            try:
                package(self.layer, number, solutions(self.path), folder)
            except Misfit as reason:
                return Verdict(0, str(reason))
            report = Path(work) / "report.json"
            return self._tested(number, folder, report)

    def _tested(self, number: int, folder: Path, report: Path) -> Verdict:
        command = [
            sys.executable,
            *(
                "-m",
                "pytest",
                "-q",
                "--tb=short",
                "-p",
                "contract_plugin",
                "-p",
                "no:cacheprovider",
            ),
            *("--only-step", str(number), "--report", str(report)),
            str(PACKAGES / self.layer / "tests" / "contract"),
        ]
        try:
            done = subprocess.run(  # noqa: S603 - our own tests, a student's package
                command,
                cwd=ROOT,
                env=self._environment(folder),
                capture_output=True,
                text=True,
                encoding="utf-8",
                timeout=self.seconds * PATIENCE,
                check=False,
                preexec_fn=partial(limit, self.seconds) if os.name == "posix" else None,
            )
        except subprocess.TimeoutExpired:
            return self._no_end
        if os.name == "posix" and done.returncode == -signal.SIGXCPU:
            return self._no_end
        counts = json.loads(report.read_text(encoding="utf-8")) if report.is_file() else {}
        passed = done.returncode == 0 and counts.get("passed", 0) > 0 and not counts.get("failed")
        return Verdict(POINTS if passed else 0, done.stdout + done.stderr)

    @property
    def _no_end(self) -> Verdict:
        """What is said of tests that do not come to an end."""
        return Verdict(0, f"no end after {self.seconds:g} s: an endless loop?")

    def _environment(self, folder: Path) -> dict[str, str]:
        """The student's layer and those that it stands on, each by its place; nothing else."""
        packages = {layer: read_package(PACKAGES / layer) for layer in LAYERS}
        below = closure(self.layer, packages) - {self.layer}
        places = [folder / "src", *(PACKAGES / layer / "src" for layer in sorted(below))]
        tools = str(ROOT / "tools")
        path = os.pathsep.join([*map(str, places), tools])
        return {**environment(), "PYTHONPATH": path, "TINYTORCH_KERNELS": "reference"}


def limit(seconds: float) -> None:
    """Bound what the tests may take of processor and memory, before they begin."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    most = math.ceil(seconds)
    resource.setrlimit(resource.RLIMIT_CPU, (most, most + 1))


def main(arguments: list[str]) -> int:
    """Judge the notebook that the command line names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("layer", choices=LAYERS)
    parser.add_argument("notebook", type=Path)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    settings = parser.parse_args(arguments)
    lab = Lab(settings.layer, settings.notebook, settings.seconds)
    verdicts = {step.number: lab.judge(step.number) for step in steps(settings.layer)}
    print(json.dumps({number: verdict._asdict() for number, verdict in verdicts.items()}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
