"""Arrays that kernels fill and read: `kernels.room`, `room_like` and `writable`."""

import numpy as np
import pytest

from tinytorch.tensor import kernels

SHAPE = (256, 1024)


@pytest.mark.parametrize("shape", [(), (3,), (0, 5), SHAPE])
@pytest.mark.parametrize("dtype", [np.float32, np.int64, bool])
def test_room_has_the_shape_and_data_type_that_were_asked_for(shape, dtype):
    found = kernels.room(shape, dtype)
    assert (found.shape, found.dtype) == (shape, np.dtype(dtype))
    found.fill(1)
    assert (found == 1).all()


def test_rooms_in_use_do_not_share_memory_even_if_a_view_alone_is_left():
    view = kernels.room(SHAPE, np.float32)[1:, ::2]
    view.fill(1)
    kernels.room(SHAPE, np.float32).fill(2)
    assert (view == 1).all()


@pytest.mark.parametrize("axes", [(0, 1, 2, 3), (0, 3, 1, 2), (3, 2, 1, 0)])
def test_room_like_keeps_the_memory_order(axes):
    x = np.zeros((8, 16, 32, 64), np.float32).transpose(axes)
    found = kernels.room_like(x)
    assert (found.shape, found.strides, found.dtype) == (x.shape, x.strides, x.dtype)
    found.fill(1)
    assert (found == 1).all()


def test_room_like_a_view_with_gaps_has_none():
    x = np.zeros((512, 2048), np.float32)[:, ::2]
    assert kernels.room_like(x).strides == np.empty_like(x).strides


def test_what_may_be_written_to_is_itself_and_what_may_not_a_copy():
    x = np.arange(6).reshape(2, 3)
    assert kernels.writable(x) is x
    x.flags.writeable = False
    copied = kernels.writable(x)
    copied[0, 0] = 7
    assert (x[0, 0], copied.tolist()) == (0, [[7, 1, 2], [3, 4, 5]])
