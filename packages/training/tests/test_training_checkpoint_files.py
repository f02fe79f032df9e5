"""A checkpoint gives back what was put in, and every damage to it is found."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinytorch.tensor import tensor
from tinytorch.tensor.errors import ArgumentError, DTypeError, FileError
from tinytorch.training import load_checkpoint, load_safetensors, save_checkpoint
from tinytorch.training.files import checkpoint

MODEL = {"0.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "0.bias": np.ones(2)}


NUMBERS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)


TREES = st.recursive(
    NUMBERS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=4) | st.integers(), inner, max_size=3)
    ),
    max_leaves=12,
)


def same(a, b):
    """Equal in type and bits, NaN included."""
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and (repr(a) == repr(b))


@given(tree=TREES)
@settings(max_examples=60, deadline=None)
def test_every_tree_of_plain_values_comes_back(tmp_path_factory, tree):
    folder = tmp_path_factory.mktemp("c") / "one"
    save_checkpoint(folder, part=tree)
    back = load_checkpoint(folder)
    assert list(back) == ["part"]
    assert same(back["part"], tree)


def test_arrays_anywhere_come_back_and_tensors_as_arrays(tmp_path):
    state = {"state": [{"m": np.ones(3), "step": 4}, {}], "x": (tensor([1, 2]), np.float32(0.5))}
    save_checkpoint(tmp_path / "c", MODEL, optimizer=state, n=np.int64(3))
    back = load_checkpoint(tmp_path / "c")
    np.testing.assert_array_equal(back["optimizer"]["state"][0]["m"], np.ones(3))
    np.testing.assert_array_equal(back["optimizer"]["x"][0], [1, 2])
    assert back["optimizer"]["x"][1] == 0.5
    assert (back["n"], type(back["n"])) == (3, int)
    for name, array in MODEL.items():
        assert back["model"][name].tobytes() == array.tobytes()


def test_names_that_look_alike_do_not_collide(tmp_path):
    tree = {"a.b": np.zeros(1), "a": {"b": np.ones(1)}}
    save_checkpoint(tmp_path / "c", tree=tree)
    back = load_checkpoint(tmp_path / "c")["tree"]
    assert (back["a.b"].item(), back["a"]["b"].item()) == (0.0, 1.0)


def test_generator_states_come_back(tmp_path):
    for bits in (np.random.PCG64(1), np.random.MT19937(1), np.random.Philox(1)):
        generator = np.random.Generator(bits)
        generator.normal(size=3)
        save_checkpoint(tmp_path / "c", rng=generator.bit_generator.state)
        expected = generator.normal(size=5)
        other = np.random.Generator(type(bits)(2))
        other.bit_generator.state = load_checkpoint(tmp_path / "c")["rng"]
        np.testing.assert_array_equal(other.normal(size=5), expected)


def test_the_weights_alone_are_a_file_of_their_own(tmp_path):
    save_checkpoint(tmp_path / "c", MODEL, note="x")
    assert sorted(p.name for p in (tmp_path / "c").iterdir()) == [
        "model.safetensors",
        "state.json",
        "state.safetensors",
    ]
    assert load_safetensors(tmp_path / "c" / "model.safetensors").keys() == MODEL.keys()
    save_checkpoint(tmp_path / "d", note="x")
    assert load_checkpoint(tmp_path / "d") == {"note": "x"}
    save_checkpoint(tmp_path / "e", {})
    assert load_checkpoint(tmp_path / "e") == {"model": {}}


def test_paths_may_be_texts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_checkpoint("runs/c", n=1)
    assert load_checkpoint("runs/c") == {"n": 1}


@pytest.mark.parametrize("value", [object(), {1, 2}, np.array(["a"]), b"bytes"])
def test_what_cannot_be_kept_is_refused_and_nothing_is_left(tmp_path, value):
    with pytest.raises(DTypeError, match="part"):
        save_checkpoint(tmp_path / "c", part={"x": value})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["model.safetensors", "state.safetensors", "state.json"])
@given(position=st.integers(0, 2000), bit=st.integers(0, 7))
@settings(max_examples=25, deadline=None)
def test_every_flipped_bit_is_found(tmp_path_factory, name, position, bit):
    folder = tmp_path_factory.mktemp("c") / "one"
    save_checkpoint(folder, MODEL, optimizer={"m": np.ones(3)}, epoch=3)
    content = bytearray((folder / name).read_bytes())
    content[position % len(content)] ^= 1 << bit
    (folder / name).write_bytes(content)
    with pytest.raises(FileError, match="one") as error:
        load_checkpoint(folder)
    assert error.value.path.name == name


@pytest.mark.parametrize("name", ["model.safetensors", "state.safetensors", "state.json"])
@pytest.mark.parametrize("cut", [0, 1, 40, -1])
def test_every_cut_file_is_refused_by_name(tmp_path, name, cut):
    save_checkpoint(tmp_path / "c", MODEL, m=np.ones(3))
    path = tmp_path / "c" / name
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(FileError, match=name):
        load_checkpoint(tmp_path / "c")
    path.unlink()
    with pytest.raises(FileError, match=name):
        load_checkpoint(tmp_path / "c")


def test_the_error_says_where_a_cut_file_ends(tmp_path):
    save_checkpoint(tmp_path / "c", MODEL)
    path = tmp_path / "c" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(FileError, match=r"50 bytes: it ends there, .* at offset 50"):
        load_checkpoint(tmp_path / "c")


def test_a_missing_folder(tmp_path):
    with pytest.raises(FileError, match=r"state\.json"):
        load_checkpoint(tmp_path / "none" / "at all")
    with pytest.raises(FileError, match=r"state\.json"):
        load_checkpoint(tmp_path / "none")


def test_the_state_is_strict_json(tmp_path):
    save_checkpoint(tmp_path / "c", x=[math.nan, math.inf])
    assert repr(load_checkpoint(tmp_path / "c")["x"]) == "[nan, inf]"
    json.loads((tmp_path / "c" / "state.json").read_text(), parse_constant=pytest.fail)


def test_a_state_that_would_be_too_large_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "LARGEST_STATE", 1000)
    with pytest.raises(ArgumentError, match="as arrays"):
        save_checkpoint(tmp_path / "c", n=[0] * 1000)
    assert list(tmp_path.iterdir()) == []


def test_a_list_that_holds_itself_is_refused(tmp_path):
    endless = []
    endless.append(endless)
    with pytest.raises(ArgumentError, match="nested at most 100 deep"):
        save_checkpoint(tmp_path / "c", n=endless)
    deep = 1
    for _ in range(100):
        deep = {"a": deep}
    save_checkpoint(tmp_path / "c", n=deep)
    assert load_checkpoint(tmp_path / "c") == {"n": deep}


@pytest.mark.parametrize(
    "value",
    [10**4000, np.longdouble(1), {tensor([1]): 1}, {(1, b"x"): 1}],
    ids=["a long integer", "a long float", "a Tensor as key", "bytes in a key"],
)
def test_what_would_not_come_back_is_refused(tmp_path, value):
    with pytest.raises(DTypeError, match="part"):
        save_checkpoint(tmp_path / "c", part=value)


@pytest.mark.parametrize("name", ["__metadata__", "\ud800", "", "a\nb"])
def test_parts_and_keys_may_have_any_name(tmp_path, name):
    save_checkpoint(tmp_path / "c", **{name or "x": {name: np.arange(3)}})
    assert load_checkpoint(tmp_path / "c")[name or "x"][name].tolist() == [0, 1, 2]
