"""How many threads compute: `kernels.threads` and `kernels.threads_for`."""

import os

import pytest

from tinytorch.tensor import ArgumentError, kernels


@pytest.fixture
def as_before(monkeypatch):
    """The numbers of threads, which the test may change."""
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", os.environ.get("OPENBLAS_NUM_THREADS", ""))
    before = kernels.threads()
    yield before
    kernels.threads(before.products or before.kernels or 1)


def test_one_number_holds_for_products_kernels_and_workers(as_before):
    got = kernels.threads(1)
    assert got == kernels.threads(), "the second call tells what is in force [`kernels.threads`]"
    assert set(got) <= {1, None}, "None where there is no such pool [`kernels.threads`]"
    assert os.environ["OPENBLAS_NUM_THREADS"] == "1", "workers inherit it [`kernels.threads`]"


@pytest.mark.parametrize("n", [0, -1, 1.5, True, "2"])
def test_a_number_of_threads_is_a_whole_number_of_at_least_1(n, as_before):
    with pytest.raises(ArgumentError, match="n"):
        kernels.threads(n)
    assert kernels.threads() == as_before


def test_little_work_stays_on_one_thread():
    assert kernels.threads_for(10) == 1, "waking another takes longer [`kernels.threads_for`]"
    assert kernels.threads_for(10**9) == (kernels.threads().kernels or 1)
