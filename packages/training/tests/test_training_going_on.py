"""A run that goes on is the run that was saved, or says what differs: never another one, unsaid."""

import contextlib
import functools
import json
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest

from tinytorch.autograd import nn
from tinytorch.data import DataLoader, RandomSampler, TensorDataset
from tinytorch.optim import SGD, Adam, ReduceOnPlateau
from tinytorch.optim.schedules import cosine
from tinytorch.tensor import kernels
from tinytorch.tensor.errors import StateError
from tinytorch.tensor.functional import cross_entropy
from tinytorch.training import (
    Accuracy,
    Callback,
    Checkpoint,
    CSVLog,
    EarlyStopping,
    TopK,
    Trainer,
    checkpoints,
    load_checkpoint,
    save_checkpoint,
)
from tinytorch.training.parts.made_of import differences, made_of
from tinytorch.training.session.state import PARTS

DATA = Path(__file__).parent / "data"


def loader(x, y, batch_size=12, **settings):
    if "sampler" not in settings:
        settings.setdefault("shuffle", True)
    return DataLoader(TensorDataset(x, y), batch_size=batch_size, **settings)


def moved(x):
    return x


def bent(rng):
    """The model of the others, but for its bend."""
    layers = (nn.Linear(4, 8, rng=rng), nn.Tanh(), nn.Dropout(0.1, rng=rng))
    return nn.Sequential(*layers, nn.Linear(8, 3, rng=rng))


def scaled(factor):
    return lambda outputs, targets: cross_entropy(outputs, targets) * factor


class Penalty:
    def __init__(self, weight):
        self.weight = weight

    def __call__(self, outputs, targets):
        return cross_entropy(outputs, targets) + self.weight * (outputs * outputs).mean()


@pytest.fixture
def data(make_trainer):
    return make_trainer().train_loader.dataset.arrays


OTHERS = {
    "model": ("model", lambda x, y: bent, "model.1: ReLU, here Tanh"),
    "lr": (
        "optimizer",
        lambda x, y: SGD(lr=0.001, momentum=0.9),
        "optimizer.lr: 0.1, here 0.001",
    ),
    "momentum": ("optimizer", lambda x, y: SGD(lr=0.1), "optimizer.momentum: 0.9, here 0.0"),
    "loss": ("loss", lambda x, y: scaled(2.0), "loss: cross_entropy, here scaled"),
    "smoothing": (
        "loss",
        lambda x, y: functools.partial(cross_entropy, label_smoothing=0.1),
        "loss: cross_entropy, here partial",
    ),
    "schedule": ("schedule", lambda x, y: cosine(0.1, 50), "schedule: None, here cosine"),
    "clip_norm": ("clip_norm", lambda x, y: 1.0, "clip_norm: None, here 1.0"),
    "batch size": (
        "train_loader",
        lambda x, y: loader(x, y, batch_size=13),
        "batch_size: 12, here 13",
    ),
    "fewer items": (
        "train_loader",
        lambda x, y: loader(x[:90], y[:90]),
        r"float32 \(96, 4\) .*\(90, 4\)",
    ),
    "other items": (
        "train_loader",
        lambda x, y: loader(-x, y),
        r"\.0: float32 \(96, 4\)",
    ),
    "other labels": ("train_loader", lambda x, y: loader(x, y[::-1]), r"\.1: int64"),
    "order": (
        "train_loader",
        lambda x, y: loader(x, y, shuffle=False),
        "RandomSampler, here SequentialSampler",
    ),
    "sampler": (
        "train_loader",
        lambda x, y: loader(x, y, sampler=RandomSampler(96, replacement=True)),
        "sampler.replacement: False, here True",
    ),
    "transform": (
        "train_loader",
        lambda x, y: loader(x, y, transform=moved),
        "transform: None, here moved",
    ),
    "val_loader": ("val_loader", lambda x, y: None, "val_loader: DataLoader, here None"),
    "val items": ("val_loader", lambda x, y: loader(x[:24], y[:24]), r"val_loader.*\n"),
}


@pytest.mark.parametrize("what", OTHERS)
def test_what_changes_the_bits_is_named(tmp_path, make_trainer, data, what):
    setting, make, text = OTHERS[what]
    make_trainer(callbacks=[Checkpoint(tmp_path)]).fit(1)
    with pytest.warns(UserWarning, match=text) as caught:
        make_trainer(callbacks=[Checkpoint(tmp_path)], **{setting: make(*data)}).fit(2)
    assert len(caught) == 1
    assert "another folder" in str(caught[0].message)


def test_the_settings_that_count_are_the_saved_ones(tmp_path, make_trainer):
    make_trainer(callbacks=[Checkpoint(tmp_path)]).fit(1)
    again = make_trainer(optimizer=SGD(lr=0.5, momentum=0.9), callbacks=[Checkpoint(tmp_path)])
    with pytest.warns(UserWarning, match="the saved one counts"):
        again.fit(1)
    assert again.optimizer.lr == 0.1


