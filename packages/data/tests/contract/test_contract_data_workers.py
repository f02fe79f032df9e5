"""Workers: the same batches, made ahead, errors at their place, and nothing left behind."""

import threading

import numpy as np
import pytest

from tinytorch import data
from tinytorch.tensor.errors import TinyTorchError

pytestmark = pytest.mark.step(8)


class Draw:
    """A transform that adds random numbers."""

    random = True

    def __call__(self, batch, *, rng):
        return batch + rng.normal(size=batch.shape)


class Watched:
    """Items that tell when, and in which thread, they are read."""

    def __init__(self, count, gate=lambda index: None):
        self.count, self.gate, self.read, self.threads = count, gate, [], set()

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        self.gate(index)
        self.read.append(index)
        self.threads.add(threading.current_thread())
        return index


def epochs(count=2, **settings):
    dataset = data.TensorDataset(np.arange(30.0))
    loader = data.DataLoader(dataset, 4, shuffle=True, transform=Draw(), rng=0, **settings)
    return [[np.asarray(batch[0]).tolist() for batch in loader] for _ in range(count)]


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("prefetch", [1, 2])
def test_workers_change_nothing(expect, workers, prefetch):
    came = epochs(num_workers=workers, prefetch=prefetch)
    expect(came, epochs(), "a batch's randomness comes from its number alone", "DataLoader")


def test_batches_come_in_order_though_a_later_one_is_ready_first(expect):
    later = threading.Event()

    def gate(index):
        if index == 0:
            assert later.wait(10), "two workers read side by side [contract: workers]"
        elif index == 1:
            later.set()

    came = [batch.tolist() for batch in data.DataLoader(Watched(4, gate), num_workers=2)]
    expect(came, [[0], [1], [2], [3]], "hand over in order, not as they are ready", "DataLoader")


def test_workers_read_ahead():
    reached = threading.Event()
    dataset = Watched(9, lambda index: reached.set() if index == 2 else None)
    batches = iter(data.DataLoader(dataset, num_workers=1, prefetch=2))
    next(batches)
    assert reached.wait(10), "nothing is made before it is asked for [contract: DataLoader]"
    batches.close()


def test_workers_read_no_further_than_prefetch_says():
    dataset = Watched(99)
    batches = iter(data.DataLoader(dataset, num_workers=2, prefetch=3))
    next(batches)
    batches.close()
    assert max(dataset.read) <= 6, "workers * prefetch batches ahead at most [contract: DataLoader]"


def test_items_are_read_in_threads_of_their_own():
    dataset = Watched(9)
    list(data.DataLoader(dataset, num_workers=2))
    assert threading.current_thread() not in dataset.threads


@pytest.mark.parametrize("how", ["break", "error", "end"])
def test_no_thread_is_left(how):
    before = threading.active_count()
    loader = data.DataLoader(Watched(50), 2, num_workers=2)

    def loop():
        for _ in loader:
            if how == "error":
                raise KeyError
            if how == "break":
                break

    if how == "error":
        with pytest.raises(KeyError):
            loop()
    else:
        loop()
    assert threading.active_count() == before, "threads are left behind [contract: DataLoader]"


def test_a_thread_that_is_at_an_item_is_waited_for():
    over = threading.Event()
    dataset = Watched(9, lambda index: index and over.wait(10))
    for _ in data.DataLoader(dataset, num_workers=1):
        threading.Timer(0.05, over.set).start()
        break
    assert not any(thread.is_alive() for thread in dataset.threads), (
        "leaving the loop waits for the threads [contract: workers]"
    )


def test_an_error_in_a_worker_comes_out_at_its_batch():
    def gate(index):
        if index == 3:
            raise RuntimeError("no such luck")

    batches = iter(data.DataLoader(Watched(9, gate), num_workers=2))
    assert [next(batches).tolist() for _ in range(3)] == [[0], [1], [2]]
    with pytest.raises(RuntimeError, match="no such luck"):
        next(batches)


def test_a_batch_that_does_not_come_is_timed_out():
    over = threading.Event()
    loader = data.DataLoader(Watched(9, lambda index: over.wait(10)), num_workers=1, timeout=0.01)
    threading.Timer(0.1, over.set).start()
    with pytest.raises(data.WorkerError) as caught:
        list(loader)
    assert isinstance(caught.value, TinyTorchError)


def test_a_position_counts_batches_given_not_batches_made():
    loader = data.DataLoader(data.TensorDataset(np.arange(9)), num_workers=2, prefetch=2)
    batches = iter(loader)
    next(batches)
    assert loader.state_dict()["given"] == 1, "batches made ahead are not given [contract: state]"
    batches.close()
