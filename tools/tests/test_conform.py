"""What keeps a folder from standing in the place of a layer is said at once, with the way out."""

import argparse
import re

import pytest

import conform
from layers import LAYERS

OURS = conform.version("optim")


@pytest.fixture
def folder(tmp_path):
    """Someone's optim: a package that holds nothing yet."""
    made = tmp_path / "src/tinytorch/optim"
    made.mkdir(parents=True)
    (made / "__init__.py").touch()
    return tmp_path


def project(name="tinytorch-optim", version=OURS):
    return f'[project]\nname = "{name}"\nversion = "{version}"\n'


@pytest.mark.parametrize("text", [None, project(), '[project]\nname = "tinytorch-optim"\n'])
def test_a_folder_with_or_without_pyproject_is_taken(folder, text):
    if text:
        (folder / "pyproject.toml").write_text(text, encoding="utf-8")
    assert conform.fault("optim", folder) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (project(name="my-optim"), "'my-optim'.*write that"),
        (project(version="9.0.0"), "9.0.0.*write 0"),
        ("[project", "cannot be read"),
    ],
)
def test_a_project_that_the_other_layers_would_not_take_is_named(folder, text, said):
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")
    fault = conform.fault("optim", folder)
    assert fault.startswith(str(folder))
    assert re.search(said, fault)


def test_a_file_that_hides_the_namespace_is_named(folder):
    stray = folder / "src/tinytorch/__init__.py"
    stray.touch()
    assert str(stray) in conform.fault("optim", folder)


def test_a_folder_of_another_layer_is_refused(folder):
    assert "src/tinytorch/data/__init__.py" in conform.fault("data", folder)
    assert "no folder" in conform.fault("optim", folder / "nowhere")


@pytest.mark.parametrize("place", ["src/tinytorch", "tinytorch"])
def test_a_folder_without_pyproject_gets_one_that_names_our_version(tmp_path, place):
    made = tmp_path / "mine" / place / "optim"
    made.mkdir(parents=True)
    (made / "__init__.py").write_text("ONE = 1\n", encoding="utf-8")
    ready = conform.installable("optim", tmp_path / "mine", tmp_path / "work")
    again = conform.installable("optim", tmp_path / "mine", tmp_path / "work")
    assert again == ready
    assert (ready / "tinytorch/optim/__init__.py").read_text(encoding="utf-8") == "ONE = 1\n"
    assert f'version = "{conform.version("optim")}"' in (ready / "pyproject.toml").read_text(
        "utf-8"
    )


def test_the_layers_above_are_judged_too_unless_a_step_or_the_contract_is_asked_for():
    def titles(layer, **asked):
        settings = argparse.Namespace(**{"step": None, "contract": False, **asked})
        return [title for title, _ in conform.parts(layer, settings, [])]

    assert conform.above("training") == []
    assert titles("spatial") == ["the contract of spatial", "the tests of training"]
    assert titles("tensor", contract=True) == ["the contract of tensor"]
    assert titles("tensor", step=2) == ["steps 1 to 2 of tensor"]
    assert len(titles("tensor")) == len(LAYERS)
