"""What shares the range of a compiled loop out among numba's threads.

numba's own `prange` compiles the loop, what surrounds it and what calls it, each with all that they
call, which takes four times as long.
"""

from collections.abc import Callable
from types import FunctionType
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.compiler import Flags, compile_internal
from numba.extending import intrinsic
from numba.np.ufunc.parallel import _launch_threads

WORD, TRUTH = ir.IntType(64), ir.IntType(8)
POINTER = TRUTH.as_pointer()
POINTERS, WORDS = POINTER.as_pointer(), WORD.as_pointer()
TASK = ir.FunctionType(ir.VoidType(), [POINTERS, WORDS, WORDS, POINTER])
"""What the threads call; it finds its number in the first argument and all else in the last."""
RUN = ir.FunctionType(ir.VoidType(), [POINTER] * 5 + [WORD] * 3)
"""numba's function that calls a task on each thread."""


def sharing(loop: Any, function: Callable[..., Any]) -> Callable[..., Any]:
    """Make the function that shares a compiled loop out.

    It stands where the source of the loop stands, so that numba keeps the two side by side.

    Args:
        loop: The compiled loop, called with (begin, end, *arguments).
        function: What it was compiled from.

    Returns:
        A function to compile, called with (count, threads, *arguments).
    """
    _launch_threads()  # compiled functions refer to what it loads
    name = f"{function.__name__}.shared"
    code = _template.__code__.replace(
        co_filename=function.__code__.co_filename,
        co_firstlineno=function.__code__.co_firstlineno,
        co_name=name,
        co_qualname=name,
    )
    known = {"loop": loop, "share": share, "__name__": function.__module__}
    return FunctionType(code, known, name)


def _template(count, threads, *arguments):
    if not share(loop, count, threads, arguments):  # noqa: F821 - a global of each copy
        raise MemoryError


@intrinsic
def share(_, loop, count, threads, arguments):
    """Call loop(begin, end, *arguments) on each thread with its part of range(count).

    Gives whether none of them failed, as one does for which there is no memory.
    """
    operands = types.int64, types.int64, *arguments

    def generate(target, builder, _, values):
        compiled = compile_into(target, loop.dispatcher, operands)
        _, count, threads, arguments = values
        places = [
            cgutils.alloca_once_value(builder, value)
            for value in (arguments, count, threads, TRUTH(1))
        ]
        shared = cgutils.pack_array(builder, [builder.bitcast(place, POINTER) for place in places])
        data = builder.bitcast(cgutils.alloca_once_value(builder, shared), POINTER)
        task = ir.Function(builder.module, TASK, f"{builder.function.name}.task")
        task.linkage = "internal"
        fill_task(target, task, [place.type for place in places], compiled)
        nothing = cgutils.alloca_once_value(builder, POINTER(None))
        one = cgutils.alloca_once_value(builder, WORD(1))
        with builder.if_else(builder.icmp_signed("<=", threads, WORD(1))) as (alone, together):
            with alone:
                builder.call(task, [nothing, places[2], one, data])
            with together:
                run = cgutils.get_or_insert_function(builder.module, RUN, "numba_parallel_for")
                given = [builder.bitcast(p, POINTER) for p in (task, nothing, places[2], one)]
                builder.call(run, [*given, data, WORD(0), WORD(1), threads])
        return builder.trunc(builder.load(places[3]), ir.IntType(1))

    def fill_task(target, task, kinds, compiled):
        builder = ir.IRBuilder(task.append_basic_block())
        pointers = builder.bitcast(task.args[3], POINTERS)
        places = [
            builder.bitcast(builder.load(builder.gep(pointers, [WORD(i)])), kind)
            for i, kind in enumerate(kinds)
        ]
        arguments, count, threads = map(builder.load, places[:3])
        thread = builder.ptrtoint(builder.load(task.args[0]), WORD)  # a step of 1 from nothing
        begin, end = (
            builder.sdiv(builder.mul(number, count), threads)
            for number in (thread, builder.add(thread, WORD(1)))
        )
        function = target.declare_function(builder.module, compiled)
        given = [begin, end, *cgutils.unpack_tuple(builder, arguments)]
        call = target.call_conv.call_function
        status, _ = call(builder, function, types.none, operands, given)
        with builder.if_then(status.is_error):
            builder.store(TRUTH(0), places[3])
        builder.ret_void()

    return types.boolean(loop, count, threads, arguments), generate


def compile_into(target, loop, operands):
    """Compile a loop into the library of the function that shares it out: once, with that one.

    No operand shares its memory with another, which the compiler is told, so that vectors serve.
    """
    flags = Flags()
    loop.targetdescr.options.parse_as_flags(flags, loop.targetoptions)
    flags.noalias = flags.no_compile = flags.no_cpython_wrapper = flags.no_cfunc_wrapper = True
    library = target.active_code_library
    given = operands, types.none, flags, {}
    return compile_internal(target.typing_context, target, library, loop.py_func, *given).fndesc
