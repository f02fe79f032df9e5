"""Workers: the same batches as without, errors at their place, and nothing left behind."""

import contextlib
import multiprocessing
import os
import select
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from tinytorch.data import DataLoader, Digits, Subset, TensorDataset, WorkerError
from tinytorch.data.batches import processes, threads
from tinytorch.data.transforms import Compose, Normalize, RandomCrop, RandomHorizontalFlip
from tinytorch.tensor.errors import ArgumentError

HERE = Path(__file__).parent
AUGMENT = Compose([RandomCrop(8, padding=2), RandomHorizontalFlip(), Normalize.of(Digits)])
SETTINGS = {"shuffle": True, "transform": AUGMENT, "rng": 3}


@pytest.fixture(scope="module")
def digits():
    return Subset(Digits(), range(50))


@pytest.fixture
def parts(monkeypatch):
    """The module of data sets that worker processes can import."""
    monkeypatch.syspath_prepend(str(HERE))
    import data_worker_parts

    yield data_worker_parts
    sys.modules.pop("data_worker_parts")


def numbers(count=10):
    return TensorDataset(np.arange(count))


def content(loader, epochs=1):
    """All bytes of some epochs."""
    return [
        tuple(part.numpy().tobytes() for part in batch) for _ in range(epochs) for batch in loader
    ]


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("prefetch", [1, 3])
def test_threads_give_the_same_batches(digits, count, prefetch):
    loader = DataLoader(digits, 7, **SETTINGS, num_workers=count, prefetch=prefetch)
    assert content(loader, 3) == content(DataLoader(digits, 7, **SETTINGS), 3)


def test_processes_give_the_same_batches(digits):
    loader = DataLoader(digits, 20, **SETTINGS, num_workers=2, worker="process")
    assert content(loader) == content(DataLoader(digits, 20, **SETTINGS))
    assert multiprocessing.active_children() == []


def test_an_error_in_a_process_comes_out_at_its_batch_with_its_trace(parts):
    dataset = parts.Numbers(6, broken=[3])
    batches = iter(DataLoader(dataset, 2, num_workers=1, worker="process"))
    assert next(batches)[1].tolist() == [0, 1]
    with pytest.raises(ValueError, match="item 3") as caught:
        next(batches)
    first, second, trace = caught.value.__notes__
    assert first == "while reading index 3 of Numbers"
    assert second == "while making batch 1 of epoch 0, indices [2, 3]"
    assert trace.startswith("in a worker process: Traceback")
    assert multiprocessing.active_children() == []


def test_leaving_early_ends_the_processes(parts):
    dataset = parts.Numbers(50)
    loader = DataLoader(dataset, 2, num_workers=1, worker="process", transform=parts.doubled)
    for inputs, _ in loader:
        assert inputs.tolist() == [0, 2]
        break
    assert multiprocessing.active_children() == []


def test_a_process_that_dies_is_explained(parts):
    with pytest.raises(WorkerError, match="__main__") as caught:
        list(DataLoader(parts.Deadly(4), num_workers=1, worker="process"))
    assert caught.value.operation == "DataLoader"
    assert caught.value.got == "one ended with exit code 3 before batch 0 came"
    assert multiprocessing.active_children() == []


def test_what_cannot_be_sent_to_a_process_is_explained():
    loader = DataLoader(numbers(), num_workers=1, worker="process", transform=lambda batch: batch)
    with pytest.raises(ArgumentError, match="no lambda"):
        list(loader)


class Counting:
    """Tells in which threads it was read, and how far."""

    def __init__(self, count):
        self.count, self.threads, self.read = count, set(), []

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        self.threads.add(threading.current_thread().name)
        self.read.append(index)
        return index


@pytest.mark.parametrize("how", ["break", "exception", "close", "finish"])
def test_no_thread_is_left(how):
    before = threading.active_count()
    dataset = Counting(100)
    loader = DataLoader(dataset, batch_size=2, num_workers=3, prefetch=2)
    if how == "break":
        for batch in loader:
            assert batch.tolist() == [0, 1]
            break
    elif how == "exception":
        with contextlib.suppress(KeyError):
            for batch in loader:
                raise KeyError(batch)
    elif how == "close":
        batches = iter(loader)
        next(batches)
        batches.close()
    else:
        assert len(list(loader)) == 50
    assert threading.active_count() == before
    assert all(name.startswith("tinytorch-data") for name in dataset.threads)
    assert len(dataset.read) == 100 if how == "finish" else len(dataset.read) <= 14


@pytest.mark.parametrize(("count", "prefetch", "last"), [(1, 4, 4), (2, 3, 6), (1, 1, 1)])
def test_threads_work_while_nobody_asks(count, prefetch, last):
    class Watched(Counting):
        def __getitem__(self, index):
            if index == last:
                reached.set()
            return super().__getitem__(index)

    reached = threading.Event()
    batches = iter(DataLoader(Watched(100), num_workers=count, prefetch=prefetch))
    next(batches)
    assert reached.wait(10)
    batches.close()


