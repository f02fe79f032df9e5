"""How contract tests are chosen by step, and what they report, for `tools/conform.py`.

    python -m pytest -p contract_plugin --step 3 --report out.json packages/optim/tests/contract

runs the tests that carry `@pytest.mark.step(n)` for n up to 3, `--only-step 3` those of the third
alone. The report is JSON: how many passed,
failed and were skipped, each failure's name and first line, each skip's reason.
"""

import json
from pathlib import Path
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    parser.addoption("--step", type=int, help="only the tests of the steps up to this one")
    parser.addoption("--only-step", type=int, help="only the tests of this step")
    parser.addoption("--report", type=Path, help="write what became of the tests here, as JSON")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests of other steps, and those of none."""
    only = config.getoption("--only-step")
    last = config.getoption("--step") if only is None else only
    if last is None:
        return
    first = 1 if only is None else only
    kept = [item for item in items if first <= step_of(item) <= last]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
    items[:] = sorted(kept, key=step_of)


def step_of(item: pytest.Item) -> int:
    """The step that a test belongs to; 0 for none."""
    mark = item.get_closest_marker("step")
    return int(mark.args[0]) if mark else 0


class Report:
    """Collects what became of each test."""

    def __init__(self) -> None:
        self.passed = 0
        self.failed: dict[str, str] = {}
        self.skipped: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a test once: where it ran, or where it could not begin or end."""
        if report.failed:
            self.failed[report.nodeid] = first_line(report.longreprtext)
        elif report.skipped:
            self.skipped[report.nodeid] = reason(report.longrepr)
        elif report.when == "call":
            self.passed += 1

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Count a file that could not be collected as a failure."""
        if report.failed:
            self.failed[report.nodeid] = first_line(report.longreprtext)


def pytest_configure(config: pytest.Config) -> None:
    """Begin to collect."""
    if config.getoption("--report"):
        config.pluginmanager.register(Report(), "contract-report")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Write the report."""
    found: Any = config.pluginmanager.get_plugin("contract-report")
    if found is not None:
        counts = {"passed": found.passed, "failed": found.failed, "skipped": found.skipped}
        text = json.dumps(counts, indent=1)
        Path(config.getoption("--report")).write_text(text + "\n", encoding="utf-8")


def first_line(text: str) -> str:
    """The first line that pytest marks as the error, or else the last line."""
    lines = text.splitlines() or [""]
    marked = [line[1:].strip() for line in lines if line.startswith("E ")]
    return marked[0] if marked else lines[-1]


def reason(place: Any) -> str:
    """Why a test was skipped."""
    return str(place[2] if isinstance(place, tuple) else place).removeprefix("Skipped: ")