def test_kernels_and_threads_are_named(tmp_path, make_trainer, monkeypatch):
    make_trainer(callbacks=[Checkpoint(tmp_path)]).fit(1)
    monkeypatch.setattr(kernels, "active", lambda: "others")
    monkeypatch.setenv("OMP_NUM_THREADS", "1234")
    with pytest.warns(UserWarning, match=r"kernels: .*, here others\n.*OMP_NUM_THREADS=1234"):
        make_trainer(callbacks=[Checkpoint(tmp_path)]).fit(1)


def test_what_changes_no_bit_is_not_mentioned(tmp_path, make_trainer, data):
    make_trainer(callbacks=[Checkpoint(tmp_path)]).fit(1)
    again = make_trainer(
        train_loader=loader(*data, num_workers=1, prefetch=3),
        callbacks=[CSVLog(tmp_path / "log.csv"), Checkpoint(tmp_path, every=3, keep=1)],
    )
    whole = make_trainer()
    assert again.fit(3) == whole.fit(3)


def test_schedules_that_remember_and_losses_with_settings_go_on_unmentioned(tmp_path, data):
    x, y = data

    def trainer():
        optimizer = SGD(lr=0.1)
        return Trainer(
            bent,
            optimizer,
            [(x[:48], y[:48]), (x[48:], y[48:])],
            loss=Penalty(0.01),
            schedule=ReduceOnPlateau(optimizer, patience=0, threshold=0.5),
            callbacks=[Checkpoint(tmp_path)],
            seed=0,
            progress=False,
        )

    trainer().fit(3)
    trainer().fit(4)
    changed = trainer()
    changed.loss = Penalty(0.5)
    with pytest.warns(UserWarning, match=r"loss.weight: 0.01, here 0.5"):
        changed.fit(5)


