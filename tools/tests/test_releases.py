"""A layer whose promises changed since its release says so, in its version and its changelog."""

import subprocess

import pytest

import mixed
import release
import releases
from layers import LAYERS

CHANGELOG = "# Changelog\n\n## Unreleased\n\n### Added\n\n- A thing.\n\n## 0.1.0\n\n- All.\n"


class Tree:
    """A toy checkout of two layers, optim above tensor, released at 0.1.0."""

    def __init__(self, root):
        self.root = root
        for layer, needs in (("tensor", ""), ("optim", '"tinytorch-tensor>=0.1,<0.2"')):
            self.write(layer, f"src/tinytorch/{layer}/__init__.py", '__all__ = ["a", "b"]\n')
            self.write(layer, f"src/tinytorch/{layer}/_version.py", '__version__ = "0.1.0"\n')
            self.write(layer, "README.md", "# x\n\n## The contract\n\n| `a` | one |\n")
            self.write(layer, "CHANGELOG.md", CHANGELOG)
            self.write(layer, "pyproject.toml", f"[project]\ndependencies = [{needs}]\n")
        self.git("init", "-q")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "0.1.0")
        (root / "tools").mkdir()
        (root / releases.RECORD).write_text("", encoding="utf-8")
        for layer in ("tensor", "optim"):
            release.record(layer, root)

    def write(self, layer, name, text):
        path = self.root / "packages" / layer / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def read(self, layer, name):
        return (self.root / "packages" / layer / name).read_text(encoding="utf-8")

    def git(self, *arguments):
        who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
        subprocess.run(["git", *who, *arguments], cwd=self.root, check=True)

    def raise_version(self, layer, number):
        self.write(layer, f"src/tinytorch/{layer}/_version.py", f'__version__ = "{number}"\n')


@pytest.fixture
def tree(tmp_path, monkeypatch):
    for module in (mixed, release):
        monkeypatch.setattr(module, "LAYERS", ("tensor", "optim"))
    return Tree(tmp_path)


@pytest.mark.parametrize("layer", LAYERS)
def test_no_layer_of_this_tree_keeps_silent(layer):
    try:
        assert releases.unsaid(layer) is None
    except releases.NoHistory as reason:
        pytest.skip(f"this copy is without history: {reason}")


def test_a_layer_as_it_was_released_has_nothing_to_say(tree):
    tree.write("optim", "README.md", "# Another text\n\n## The contract\n\n| `a` | one |\n")
    assert releases.unsaid("optim", tree.root) is None


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("src/tinytorch/optim/__init__.py", '__all__ = ["a", "c"]\n'),
        ("README.md", "# x\n\n## The contract\n\n| `a` | two |\n"),
    ],
)
def test_other_promises_want_another_version_and_a_line(tree, name, text):
    tree.write("optim", name, text)
    assert "raise its version" in releases.unsaid("optim", tree.root)
    tree.raise_version("optim", "0.2.0")
    assert releases.unsaid("optim", tree.root) is None
    tree.write("optim", "CHANGELOG.md", "# Changelog\n\n## Unreleased\n\n## 0.1.0\n\n- All.\n")
    assert "say so in its changelog" in releases.unsaid("optim", tree.root)


def test_a_copy_without_history_is_told_apart(tree):
    gone = releases.Release("optim", "0.1.0", "0" * 40)
    with pytest.raises(releases.NoHistory):
        releases.promises_then(gone, tree.root)


def test_a_release_is_unpacked_as_it_was(tree, tmp_path):
    tree.write("optim", "README.md", "later")
    folder = releases.unpack(releases.last_release("optim", tree.root), tmp_path / "old", tree.root)
    assert "The contract" in (folder / "README.md").read_text(encoding="utf-8")


def test_preparing_a_release_moves_heading_and_ranges_once(tree, monkeypatch):
    def hatch(command, *, cwd, check):
        assert (command[2:], cwd.name, check) == (["version", "minor"], "tensor", True) or command
        tree.raise_version("tensor", "0.2.0")

    monkeypatch.setattr(release.subprocess, "run", hatch)
    assert release.prepare("tensor", "minor", tree.root) == "0.2.0"
    assert "## Unreleased\n\n## 0.2.0 - 2" in tree.read("tensor", "CHANGELOG.md")
    assert "tinytorch-tensor>=0.2,<0.3" in tree.read("optim", "pyproject.toml")
    assert "### Changed\n\n- Needs tinytorch-tensor >=0.2,<0.3." in tree.read(
        "optim", "CHANGELOG.md"
    )


def test_a_release_without_a_line_writes_nothing(tree):
    tree.write("tensor", "CHANGELOG.md", "# Changelog\n\n## Unreleased\n\n## 0.1.0\n")
    with pytest.raises(SystemExit, match="says nothing"):
        release.prepare("tensor", "minor", tree.root)
    assert releases.version("tensor", tree.root) == (0, 1, 0)


def test_what_the_ranges_forbid_is_known_with_both_names(tree):
    folder = tree.root / "packages/tensor"
    assert mixed.refusals("tensor", "0.1.0", folder, tree.root) == []
    (clash,) = mixed.refusals("tensor", "0.2.0", folder, tree.root)
    assert clash == ("tinytorch-optim", "tinytorch-tensor<0.2,>=0.1")
    tree.raise_version("tensor", "0.2.0")
    (clash,) = mixed.refusals("optim", "0.1.0", tree.root / "packages/optim", tree.root)
    assert clash[0] == "tinytorch-optim"
    said = "Because tinytorch-optim==0.1.0 depends on tinytorch-tensor<0.2 ..."
    assert mixed.names_both(said, [clash])
    assert not mixed.names_both("no version found", [clash])


@pytest.mark.parametrize(
    ("number", "asked"),
    [((0, 2, 7), ">=0.2,<0.3"), ((0, 9, 0), ">=0.9,<0.10"), ((1, 2, 3), ">=1,<2")],
)
def test_ranges_keep_promises(number, asked):
    assert release.compatible(number) == asked
