"""The commands that the pages show are those that there are."""

import ast
import re

import pytest

import commands
from layers import LAYERS


def sessions():
    """The names of all nox sessions, read from the noxfile."""
    text = (commands.ROOT / "noxfile.py").read_text(encoding="utf-8")
    named = {f"test-{layer}" for layer in LAYERS}
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef) and any(
            "session" in ast.unparse(decorator) for decorator in node.decorator_list
        ):
            named.add(node.name)
    (others,) = re.findall(r"OTHER_PYTHONS = \((.*?)\)", text)
    return named | {f"fast-{number}" for number in re.findall(r"[\d.]+", others)}


def test_sessions_on_the_pages_exist():
    assert commands.nox_sessions() - sessions() == set()


def test_every_session_is_told_in_contributing():
    told = (commands.ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert [name for name in sorted(sessions()) if f"`{name}" not in told] == []


@pytest.mark.parametrize("words", commands.install_lines(), ids=" ".join)
def test_an_install_line_names_what_can_be_found(words):
    ours = [word for word in words if re.match(r"tinytorch-[a-z]", word)]
    assert not ours or "--find-links" in words, "our packages are on no index"
    for place in (word for word in words if word.startswith("packages/")):
        assert (commands.ROOT / place / "pyproject.toml").is_file()
