"""`no_grad`: blocks, functions, generators, coroutines; each thread's and each task's own."""

import asyncio
import inspect

import pytest

from tinytorch.autograd import Variable, no_grad
from tinytorch.tensor import Tensor

X = Variable([1.0])


def kind():
    return type(X * 2)


def test_one_block_object_may_be_entered_again_inside_itself():
    block = no_grad()
    with block:
        with block:
            assert kind() is Tensor
        assert kind() is Tensor
    assert kind() is Variable


def test_a_function_is_decorated_with_or_without_parentheses():
    @no_grad
    def bare():
        return kind()

    @no_grad()
    def called():
        return kind()

    assert (bare(), called(), kind()) == (Tensor, Tensor, Variable)
    assert bare.__name__ == "bare"


def test_a_generator_computes_without_and_its_caller_with_memory():
    @no_grad()
    def kinds():
        while True:
            yield kind()

    steps = kinds()
    assert [next(steps), kind(), next(steps), kind()] == [Tensor, Variable, Tensor, Variable]
    assert inspect.isgeneratorfunction(kinds)


def test_a_generator_takes_and_returns_values():
    @no_grad()
    def echo():
        got = yield "first"
        while got is not None:
            got = yield (got, kind())
        return "end"

    steps = echo()
    assert next(steps) == "first"
    assert steps.send(1) == (1, Tensor)
    with pytest.raises(StopIteration) as caught:
        steps.send(None)
    assert caught.value.value == "end"


def test_a_generator_may_catch_what_is_thrown_into_it():
    @no_grad()
    def patient():
        try:
            yield "waiting"
        except KeyError:
            yield kind()

    steps = patient()
    next(steps)
    assert steps.throw(KeyError("x")) is Tensor
    assert kind() is Variable


def test_a_generator_that_is_closed_cleans_up_without_memory():
    seen = []

    @no_grad()
    def closing():
        try:
            yield
        finally:
            seen.append(kind())

    steps = closing()
    next(steps)
    steps.close()
    assert (seen, kind()) == ([Tensor], Variable)


def test_an_error_in_a_generator_ends_it():
    @no_grad()
    def failing():
        yield 1
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(failing())
    assert kind() is Variable


def test_a_coroutine_computes_without_memory_and_others_with_it():
    @no_grad()
    async def quiet():
        before = kind()
        await asyncio.sleep(0)
        return before, kind()

    async def loud():
        await asyncio.sleep(0)
        return kind()

    async def both():
        return await asyncio.gather(quiet(), loud(), quiet())

    assert asyncio.run(both()) == [(Tensor, Tensor), Variable, (Tensor, Tensor)]
    assert inspect.iscoroutinefunction(quiet)


def test_a_block_that_waits_belongs_to_its_own_task():
    async def quiet():
        with no_grad():
            await asyncio.sleep(0)
            return kind()

    async def loud():
        await asyncio.sleep(0)
        return kind()

    async def both():
        return await asyncio.gather(quiet(), loud())

    assert asyncio.run(both()) == [Tensor, Variable]


def test_an_asynchronous_generator_computes_without_memory():
    @no_grad()
    async def kinds():
        got = yield kind()
        while True:
            await asyncio.sleep(0)
            try:
                got = yield (got, kind())
            except KeyError:
                got = "caught"

    async def use():
        steps = kinds()
        first = await anext(steps), kind()
        second = await steps.asend(1), kind()
        third = await steps.athrow(KeyError("x")), kind()
        await steps.aclose()
        return first, second, third

    assert asyncio.run(use()) == (
        (Tensor, Variable),
        ((1, Tensor), Variable),
        (("caught", Tensor), Variable),
    )


def test_an_asynchronous_generator_ends():
    @no_grad()
    async def three():
        for i in range(3):
            yield i

    async def use():
        return [i async for i in three()]

    assert asyncio.run(use()) == [0, 1, 2]


def test_generators_that_interleave_leave_nothing_behind():
    def quiet():
        with no_grad():
            yield
            yield

    first, second = quiet(), quiet()
    next(first)
    next(second)
    first.close()
    assert kind() is Tensor
    second.close()
    assert kind() is Variable
