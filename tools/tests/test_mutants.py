"""A mutant is the file with one place changed; what nobody can rely on is left alone."""

import ast

import pytest

from mutants import mutants


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = a < b", ["a <= b"]),
        ("x = a < b in c", ["a <= b in c", "a < b not in c"]),
        ("x = a @ b", ["a * b", "a"]),
        ("x = a and b", ["a or b"]),
        ("x = -a", ["a"]),
        ("x = True", ["False"]),
        ("x = 0.5", ["1.5"]),
        ("x = a if b else c", ["a if not b else c"]),
        ("while a:\n    break", ["while not a:", "continue"]),
        ("if a:\n    f(b)", ["if not a:", "pass"]),
        ("def f():\n    return a", ["return None"]),
        ("raise E", ["pass"]),
    ],
)
def test_each_kind_of_place_is_changed(source, expected):
    assert [mutant.after for mutant in mutants(source)] == expected


@pytest.mark.parametrize(
    "source",
    [
        "x = 'text'",
        "def f(x: int = y) -> Literal[1]: pass",
        "x: Literal[1] = y",
        "assert a < 1",
        "error = ShapeError(fix=a + 1)",
        "if TYPE_CHECKING:\n    import a",
        "def f():\n    return None",
    ],
)
def test_what_promises_nothing_is_left_alone(source):
    assert list(mutants(source)) == []


def test_a_mutant_differs_in_its_place_alone():
    source = "a = 1\nb = 2 + a\n"
    found = list(mutants(source))
    assert [mutant.line for mutant in found] == [1, 2, 2, 2]
    assert [mutant.code for mutant in found] == [
        "a = 2\nb = 2 + a",
        "a = 1\nb = 2 - a",
        "a = 1\nb = 2",
        "a = 1\nb = 3 + a",
    ]
    assert all(ast.parse(mutant.code) for mutant in found)
