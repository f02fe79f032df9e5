"""Memory is used again only when nobody can see it any more."""

import threading

import numpy as np
import pytest

from tinytorch.tensor.kernels import _memory, room

SHAPE = (4, 256, 256)


@pytest.fixture(autouse=True)
def store(monkeypatch):
    """A store that is empty."""
    store = _memory.Store(limit=2**30)
    monkeypatch.setattr(_memory, "_store", store)
    return store


def kept(store):
    """How many bytes a store holds, in use or not."""
    return sum(part.size for part in store.parts)


def address(array):
    return array.__array_interface__["data"][0]


def test_memory_comes_back_after_the_last_view_is_gone():
    one = room(SHAPE, np.float32)
    place, view = address(one), one.transpose(2, 0, 1)[::2]
    assert address(room(SHAPE, np.float32)) != place
    del one
    two = room(SHAPE, np.float32)
    assert address(two) != place, "a view still sees it"
    del view
    assert address(room(SHAPE, np.float32)) == place


def test_arrays_in_use_never_share():
    held = [room(SHAPE, np.float32) for _ in range(8)]
    for value, array in enumerate(held):
        array.fill(value)
    assert [float(array.max()) for array in held] == list(range(8))


def test_dtype_and_shape_may_change():
    first = room(SHAPE, np.float32)
    place = address(first)
    del first
    again = room((2, 256, 256), np.float64)
    assert address(again) == place
    assert again.dtype == np.float64
    assert again.flags.c_contiguous


def test_little_more_is_kept_than_was_in_use_at_a_time(store, monkeypatch):
    monkeypatch.setattr(_memory, "_SPARE_BYTES", 1024)
    held = [room((64, 2048 + n), np.float32) for n in range(4)]
    most = kept(store)
    del held
    for columns in range(1024, 1040):
        room((64, columns), np.float32)
        assert kept(store) <= most + 1024
    assert len(store.parts) > 4


def test_what_is_kept_has_a_limit(store):
    store.limit = 2**21
    held = [room(SHAPE, np.float32) for _ in range(6)]
    assert len({address(x) for x in held}) == 6
    del held
    room((4, 256, 257), np.float32)
    assert kept(store) <= 2**21


def test_small_arrays_are_the_allocators(store):
    assert room((3,), np.float32).shape == (3,)
    assert room((0, 5), np.float32).size == 0
    assert store.parts == []


def test_threads_do_not_get_the_same_memory():
    failures = []

    def work(number):
        for _ in range(200):
            array = room(SHAPE, np.float32)
            array[0, 0] = number
            if (array[0, 0] != number).any():
                failures.append(number)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_what_is_not_in_use_is_cut_and_joined_again(store):
    place = address(room(SHAPE, np.float32))
    lower, upper = room((2, *SHAPE[1:]), np.float32), room((2, *SHAPE[1:]), np.float32)
    assert [address(lower), address(upper)] == [place, place + lower.nbytes]
    lower.fill(1)
    upper.fill(2)
    assert lower.max() == 1
    del lower, upper
    assert address(room(SHAPE, np.float32)) == place
    assert kept(store) == 4 * 256 * 256 * 4
