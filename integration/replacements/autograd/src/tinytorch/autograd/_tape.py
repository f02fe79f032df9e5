"""The tape: all records that lead to a result, in the order of their making, played backward."""

from tinytorch.autograd._changeable import Changeable
from tinytorch.tensor import ArgumentError, GradientError, Tensor, from_numpy, ops

ROWS = {}


def derivative(op, *rows, each=None):
    """Enter the rows of an op, one for each operand; `each(i)` makes that of operand i."""
    if op in ROWS or not op.differentiable:
        raise ArgumentError(
            "derivative",
            expected="a differentiable op without a derivative",
            got=f"{op}",
            fix="mend the rows that it has",
        )
    left_out = getattr(op.reference, "__defaults__", None) or ()
    ROWS[op] = (lambda n: [each(i) for i in range(n)]) if each else (lambda n: rows), left_out


class Gradients(dict):
    """The gradients of a walk, by leaf."""


def recorded(output, ends=()):
    """The tape of a result: itself and all that it came from, oldest first, down to the ends."""
    ends, seen, stack = {id(x) for x in ends}, {id(output): output}, [output]
    while stack:
        x = stack.pop()
        if x.record is not None and id(x) not in ends:
            for operand in x.record.operands or ():
                if getattr(operand, "requires_grad", False) and id(operand) not in seen:
                    seen[id(operand)] = operand
                    stack.append(operand)
    return sorted(seen.values(), key=lambda x: x.when)


def play(output, gradient, *, retain, remember, ends=None):
    """Play the tape of a result backward; give what arrives at the leaves, or at the ends."""
    tape, arrived, found = recorded(output, ends or ()), {id(output): gradient}, {}
    stops = {id(x) for x in ends or ()}
    while tape:
        result = tape.pop()
        g = arrived.pop(id(result), None)
        if id(result) in stops or result.record is None:
            if g is not None and (ends is None or id(result) in stops):
                found[result] = g
            continue
        shares = undone(result, g, remember) if g is not None else ()
        for operand, share in shares:
            before = arrived.get(id(operand))
            arrived[id(operand)] = share if before is None else before + share
        if not retain:
            result.record.operands = None
    return found


def undone(result, g, remember):
    """What each operand of a record gets of the gradient of its result."""
    record = result.record
    if record.operands is None:
        raise refused(record.op, "a graph that is there", "one that a walk used up", "retain_graph")
    for x in record.operands:
        if isinstance(x, Changeable) and x.when > result.when:
            changed = f"{type(x).__name__} {x.shape}, assigned to since"
            raise refused(record.op, "operands as they were", changed, "compute the result again")
    enter, defaults = ROWS.get(record.op, (lambda n: (), ()))
    rows, missing = enter(len(record.operands)), 0
    if rows:
        missing = len(rows) - len(record.operands)
    if not rows or not 0 <= missing <= len(defaults):
        raise refused(record.op, "a row for each operand", f"{len(rows)} rows", "derivative(...)")
    values = [result, *record.operands, *defaults[len(defaults) - missing :]]
    if not remember:
        values = [from_numpy(x.data) if isinstance(x, Tensor) else x for x in values]
    for i, (x, row) in enumerate(zip(record.operands, rows, strict=False)):
        if row is not None and getattr(x, "requires_grad", False):
            try:
                share = row(g, *values, **record.settings)
                yield x, fitted(record.op, i, share, x)
            except Exception as error:
                error.add_note(f"in row {i} of the derivative of {record.op.name}")
                raise


def fitted(op, i, share, operand):
    """Undo broadcasting and promotion: a gradient has the shape and data type of its operand."""
    if not isinstance(share, Tensor):
        raise refused(op, f"a Tensor for operand {i}", f"{share!r:.60}", "mend that row")
    if share.shape != operand.shape:
        if not op.broadcasts:
            wanted = f"shape {operand.shape} for operand {i}"
            raise refused(op, wanted, f"{share.shape}", "mend that row, or let the op broadcast")
        lead = share.ndim - operand.ndim
        stretched = [lead + axis for axis, n in enumerate(operand.shape) if n == 1]
        share = ops.sum(share, axis=(*range(lead), *stretched), keepdims=True)
        share = ops.reshape(share, shape=operand.shape)
    return share if share.dtype == operand.dtype else ops.astype(share, dtype=operand.dtype)


def refused(op, expected, got, fix):
    return GradientError(op.name, expected=expected, got=got, fix=fix, op=op)