def test_batches_nobody_will_ask_for_are_not_made(monkeypatch):
    class Slow(Counting):
        def __getitem__(self, index):
            if index == 1:
                begun.set()
                waited_for.wait(10)
            return super().__getitem__(index)

    def join(thread, timeout=None, original=threading.Thread.join):
        waited_for.set()
        original(thread, timeout)

    begun, waited_for = threading.Event(), threading.Event()
    monkeypatch.setattr(threading.Thread, "join", join)
    dataset = Slow(100)
    for _ in DataLoader(dataset, num_workers=1, prefetch=5):
        assert begun.wait(10)
        break
    assert dataset.read == [0, 1]


def test_threads_read_ahead_as_far_as_prefetch_says():
    dataset = Counting(100)
    batches = iter(DataLoader(dataset, batch_size=1, num_workers=2, prefetch=3))
    assert dataset.read == []
    next(batches)
    batches.close()
    assert max(dataset.read) <= 6


def test_without_workers_a_batch_is_made_when_it_is_asked_for():
    dataset = Counting(100)
    next(iter(DataLoader(dataset, batch_size=1)))
    assert dataset.read == [0]
    assert dataset.threads == {threading.current_thread().name}


@pytest.fixture
def impatient(monkeypatch, parts):
    """A worker that hangs is left at once."""
    monkeypatch.setattr(threads, "PATIENCE", 0.01)
    yield
    parts.released.set()


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("kind", ["thread", "process"])
class TestHanging:
    """One item never comes."""

    def test_is_timed_out_and_told(self, parts, kind):
        dataset = parts.Hanging(40, broken=[5])
        loader = DataLoader(dataset, 2, sampler=[5, 5], num_workers=1, worker=kind, timeout=0.01)
        with pytest.raises(WorkerError, match="allow more time") as caught:
            list(loader)
        assert caught.value.operation == "DataLoader"
        assert caught.value.expected == "batch 0 within timeout=0.01 s"
        assert caught.value.got == "nothing yet from the items [5, 5]"
        assert caught.value.number == 0
        assert multiprocessing.active_children() == []

    def test_hides_no_error_of_the_loop(self, parts, kind):
        def loop():
            dataset = parts.Hanging(40, broken=[2])
            for _ in DataLoader(dataset, 2, num_workers=1, worker=kind):
                raise KeyError("of the loop")

        with pytest.raises(KeyError, match="of the loop"):
            loop()
        assert multiprocessing.active_children() == []


def test_a_timeout_changes_nothing_where_batches_come(digits):
    loader = DataLoader(digits, 7, **SETTINGS, num_workers=2, timeout=60)
    assert content(loader) == content(DataLoader(digits, 7, **SETTINGS))


def test_an_item_that_times_out_by_itself_keeps_its_error(parts):
    dataset = parts.Numbers(3, broken=[1], kind=TimeoutError)
    with pytest.raises(TimeoutError, match="item 1"):
        list(DataLoader(dataset, num_workers=1, timeout=60))


@pytest.fixture
def served(monkeypatch):
    """What a worker process answers, served in this one: pairs of a batch and an error."""
    monkeypatch.setattr(signal, "signal", lambda *settings: None)
    ours, theirs = multiprocessing.Pipe()

    def answers(make, *jobs):
        ours.send_bytes(processes.ForkingPickler.dumps(make))
        for job in jobs:
            ours.send(job)
        ours.send_bytes(b"")
        processes._serve(theirs)
        return [ours.recv() for _ in jobs]

    with ours, theirs:
        yield answers


def test_a_process_answers_until_it_is_told_to_end(served):
    assert served(divmod, (7, 2), (9, 4)) == [((3, 1), None), ((2, 1), None)]


def test_a_process_answers_with_errors_too(served):
    (nothing, error), answer = served(divmod, (1, 0), (7, 2))
    assert nothing is None
    assert type(error) is ZeroDivisionError
    assert answer == ((3, 1), None)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("KeyError", KeyError), ("UnsendableError", RuntimeError), ("ForgetfulError", RuntimeError)],
)
def test_an_error_of_any_class_arrives_with_its_trace(parts, served, kind, expected):
    kind = getattr(parts, kind, KeyError)
    dataset = parts.Numbers(3, [1], kind)
    answer, (_, error) = served(parts.Numbers.__getitem__, (dataset, 2), (dataset, 1))
    assert answer == ((2.0, 2), None)
    assert type(error) is expected
    assert "item 1" in str(error)
    (note,) = error.__notes__
    assert note.startswith("in a worker process: Traceback")
    assert kind.__name__ in note