REFUSED = {
    "seed": ("seed", lambda x, y: 1, "a run with seed=1"),
    "accumulate": ("accumulate", lambda x, y: 2, "a run with accumulate=2"),
    "optimizer": ("optimizer", lambda x, y: Adam(lr=0.1), "SGD"),
    "metrics": ("metrics", lambda x, y: (Accuracy(), TopK(2)), "one with the metrics accuracy"),
    "other metrics": ("metrics", lambda x, y: (TopK(2),), "one with the metrics accuracy"),
    "dropout left out": (
        "model",
        lambda x, y: lambda rng: nn.Sequential(nn.Linear(4, 8, rng=rng), nn.ReLU()),
        "random generators|shape|keys",
    ),
    "a list for a loader": (
        "train_loader",
        lambda x, y: [(x, y)],
        "the place in the data of a list",
    ),
    "batches": ("train_loader", lambda x, y: loader(x, y, batch_size=24), "8 batches"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_go_on_is_refused_in_four_parts(tmp_path, make_trainer, data, what):
    setting, make, text = REFUSED[what]
    make_trainer(callbacks=[Checkpoint(tmp_path)]).fit(1)
    with pytest.raises(StateError, match=text) as error:
        make_trainer(callbacks=[Checkpoint(tmp_path)], **{setting: make(*data)}).fit(2)
    assert error.value.fix


def test_dropout_that_was_added_is_refused(tmp_path, data):
    def trainer(*more):
        model = nn.Sequential(nn.Linear(4, 3, rng=0), *more)
        return Trainer(
            model,
            SGD(lr=0.1),
            loader(*data),
            callbacks=[Checkpoint(tmp_path)],
            seed=0,
            progress=False,
        )

    trainer().fit(1)
    with pytest.raises(StateError, match=r"random generators: 1\.rng"):
        trainer(nn.Dropout(0.5, rng=0)).fit(2)


def test_validation_may_be_added(tmp_path, make_trainer, weights):
    whole = make_trainer()
    whole.fit(2)
    make_trainer(val_loader=None, callbacks=[Checkpoint(tmp_path, every=3)]).fit(1)
    again = make_trainer(callbacks=[Checkpoint(tmp_path)])
    with pytest.warns(UserWarning, match="what it draws at random begins anew"):
        history = again.fit(2)
    assert weights(again) == weights(whole)
    assert np.isnan(history["val_loss"][0])


def test_a_checkpoint_of_ones_own_is_no_run(tmp_path, make_trainer):
    save_checkpoint(tmp_path / "step-000000001-epoch-00001-batch-0000000", {}, note=1)
    with pytest.raises(StateError, match="one without optimizer"):
        make_trainer(callbacks=[Checkpoint(tmp_path)]).fit(2)


@pytest.mark.parametrize("part", sorted(set(PARTS) - {"seed", "accumulate", "made_of", "history"}))
@pytest.mark.parametrize("nonsense", [None, 3, [], {}, "x"])
def test_a_state_that_is_none_raises_nothing_but_state_error(make_trainer, part, nonsense):
    trainer = make_trainer(callbacks=[EarlyStopping()])
    trainer.fit(1)
    state = {**trainer.state_dict(), part: nonsense}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with contextlib.suppress(StateError):
            make_trainer(callbacks=[EarlyStopping()]).load_state_dict(state)


@pytest.mark.parametrize("place", [{"epoch": -1}, {"batch": "3"}, {"step": 1.5}, {"seconds": "x"}])
def test_a_place_in_the_run_that_is_none_is_refused(make_trainer, place):
    state = make_trainer().state_dict()
    with pytest.raises(StateError):
        make_trainer().load_state_dict({**state, "position": {**state["position"], **place}})


def test_a_newer_state_says_so(make_trainer):
    trainer = make_trainer()
    with pytest.raises(StateError, match="version 9: a newer TinyTorch saved it"):
        trainer.load_state_dict({**trainer.state_dict(), "version": 9})


def test_the_parts_are_those_that_are_written(make_trainer):
    assert make_trainer().state_dict().keys() == {"version", *PARTS}


def test_a_state_of_version_1_goes_on(tmp_path, make_trainer, weights):
    shutil.copytree(DATA / "checkpoint-1", tmp_path / "run")
    (path,) = checkpoints(tmp_path / "run")
    state = load_checkpoint(path)
    assert "version" not in state
    callbacks = [Checkpoint(tmp_path / "run"), EarlyStopping(patience=9)]
    again = make_trainer(callbacks=callbacks)
    whole = make_trainer()
    history, expected = again.fit(3), whole.fit(3)
    np.testing.assert_allclose(history["loss"], expected["loss"], rtol=1e-5)
    assert load_checkpoint(checkpoints(tmp_path / "run")[-1])["version"] == 2


class Counting(Callback):
    def __init__(self):
        self.steps = 0

    def on_step_end(self, run):
        self.steps += 1

    def state_dict(self):
        return {"steps": self.steps}

    def load_state_dict(self, state):
        self.steps = state["steps"]


def test_a_callback_s_state_that_finds_no_owner_is_named(tmp_path, make_trainer):
    first = [Checkpoint(tmp_path), Counting(), Counting(), CSVLog(tmp_path / "log.csv")]
    make_trainer(callbacks=first).fit(1)
    again = Counting()
    with pytest.warns(UserWarning, match="callbacks: Counting, here nothing") as caught:
        make_trainer(callbacks=[Checkpoint(tmp_path), again]).fit(1)
    assert again.steps == 8
    assert "CSVLog" not in str(caught[0].message)


def test_a_checkpoint_that_served_another_trainer_says_whose_run_goes_on(tmp_path, make_trainer):
    shared = Checkpoint(tmp_path)
    first = make_trainer(seed=None, callbacks=[shared])
    first.fit(1)
    first.fit(2)
    with pytest.warns(UserWarning, match="the run of another Trainer"):
        make_trainer(seed=None, callbacks=[shared]).fit(2)


def describe(value):
    return made_of({"part": value})


class Endless:
    def __init__(self):
        self.itself = self
        self.everything = [self] * 3

    def __len__(self):
        raise RuntimeError("unknown")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1.0, 2.0),
        ("a" * 100 + "b", "a" * 100 + "c"),
        (np.arange(3), np.arange(3.0)),
        (np.arange(10**5), np.arange(10**5) + 1),
        ([1, 2], [1, 2, 3]),
        ({"a": 1}, {"a": 2}),
        (lambda x: x, lambda x: x + 1),
        (lambda x, y=1: x, lambda x, y=2: x),
        (scaled(1.0), scaled(2.0)),
        (functools.partial(max, key=abs), functools.partial(max, key=len)),
        (Penalty(1.0).__call__, Penalty(2.0).__call__),
        (np.tanh, np.exp),
        (Penalty, Endless),
    ],
)
def test_what_is_another_is_described_in_other_words(one, other):
    assert describe(one) == describe(one)
    assert describe(one) != describe(other)
    assert differences(describe(one), describe(other))[0].startswith("part")


def test_code_that_reads_other_numbers_is_other_code():
    def make(alpha):
        scope = {"alpha": alpha}
        exec("def loss(outputs, targets): return alpha * outputs", scope)
        return scope["loss"]

    assert describe(make(1.0)) == describe(make(1.0))
    assert describe(make(1.0)) != describe(make(2.0))


def test_weights_and_random_numbers_are_no_part_of_what_a_run_is_made_of():
    assert describe(bent(np.random.default_rng(0))) == describe(bent(np.random.default_rng(1)))


def test_what_holds_itself_or_objects_that_nobody_can_look_into_are_no_obstacle():
    words = describe([Endless(), object(), np.array([object()]), Path("x"), {1, 2}])
    assert words["part.0"].startswith("Endless")
    assert "part.3" not in words
    json.dumps(words)


def test_a_long_list_of_differences_is_cut():
    before = {f"part{i}": "1" for i in range(40)}
    lines = differences(before, dict.fromkeys(before, "2"))
    assert len(lines) == 13
    assert lines[-1] == "and 28 more"
