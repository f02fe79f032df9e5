"""The reverse walk: from a result to its leaves, youngest first, each result once.

A result is younger than its operands, so undoing the youngest first meets each result after
everything that was made from it: that is all the sorting there is.
"""

from collections.abc import Iterable
from heapq import heappop, heappush
from typing import Any

from tinytorch.autograd._assign import Assignable
from tinytorch.autograd._table import rows_of
from tinytorch.tensor import GradientError, Op, Tensor, ops


class Memory(Assignable):
    """What the walk reads of a Variable: the op that made it, with operands and settings."""

    __slots__ = ("_op", "_operands", "_settings")

    _op: Op | None  # None for a leaf
    # Empty after a walk that did not retain the graph; a list where an outline shares it.
    _operands: tuple[Any, ...] | list[Any]
    _settings: dict[str, Any]


def backward(
    output: Memory,
    gradient: Tensor,
    *,
    retain: bool,
    create_graph: bool,
    inputs: Iterable[Memory] = (),
) -> list[tuple[Any, Tensor]]:
    """Walk back from `output`; return each leaf, or each of `inputs`, with its gradient.

    Args:
        output: Where the walk begins.
        gradient: The shape of `output`: what arrives there.
        retain: Keep the graph for another walk.
        create_graph: Hand the rows Variables, so that gradients can be differentiated.
        inputs: Where the walk ends, in place of the leaves.
    """
    ends = {x._order: x for x in inputs}
    found: list[tuple[Any, Tensor]] = []
    arrived = {output._order: gradient}
    youngest = [(-output._order, output)]
    while youngest:
        _, result = heappop(youngest)
        g = arrived.pop(result._order)
        is_leaf = result._op is None
        if result._order in ends or (is_leaf and not ends):
            found.append((ends.get(result._order, result), g))
            continue
        if is_leaf:
            continue
        for operand, share in _undo(result, g, create_graph):
            order = operand._order
            if order in arrived:
                arrived[order] = arrived[order] + share
            else:
                arrived[order] = share
                heappush(youngest, (-order, operand))
        if not retain:
            if isinstance(result._operands, list):
                result._operands.clear()
            result._operands = ()
    return found


def reaches_others(output: Memory, own: Iterable[Memory]) -> bool:
    """Return whether a way back from `output` ends at a leaf without passing one of `own`."""
    seen = {x._order for x in own}
    stack: list[Any] = [output]
    while stack:
        x = stack.pop()
        if not isinstance(x, Memory) or x._order in seen or x.evaluate is _constant:
            continue
        seen.add(x._order)
        if x._op is None:
            return True
        stack.extend(x._operands)
    return False


def _undo(result: Memory, g: Tensor, create_graph: bool) -> list[tuple[Memory, Tensor]]:
    """Run the rows of the op that made `result`: a gradient for each operand that needs one."""
    op, operands, settings = result._op, result._operands, result._settings
    assert op is not None
    if not operands:
        raise _used_up(op)
    rows, seen = rows_of(op, operands)
    z: Tensor = result
    if not create_graph:
        z, seen = _value(result), [_value(x) if isinstance(x, Tensor) else x for x in seen]
    shares = []
    for i, operand in enumerate(operands):
        row = rows[i]
        order = getattr(operand, "_order", None)
        if order is None:
            continue
        if order > result._order:
            raise _changed_since(op, i, operand)
        # What evaluates as a Tensor is a constant: a Buffer, a Parameter that is frozen.
        if row is None or operand.evaluate is _constant:
            continue
        try:
            share = row(g, z, *seen, **settings)
            if not isinstance(share, Tensor):
                raise _no_tensor(op, i, share)
        except Exception as error:
            error.add_note(f"in row {i} of the derivative of {op.name}, of {result.shape}")
            raise
        if share.data.shape != operand.data.shape or share.data.dtype != operand.data.dtype:
            share = _fit(op, i, share, operand)
        shares.append((operand, share))
    return shares


def _value(x: Tensor) -> Tensor:
    """Return the value of a Variable alone, without a copy."""
    plain: Tensor = _new(Tensor)
    plain.data = x.data
    return plain


def _fit(op: Op, position: int, share: Tensor, operand: Tensor) -> Any:
    """Undo broadcasting and promotion: give a gradient its operand's shape and data type."""
    shape = operand.shape
    if share.shape != shape:
        if not op.broadcasts:
            raise GradientError(
                op.name,
                expected=f"a gradient of operand {position}'s shape {shape}",
                got=f"shape {share.shape}",
                fix=f"mend row {position} of derivative({op.name}, ...)",
                op=op,
                position=position,
            )
        lead = share.ndim - len(shape)
        stretched = [lead + a for a, n in enumerate(shape) if n == 1]
        share = ops.sum(share, axis=(*range(lead), *stretched), keepdims=True)
        share = ops.reshape(share, shape=shape)
    return share if share.dtype == operand.dtype else ops.astype(share, dtype=operand.dtype)


def _no_tensor(op: Op, position: int, share: Any) -> GradientError:
    """Return the error for a row that gives something else."""
    return GradientError(
        op.name,
        expected=f"a Tensor as the gradient of operand {position}",
        got=repr(share),
        fix="write the row in ops of g and the operands, or None for an operand without gradient",
    )


def _used_up(op: Op) -> GradientError:
    """Return the error for a second walk over a graph that was freed."""
    return GradientError(
        "backward",
        expected="a graph that is still there",
        got=f"one that an earlier backward used up, at {op.name}",
        fix="compute the loss again, or backward(retain_graph=True) the first time",
    )


def _changed_since(op: Op, position: int, leaf: Tensor) -> GradientError:
    """Return the error for a leaf that was assigned to after the graph was recorded."""
    return GradientError(
        "backward",
        expected="the values that the graph was recorded with",
        got=f"operand {position} of {op.name}, shape {leaf.shape}, assigned to since",
        fix="call backward before the optimizer's step or assign, or compute the loss again",
    )


_new = object.__new__
_constant = Tensor.evaluate
