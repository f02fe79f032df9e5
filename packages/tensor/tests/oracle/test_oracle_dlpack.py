"""DLPack hands memory to torch and JAX and takes it from them, without a copy where safe."""

import jax.numpy as jnp
import numpy as np
import pytest
import torch

from tinytorch.tensor import from_numpy, tensor

VALUES = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]


@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.float16])
def test_torch_takes_a_tensor(dtype):
    taken = torch.from_dlpack(tensor(VALUES, dtype))
    np.testing.assert_array_equal(taken.numpy(), np.array(VALUES, dtype))


def test_jax_takes_a_tensor():
    np.testing.assert_array_equal(np.asarray(jnp.from_dlpack(tensor(VALUES))), VALUES)


def test_a_tensor_is_made_of_theirs():
    theirs = torch.tensor(VALUES)
    shared = from_numpy(np.from_dlpack(theirs))
    theirs[0, 0] = 9
    assert shared.data[0, 0] == 9
    np.testing.assert_array_equal(tensor(jnp.array(VALUES)).data, VALUES)
    np.testing.assert_array_equal(tensor(torch.tensor(VALUES)).data, VALUES)
