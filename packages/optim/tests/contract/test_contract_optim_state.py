"""State: what is saved, that loading it goes on exactly, and what is refused."""

import json

import numpy as np
import pytest

from tinytorch.autograd import Variable
from tinytorch.tensor import StateError

pytestmark = pytest.mark.step(8)
ROW = "`.state_dict()`, `.load_state_dict(d)`"

CASES = [
    ("SGD", {}, set()),
    ("SGD", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}, {"momentum_buffer"}),
    ("Adam", {"lr": 0.1}, {"exp_avg", "exp_avg_sq"}),
    ("Adam", {"amsgrad": True}, {"exp_avg", "exp_avg_sq", "max_exp_avg_sq"}),
    ("AdamW", {"betas": (0.5, 0.8)}, {"exp_avg", "exp_avg_sq"}),
    (
        "RMSprop",
        {"centered": True, "momentum": 0.9},
        {"square_avg", "grad_avg", "momentum_buffer"},
    ),
    ("Adagrad", {"lr_decay": 0.1}, {"sum"}),
]


def through_json(saved):
    """The state as it comes back from a file: numbers and texts by JSON, arrays by themselves."""
    arrays = [{k: v for k, v in s.items() if isinstance(v, np.ndarray)} for s in saved["state"]]
    rest = [{k: v for k, v in s.items() if not isinstance(v, np.ndarray)} for s in saved["state"]]
    plain = json.loads(json.dumps({**saved, "state": rest}))
    plain["state"] = [{**s, **a} for s, a in zip(plain["state"], arrays, strict=True)]
    return plain


@pytest.mark.parametrize(("name", "settings", "arrays"), CASES)
def test_a_state_goes_on_exactly_through_a_file(optim, walk, name, settings, arrays):
    whole, half = walk(name, **settings), walk(name, **settings)
    whole.steps(range(20))
    half.steps(range(10))
    again = Variable(half.at)
    resumed = getattr(optim, name)([again])
    resumed.load_state_dict(through_json(half.optimizer.state_dict()))
    half.w, half.optimizer = again, resumed
    half.steps(range(10, 20))
    assert half.at.tolist() == whole.at.tolist(), f"settings, arrays or step lost [{ROW}]"


@pytest.mark.parametrize(("name", "settings", "arrays"), CASES)
def test_a_state_has_the_names_of_the_contract(walk, name, settings, arrays):
    walk = walk(name, **settings)
    walk.steps(range(3))
    saved = walk.optimizer.state_dict()
    (state,) = saved["state"]
    assert saved["optimizer"] == name
    assert set(state) == {"step", *arrays}
    assert state["step"] == 3
    assert saved["param_groups"][0]["params"] == [0]


def test_before_the_first_step_a_state_is_empty(optim):
    assert optim.Adam([Variable(1.0), Variable(1.0)]).state_dict()["state"] == [{}, {}]


def test_positions_run_through_all_groups(optim):
    groups = [{"params": [Variable(1.0) for _ in range(count)]} for count in (2, 1)]
    saved = optim.SGD(groups).state_dict()
    assert [group["params"] for group in saved["param_groups"]] == [[0, 1], [2]]


def test_a_saved_state_is_a_copy(walk):
    walk = walk("SGD", momentum=0.9)
    walk.steps(range(3))
    saved = walk.optimizer.state_dict()["state"][0]["momentum_buffer"]
    before = saved.copy()
    walk.steps(range(3))
    assert saved.tolist() == before.tolist(), f"the array is shared with the optimizer [{ROW}]"


def test_a_loaded_state_is_a_copy(walk):
    first, second = walk("SGD", momentum=0.9), walk("SGD", momentum=0.9)
    first.steps(range(3))
    saved = first.optimizer.state_dict()
    before = saved["state"][0]["momentum_buffer"].copy()
    second.optimizer.load_state_dict(saved)
    second.steps(range(3))
    assert saved["state"][0]["momentum_buffer"].tolist() == before.tolist()


def test_the_state_of_half_precision_goes_on_exactly(optim):
    whole, half = (Variable([1.0, 2.0], "float16") for _ in range(2))
    one, two = optim.Adam([whole]), optim.Adam([half])
    for optimizer, w, steps in ((one, whole, 6), (two, half, 3)):
        for _ in range(steps):
            optimizer.step({w: np.array([1e-3, 1.0], np.float16)})
    again = Variable(half.data)
    resumed = optim.Adam([again])
    resumed.load_state_dict(two.state_dict())
    for _ in range(3):
        resumed.step({again: np.array([1e-3, 1.0], np.float16)})
    assert again.tolist() == whole.tolist(), (
        "the float32 copy of the weights is a part of the state"
    )


def changed(saved, change):
    change(saved)
    return saved


@pytest.mark.parametrize(
    "change",
    [
        lambda saved: saved.update(optimizer="Adam"),
        lambda saved: saved.pop("state"),
        lambda saved: saved.pop("param_groups"),
        lambda saved: saved.update(state=[]),
        lambda saved: saved.update(state=saved["state"] * 2),
        lambda saved: saved["param_groups"].append(saved["param_groups"][0]),
        lambda saved: saved["param_groups"][0].update(params=[0, 1]),
        lambda saved: saved["param_groups"][0].update(betas=[0.9, 0.999]),
        lambda saved: saved["param_groups"][0].pop("lr"),
        lambda saved: saved["param_groups"][0].update(lr=-1.0),
        lambda saved: saved["state"][0].pop("momentum_buffer"),
        lambda saved: saved["state"][0].pop("step"),
        lambda saved: saved["state"][0].update(velocity=np.zeros(3)),
        lambda saved: saved["state"][0].update(momentum_buffer=np.zeros(2)),
        lambda saved: saved["state"][0].update(momentum_buffer=np.array(["a", "b", "c"])),
        lambda saved: saved["state"][0].update(step=-1),
        lambda saved: saved.clear(),
    ],
    ids=[
        *("another optimizer", "no state", "no groups", "too short", "too long", "a group more"),
        *("a parameter more", "a setting more", "a setting less", "a bad setting"),
        *("an array less", "no step", "an array more", "another shape", "no numbers", "bad step"),
        "nothing at all",
    ],
)
def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(walk, change):
    first, second = walk("SGD", momentum=0.9), walk("SGD", momentum=0.5)
    first.steps(range(2))
    second.steps(range(1))
    with pytest.raises(StateError):
        second.optimizer.load_state_dict(changed(first.optimizer.state_dict(), change))
    assert second.optimizer.param_groups[0]["momentum"] == 0.5
    assert second.optimizer.state_dict()["state"][0]["step"] == 1


def test_a_state_of_another_optimizer_is_refused_by_both_names(walk):
    first, second = walk("SGD"), walk("RMSprop")
    with pytest.raises(StateError) as caught:
        second.optimizer.load_state_dict(first.optimizer.state_dict())
    assert "SGD" in str(caught.value)
    assert "RMSprop" in str(caught.value)
