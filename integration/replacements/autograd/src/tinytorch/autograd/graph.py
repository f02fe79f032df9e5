"""The tape in writing: a line for each record, or a picture."""

from html import escape
from pathlib import Path

from tinytorch.autograd._tape import recorded
from tinytorch.autograd._variable import Variable
from tinytorch.tensor import DTypeError

__all__ = ["draw", "to_dot", "to_text"]


def told(operation, variable, names):
    """For each Variable on the tape its title, its shape, and the numbers of its operands."""
    if not isinstance(variable, Variable):
        raise DTypeError(
            operation,
            expected="a Variable",
            got=type(variable).__name__,
            fix="compute with Variables, outside of no_grad",
        )
    tape, known = recorded(variable), {id(x): name for name, x in (names or {}).items()}
    numbers = {id(x): i for i, x in enumerate(tape)}
    for x in tape:
        operands = [] if x.is_leaf else x.record.operands or []
        title = known.get(id(x), type(x).__name__) if x.is_leaf else x.record.op.name
        yield title, x.shape, [numbers[id(o)] for o in operands if id(o) in numbers], x.is_leaf


def to_text(variable, names=None):
    """Return a line for each leaf and each op, oldest first."""
    return "\n".join(
        f"%{i} = {title}" + ("" if leaf else f"({', '.join(f'%{n}' for n in of)})") + f" {shape}"
        for i, (title, shape, of, leaf) in enumerate(told("to_text", variable, names))
    )


def to_dot(variable, names=None):
    """Return the same for Graphviz."""
    lines = ["digraph {"]
    for i, (title, shape, of, leaf) in enumerate(told("to_dot", variable, names)):
        lines.append(f'  n{i} [shape={"box" if leaf else "ellipse"}, label="{title} {shape}"]')
        lines += [f"  n{source} -> n{i}" for source in of]
    return "\n".join([*lines, "}"])


class Drawing:
    """A picture; `svg` is its text."""

    def __init__(self, svg):
        self.svg = svg

    def _repr_svg_(self):
        return self.svg

    def save(self, path):
        """Write the picture to a file."""
        Path(path).write_text(self.svg, encoding="utf-8")


def draw(variable, names=None):
    """Return a picture: a row for each leaf and each op, and a line to each operand."""
    shapes, rows = [], list(told("draw", variable, names))
    for i, (title, shape, of, _) in enumerate(rows):
        shapes += [
            f'<path d="M{20 + 6 * abs(i - n)} {20 * n + 16} L20 {20 * i + 16}" stroke="gray"/>'
            for n in of
        ]
        shapes.append(f'<text x="60" y="{20 * i + 20}">{escape(f"{title} {shape}")}</text>')
    size = f'width="400" height="{20 * len(rows) + 10}"'
    return Drawing(f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{"".join(shapes)}</svg>')
