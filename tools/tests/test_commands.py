"""The commands that the pages show are those that there are."""

import re
import subprocess
import sys

import pytest

import commands

SHOWN = commands.commands()
RUN = [one for one in SHOWN if one.words[:2] == ("python", "-c") or "venv" in one.words]


@pytest.mark.parametrize("command", SHOWN, ids=str)
def test_what_a_command_on_a_page_names_is_there(command):
    wrong = commands.fault(command)
    assert wrong is None, f"{command.page}: {command}: {wrong}"


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("nox -s confrom -- optim mine", "no session confrom"),
        ("nox -s conform -- optics mine", "optics"),
        ("nox -s bench -- nothing", "no integration/benchmarks/nothing.py"),
        ("nox -s planted -- optim --onyl Adam", "--onyl"),
        ("nox conform", "nox -s"),
        ("python tools/nothing.py", "no tools/nothing.py"),
        ("python tools/assignments.py mark optim course", "mark"),
        ("python -m nothing", "nothing tries"),
        ("make all", "nothing tries"),
    ],
)
def test_a_command_that_would_fail_is_found(line, wrong):
    said = commands.fault(commands.Command(commands.ROOT / "README.md", tuple(line.split())))
    assert wrong in str(said)


@pytest.mark.parametrize("line", ["nox -s conform -- optim mine --contract -x -k clip"])
def test_what_a_session_hands_on_to_pytest_is_no_fault(line):
    words = tuple(line.split())
    assert commands.fault(commands.Command(commands.ROOT / "README.md", words)) is None


@pytest.mark.parametrize("command", RUN, ids=str)
def test_a_short_command_on_a_page_runs(command, tmp_path):
    done = subprocess.run(
        [sys.executable, *command.words[1:]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_every_session_is_told_in_contributing():
    told = (commands.ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert [name for name in sorted(commands.sessions()) if f"`{name}" not in told] == []


@pytest.mark.parametrize("words", commands.install_lines(), ids=" ".join)
def test_an_install_line_names_what_can_be_found(words):
    ours = [word for word in words if re.match(r"tinytorch-[a-z]+(\[|$)", word)]
    assert not ours or "--find-links" in words, "our packages are on no index"
    for place in (word for word in words if word.startswith("packages/")):
        assert (commands.ROOT / place / "pyproject.toml").is_file()
