"""State: what is saved, that loading it goes on exactly, and each mismatch in words."""

import numpy as np
import pytest

from tinytorch.autograd import Variable
from tinytorch.optim import SGD, Adadelta, Adagrad, Adam, AdamW, RMSprop
from tinytorch.tensor import StateError, from_numpy, tensor

FULL = [
    (SGD, {"momentum": 0.9, "nesterov": True}, {"momentum_buffer"}),
    (SGD, {}, set()),
    (Adam, {"amsgrad": True}, {"exp_avg", "exp_avg_sq", "max_exp_avg_sq"}),
    (AdamW, {}, {"exp_avg", "exp_avg_sq"}),
    (RMSprop, {"centered": True, "momentum": 0.9}, {"square_avg", "grad_avg", "momentum_buffer"}),
    (Adadelta, {}, {"square_avg", "acc_delta"}),
    (Adagrad, {"initial_accumulator_value": 0.5}, {"sum"}),
]


def made(kind, settings, steps=3):
    w, b = Variable(np.ones((2, 3))), Variable([1.0, 2.0])
    optimizer = kind([{"params": [("w", w)]}, {"params": [("b", b)], "lr": 0.5}], **settings)
    for step in range(steps):
        optimizer.step({w: tensor(np.sin(step + np.ones((2, 3)))), b: tensor([1.0, 3.0])})
    return optimizer


@pytest.mark.parametrize(("kind", "settings", "names"), FULL)
def test_the_parts_of_a_state(kind, settings, names):
    saved = made(kind, settings).state_dict()
    assert list(saved) == ["optimizer", "state", "param_groups"]
    assert saved["optimizer"] == kind.__name__
    assert [set(state) for state in saved["state"]] == [{"step"} | names] * 2
    assert [state["step"] for state in saved["state"]] == [3, 3]
    assert [group["params"] for group in saved["param_groups"]] == [[0], [1]]
    assert [group["lr"] for group in saved["param_groups"]] == [kind().lr, 0.5]


def test_positions_of_parameters_run_through_all_groups():
    groups = [{"params": [Variable(1.0) for _ in range(n)]} for n in (2, 1, 3)]
    saved = SGD(groups).state_dict()
    assert [g["params"] for g in saved["param_groups"]] == [[0, 1], [2], [3, 4, 5]]
    assert saved["state"] == [{}] * 6


def test_pairs_are_saved_as_lists():
    assert Adam([Variable(1.0)]).state_dict()["param_groups"][0]["betas"] == [0.9, 0.999]


@pytest.mark.parametrize(("kind", "settings", "names"), FULL)
def test_a_saved_state_is_a_copy(kind, settings, names):
    optimizer = made(kind, settings)
    saved, again = optimizer.state_dict(), optimizer.state_dict()
    (_, w), (_, b) = optimizer.named_parameters()
    optimizer.step({w: tensor(np.ones((2, 3))), b: tensor([1.0, 1.0])})
    for before, after in zip(saved["state"], again["state"], strict=True):
        for name in names:
            np.testing.assert_array_equal(before[name], after[name])
    loaded = made(kind, settings, steps=0)
    loaded.load_state_dict(saved)
    (_, w), (_, b) = loaded.named_parameters()
    loaded.step({w: tensor(np.ones((2, 3))), b: tensor([1.0, 1.0])})
    for before, after in zip(saved["state"], again["state"], strict=True):
        for name in names:
            np.testing.assert_array_equal(before[name], after[name])


@pytest.mark.parametrize(("kind", "settings", "names"), FULL)
def test_loading_brings_settings_state_and_nothing_else(kind, settings, names):
    saved = made(kind, settings).state_dict()
    optimizer = made(kind, {}, steps=7)
    optimizer.load_state_dict(saved)
    again = optimizer.state_dict()
    assert again["param_groups"] == saved["param_groups"]
    for ours, theirs in zip(again["state"], saved["state"], strict=True):
        assert set(ours) == set(theirs)
        for name, value in ours.items():
            np.testing.assert_array_equal(value, theirs[name])
    made(kind, {}, steps=7).load_state_dict(made(kind, settings, steps=0).state_dict())