def test_what_cannot_be_sent_back_is_an_error(parts, served):
    ((_, error),) = served(parts.Local.__getitem__, (parts.Local(3), 1))
    assert "lambda" in str(error)


def test_what_cannot_be_made_again_in_a_process_is_explained(parts, served):
    for _, error in served(parts.Homeless(3), (0, 0), (1, 0)):
        assert isinstance(error, ArgumentError)
        assert error.operation == "DataLoader"
        assert error.got == "LookupError: no home here"


class Ended(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("death", ["its end of the pipe is closed", "a sibling holds the pipe"])
def test_a_process_without_a_parent_ends(monkeypatch, death):
    def end(code):
        raise Ended

    monkeypatch.setattr(os, "_exit", end)
    ours, theirs = multiprocessing.Pipe()
    if death.startswith("its end"):
        ours.close()
    else:
        monkeypatch.setattr(os, "getppid", iter([1, 1, 2]).__next__)
        monkeypatch.setattr(type(theirs), "poll", lambda connection, seconds: False)
    with theirs, pytest.raises(Ended):
        processes._receive(theirs, processes.queue.SimpleQueue())
    ours.close()


SCRIPT = """
import os, signal, sys
sys.path.insert(0, {here!r})
from data_worker_parts import Hanging, Numbers
from tinytorch.data import DataLoader, Digits, WorkerError
from tinytorch.data.batches import processes
"""


def run(tmp_path, text, *, guard=True, stdin=False):
    """The last line of what a script says, run as a file or from standard input."""
    indented = "".join(f"    {line}\n" for line in text.strip().splitlines())
    text = SCRIPT.format(here=str(HERE)) + ('if __name__ == "__main__":\n' if guard else "if 1:\n")
    file = tmp_path / "script.py"
    file.write_text(text + indented)
    with file.open() as stream:
        done = subprocess.run(
            [sys.executable, "-" if stdin else str(file)],
            stdin=stream if stdin else subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=100,
            start_new_session=True,
            check=False,
        )
    return done.returncode, (done.stdout + done.stderr).strip().splitlines()


@pytest.mark.parametrize("stdin", [False, True])
def test_a_script_without_a_main_guard_ends_with_an_explanation(tmp_path, stdin):
    loop = "for _ in DataLoader(Digits(), 64, num_workers=1, worker='process'): pass"
    code, lines = run(tmp_path, loop, guard=False, stdin=stdin)
    assert code == 1
    assert "__main__" in lines[-1]
    assert any("WorkerError: DataLoader: a worker failed" in line for line in lines)


def test_ctrl_c_leaves_the_workers_alone_and_to_the_parent(tmp_path):
    text = """
signal.signal(signal.SIGINT, lambda *_: print("pressed"))
install = processes._Process.install
def interrupted(process, packed):  # Ctrl-C while the process starts
    os.killpg(0, signal.SIGINT)
    install(process, packed)
processes._Process.install = interrupted
for _, numbers in DataLoader(Numbers(6), 2, num_workers=1, worker="process", prefetch=1):
    os.killpg(0, signal.SIGINT)
    print(numbers.tolist())
"""
    code, lines = run(tmp_path, text)
    assert code == 0
    assert lines == ["pressed", *("pressed", "[0, 1]", "pressed", "[2, 3]", "pressed", "[4, 5]")]


@pytest.mark.parametrize("kind", ["thread", "process"])
def test_a_program_ends_though_an_iteration_is_open_and_a_worker_hangs(tmp_path, kind):
    text = f"""
batches = iter(DataLoader(Hanging(6, broken=[2]), num_workers=1, worker={kind!r}))
print(next(batches)[1].tolist())
"""
    assert run(tmp_path, text) == (0, ["[0]"])


@pytest.mark.parametrize("deadly", [signal.SIGKILL, signal.SIGTERM])
def test_workers_do_not_outlive_their_parent(tmp_path, deadly):
    text = """
class Open(Numbers):
    def __getitem__(self, index):
        self.kept = open(sys.argv[1], "w")
        self.kept.write(".")
        self.kept.flush()
        Hanging(9, broken=[0])[index]
list(DataLoader(Open(9), num_workers=1, worker="process"))
"""
    fifo, file = tmp_path / "fifo", tmp_path / "script.py"
    os.mkfifo(fifo)
    head, _, rest = text.partition("list(")
    file.write_text(
        SCRIPT.format(here=str(HERE)) + head + f'if __name__ == "__main__":\n    list({rest}'
    )
    parent = subprocess.Popen([sys.executable, str(file), str(fifo)])
    with parent, fifo.open() as end:  # open, once a worker has opened the other end
        assert end.read(1) == "."
        parent.send_signal(deadly)
        assert select.select([end], [], [], 60)[0]
        assert end.read() == ""  # closed, since the worker is gone
