"""A layer's tests, run on a copy of its sources in which something was changed."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
NO_END = -1


class Trial(NamedTuple):
    """How the tests ended.

    Attributes:
        code: What pytest returned: 0 where all passed, 1 where a test failed, 2 where one could not
            even be collected; `NO_END` where the time ran out.
        output: What pytest printed.
    """

    code: int
    output: str

    @property
    def failed(self) -> bool:
        """Whether the change was noticed, in whatever way."""
        return self.code != 0


def source(layer: str) -> Path:
    """The folder of a layer's sources."""
    return ROOT / "packages" / layer / "src"


def try_out(
    layer: str, changed: dict[Path, str], tests: str, *options: str, limit: float | None = None
) -> Trial:
    """Run `tests` with each changed file in the place of the file of that path.

    Args:
        layer: Whose sources are copied.
        changed: The new texts by path, below `source(layer)`.
        tests: Files or a folder below the project's root.
        options: More options for pytest.
        limit: Seconds until the run counts as failed.

    Returns:
        How the tests ended. Kernels are off, and NumPy's products use one thread.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "src"
        shutil.copytree(source(layer), copy, ignore=shutil.ignore_patterns("__pycache__"))
        for path, text in changed.items():
            (copy / path.relative_to(source(layer))).write_text(text, encoding="utf-8")
        first = [str(copy), *filter(None, [os.environ.get("PYTHONPATH")])]
        settings = {
            "PYTHONPATH": os.pathsep.join(first),
            "TINYTORCH_KERNELS": "reference",
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # half of the time of a short run
        }
        command = [sys.executable, "-B", "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
        try:
            result = subprocess.run(  # noqa: S603 - our own tests
                [*command, *options, tests],
                cwd=ROOT,
                env={**os.environ, **settings},
                capture_output=True,
                text=True,
                encoding="utf-8",
                timeout=limit,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Trial(NO_END, f"no end after {limit:.0f} s")
    return Trial(result.returncode, result.stdout + result.stderr)