def test_loading_an_unstepped_state_forgets():
    optimizer = made(Adam, {}, steps=7)
    optimizer.load_state_dict(made(Adam, {}, steps=0).state_dict())
    assert optimizer.state_dict()["state"] == [{}, {}]


def test_arrays_may_be_tensors_of_another_dtype_and_layout():
    saved = made(SGD, {"momentum": 0.9}).state_dict()
    first = saved["state"][0]
    kept = first["momentum_buffer"].copy()
    first["momentum_buffer"] = from_numpy(np.asfortranarray(kept.astype(np.float32)))
    first["step"] = np.int64(3)
    optimizer = made(SGD, {"momentum": 0.9}, steps=0)
    optimizer.load_state_dict(saved)
    state = optimizer.state_dict()["state"][0]
    assert state["momentum_buffer"].dtype == np.float64
    assert state["momentum_buffer"].flags.c_contiguous
    np.testing.assert_array_equal(state["momentum_buffer"], kept.astype(np.float32))
    assert type(state["step"]) is int


def test_a_state_without_the_name_of_its_optimizer_is_taken():
    saved = made(SGD, {}).state_dict()
    del saved["optimizer"]
    made(SGD, {}).load_state_dict(saved)


def change(saved, path, value):
    *front, last = path
    for key in front:
        saved = saved[key]
    if value is None:
        del saved[last]
    else:
        saved[last] = value


@pytest.mark.parametrize(
    ("path", "value", "text"),
    [
        (["optimizer"], "Adam", "state of SGD(?s:.*)state of Adam"),
        (["state"], None, r"no 'state' among the keys \['optimizer', 'param_groups'\]"),
        (["param_groups"], None, "no 'param_groups'(?s:.*)what state_dict.. returned"),
        (["state"], 3, "an? int under 'state'"),
        (["state"], {0: {}, 1: {}}, "a dict under 'state'"),
        (["state"], [{}], "2 parameters' state(?s:.*)got: +1"),
        (["state", 0], 5, "a dict for w(?s:.*)int"),
        (["state", 0, "step"], None, r"'step'\] for w(?s:.*)got: +\['momentum_buffer'\]"),
        (
            ["state", 0, "momentum_buffer"],
            None,
            r"\['momentum_buffer', 'step'\] for w(?s:.*)got: +\['step'\]",
        ),
        (
            ["state", 0, "master_weights"],
            np.ones((2, 3)),
            "for w of float64(?s:.*)'master_weights'",
        ),
        (["state", 1, "velocity"], np.ones(2), r"for b(?s:.*)'velocity'"),
        (
            ["state", 0, "momentum_buffer"],
            np.ones((3, 2)),
            r"momentum_buffer of w as \(2, 3\)(?s:.*)\(3, 2\)",
        ),
        (["state", 0, "momentum_buffer"], ["a"], "momentum_buffer of w as numbers"),
        (["state", 0, "momentum_buffer"], np.ones((2, 3), complex), "as numbers(?s:.*)complex128"),
        (["state", 0, "momentum_buffer"], np.ones((2, 3), bool), "as numbers(?s:.*)bool"),
        (["state", 0, "step"], "x", "step of w"),
        (["state", 0, "step"], -1, "step of w"),
        (["state", 0, "step"], True, "step of w"),
        (["param_groups"], [], r"2 groups with \[1, 1\](?s:.*)0 groups with \[\]"),
        (["param_groups", 0, "params"], [0, 1], r"\[1, 1\](?s:.*)\[2, 1\]"),
        (["param_groups", 0], "group", r"\[None, 1\]"),
        (["param_groups", 1, "params"], None, r"\[1, None\]"),
        (["param_groups", 0, "params"], [1], r"in the order of their positions(?s:.*)\[1, 1\]"),
        (["param_groups", 0, "lr"], None, r"group 0 with \[(?s:.*)'lr'(?s:.*)got: +\['damp"),
        (["param_groups", 1, "betas"], [1, 2], r"group 1 with(?s:.*)'betas'"),
        (["param_groups", 1, "lr"], -1.0, "group 1 with lr: (?s:.*)lr=-1.0"),
        (["param_groups", 1, "dampening"], 0.5, "group 1 with momentum > 0(?s:.*)nesterov"),
    ],
)
def test_mismatches_are_named_and_change_nothing(path, value, text):
    settings = {"momentum": 0.9, "nesterov": True}
    saved = made(SGD, settings).state_dict()
    change(saved, path, value)
    optimizer = made(SGD, settings, steps=1)
    before = optimizer.state_dict()
    with pytest.raises(StateError, match=text) as caught:
        optimizer.load_state_dict(saved)
    assert caught.value.operation == "SGD.load_state_dict"
    after = optimizer.state_dict()
    assert after["param_groups"] == before["param_groups"]
    assert [s["step"] for s in after["state"]] == [1, 1]


