"""The hours of a step are its words and its lines, at the speeds that are asked for."""

import pytest

import workload
from start import Step
from workload import Speed

SOURCE = '''def descend(w, g):
    """Return w moved against g."""
    # Not a line that is counted.
    moved = w - g
    return moved


TABLE.append(("mul", lambda g, x, y: g * y))
'''


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Makes a step of a layer that has one function and one row of a table."""
    source = tmp_path / "optim/src"
    source.mkdir(parents=True)
    (source / "rules.py").write_text(SOURCE, encoding="utf-8")
    monkeypatch.setattr(workload, "PACKAGES", tmp_path)

    def ask_for(*names):
        step = Step(1, "one number", names, "Go down.", "the contract")
        monkeypatch.setattr(workload, "steps", lambda _: [step])

    return ask_for


@pytest.mark.parametrize(
    ("written", "words", "lines"),
    [(("descend",), 7, 3), (("TABLE.append",), 2, 1), (("descend", "TABLE.append"), 7, 4)],
)
def test_the_docstring_is_read_and_the_rest_is_written(write, written, words, lines):
    write(*written)
    reading = Speed(words=1 / 60, lines=float("inf"))
    writing = Speed(words=float("inf"), lines=1)
    assert list(workload.step_hours("optim", reading)) == pytest.approx([words])
    assert list(workload.step_hours("optim", writing)) == pytest.approx([lines])


def test_sentences_of_a_chapter_are_read_and_its_code_is_run(tmp_path, monkeypatch):
    text = (
        "Three words here.\n\n```python\nx = 1\ny = 2\n```\n\n``` {.text .output}\nnot read\n```\n"
    )
    (tmp_path / "optimizers.md").write_text(text, encoding="utf-8")
    monkeypatch.setattr(workload, "CHAPTERS", tmp_path)
    assert workload.chapter("optim", Speed(words=1, shown=1)) == pytest.approx((3 + 2) / 60)


def test_the_table_has_a_row_for_each_layer(capsys):
    workload.main(["--lines", "60"])
    head, *rows = capsys.readouterr().out.splitlines()
    assert [row.split()[0] for row in rows] == list(workload.LAYERS)
    assert {len(row) for row in rows} == {len(head)}
