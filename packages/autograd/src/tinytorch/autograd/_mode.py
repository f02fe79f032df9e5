"""Whether ops on Variables remember: always, but inside of `no_grad`."""

import inspect
import types
from collections.abc import AsyncGenerator, Callable, Generator
from contextvars import ContextVar
from functools import wraps
from typing import Any, ParamSpec, Self, TypeVar, overload

P = ParamSpec("P")
R = TypeVar("R")


class no_grad:  # noqa: N801 - PyTorch's name
    """Let ops on Variables give plain Tensors: a context manager and a decorator.

    It holds for its own thread, and for its own task of an event loop. As a decorator it covers
    generators and coroutines too, whenever they run: their callers record in between. (A block
    inside a generator lasts until the generator leaves it, and so is its caller's as well.)

    Example:
        >>> from tinytorch.autograd import Variable
        >>> x = Variable(2.0)
        >>> with no_grad():
        ...     type(x * x).__name__
        'Tensor'
        >>> @no_grad()
        ... def squares():
        ...     while True:
        ...         yield x * x
        >>> type(next(squares())).__name__, type(x * x).__name__
        ('Tensor', 'Variable')
    """

    @overload
    def __new__(cls) -> Self: ...
    @overload
    def __new__(cls, function: Callable[P, R], /) -> Callable[P, R]: ...  # type: ignore[misc]

    def __new__(cls, function: Any = None, /) -> Any:  # type: ignore[misc]
        """Make a block, or with a function decorate it: `@no_grad` does what `@no_grad()` does."""
        made = super().__new__(cls)
        return made if function is None else made(function)

    def __repr__(self) -> str:
        return "no_grad()"

    def __enter__(self) -> None:
        blocks.set(blocks.get() + 1)

    def __exit__(self, *exception: object) -> None:
        blocks.set(max(blocks.get() - 1, 0))

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Return the function so that it runs without recording; a generator in each step."""
        quiet: Callable[..., Any]

        if inspect.isasyncgenfunction(function):

            @wraps(function)
            async def quiet(*args: P.args, **kwargs: P.kwargs) -> AsyncGenerator[Any, Any]:
                steps = function(*args, **kwargs)
                step, value = steps.asend, None
                while True:
                    try:
                        given = await _quietly(step(value))
                    except StopAsyncIteration:
                        return
                    try:
                        step, value = steps.asend, (yield given)
                    except GeneratorExit:
                        await _quietly(steps.aclose())
                        raise
                    except BaseException as error:  # noqa: BLE001 - it is handed on
                        step, value = steps.athrow, error

        elif inspect.iscoroutinefunction(function):

            @wraps(function)
            async def quiet(*args: P.args, **kwargs: P.kwargs) -> Any:
                return await _quietly(function(*args, **kwargs))

        elif inspect.isgeneratorfunction(function):

            @wraps(function)
            def quiet(*args: P.args, **kwargs: P.kwargs) -> Generator[Any, Any, Any]:
                return (yield from _quietly(function(*args, **kwargs)))

        else:

            @wraps(function)
            def quiet(*args: P.args, **kwargs: P.kwargs) -> R:
                with no_grad():
                    return function(*args, **kwargs)

        return quiet


class recording:  # noqa: N801 - beside `no_grad`
    """Let ops on Variables remember, in `no_grad` too; `as` it, whether they did outside."""

    def __enter__(self) -> bool:
        self._outside = blocks.get()
        blocks.set(0)
        return not self._outside

    def __exit__(self, *exception: object) -> None:
        blocks.set(self._outside)


@types.coroutine
def _quietly(steps: Any) -> Generator[Any, Any, Any]:
    """Run each step of a generator or coroutine in `no_grad`; what goes in and out passes by."""
    step, value = steps.send, None
    while True:
        try:
            with no_grad():
                given = step(value)
        except StopIteration as end:
            return end.value
        try:
            step, value = steps.send, (yield given)
        except GeneratorExit:
            with no_grad():
                steps.close()
            raise
        except BaseException as error:  # noqa: BLE001 - it is handed on
            step, value = steps.throw, error


blocks: ContextVar[int] = ContextVar("blocks of no_grad", default=0)