def test_what_is_no_state_dict():
    with pytest.raises(StateError, match=r"a list(?s:.*)what state_dict\(\) returned"):
        made(SGD, {}).load_state_dict([1])


def test_an_unbound_optimizer_loads_nothing():
    with pytest.raises(StateError, match="0 groups"):
        SGD().load_state_dict(made(SGD, {}).state_dict())


def test_an_empty_dict_is_no_state():
    with pytest.raises(StateError, match=r"no 'state' among the keys \[\](?s:.*)what state_dict"):
        SGD().load_state_dict({})


@pytest.mark.parametrize("key", ["exp_avg", "exp_avg_sq"])
def test_an_array_that_is_missing_is_not_made_anew(key):
    saved = made(Adam, {}).state_dict()
    del saved["state"][1][key]
    with pytest.raises(StateError, match=r"'exp_avg', 'exp_avg_sq', 'step'\] for b"):
        made(Adam, {}, steps=0).load_state_dict(saved)


def test_an_array_of_a_setting_that_is_off_may_be_missing_or_there():
    saved = made(SGD, {"momentum": 0.9}).state_dict()
    for group in saved["param_groups"]:
        group["momentum"] = 0.0
    optimizer = made(SGD, {}, steps=0)
    optimizer.load_state_dict(saved)
    assert "momentum_buffer" in optimizer.state_dict()["state"][0]
    for state in saved["state"]:
        del state["momentum_buffer"]
    optimizer.load_state_dict(saved)
    assert list(optimizer.state_dict()["state"][0]) == ["step"]


def of_dtype(dtype):
    w = Variable(np.ones(2), dtype)
    optimizer = Adam([("w", w)])
    optimizer.step({w: tensor(np.array([0.1, 1 / 3], dtype))})
    return optimizer


@pytest.mark.parametrize(("dtype", "into"), [("float64", "float32"), ("float64", "float16")])
def test_a_state_that_is_rounded_says_so(dtype, into):
    optimizer = of_dtype(into)
    saved = of_dtype(dtype).state_dict()
    if into == "float16":
        saved["state"][0]["master_weights"] = np.ones(2)
    with pytest.warns(UserWarning, match=r"exp_avg\w* of w \(float64 to float32\)"):
        optimizer.load_state_dict(saved)
    state = optimizer.state_dict()["state"][0]
    assert state["exp_avg"].dtype == np.float32
    np.testing.assert_array_equal(state["exp_avg"], saved["state"][0]["exp_avg"].astype("float32"))


def test_a_wider_type_holds_the_same_values_and_says_nothing():
    optimizer = of_dtype("float64")
    optimizer.load_state_dict(saved := of_dtype("float32").state_dict())
    state = optimizer.state_dict()["state"][0]
    assert state["exp_avg"].dtype == np.float64
    np.testing.assert_array_equal(state["exp_avg"], saved["state"][0]["exp_avg"])


def test_a_state_beyond_the_range_of_the_type_is_refused():
    saved = of_dtype("float64").state_dict()
    saved["state"][0]["exp_avg_sq"] = np.array([1e200, 1.0])
    with pytest.raises(StateError, match="exp_avg_sq of w within the range of float32"):
        of_dtype("float32").load_state_dict(saved)


def test_entries_of_ones_own_in_a_group_are_not_saved():
    optimizer = made(SGD, {}, steps=0)
    optimizer.param_groups[0]["name"] = "head"
    saved = optimizer.state_dict()
    assert "name" not in saved["param_groups"][0]
    optimizer.load_state_dict(saved)
    assert optimizer.param_groups[0]["name"] == "head"
