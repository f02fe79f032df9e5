"""The Python blocks of the site's pages and of the READMEs run, page by page, from top to bottom.

The blocks of one page share their names. A block of prompts (`>>>`) is a doctest, any other block
is executed. `<!-- skip: next -->` before a block leaves it out.
"""

import doctest
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("packages/*/README.md"),
    ]
)
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SKIP = re.compile(r"<!-- skip: next -->\s*\Z")


def blocks(text):
    """The blocks of a page, each with the number of the line before its first."""
    return [
        (match[1], text.count("\n", 0, match.start(1)))
        for match in BLOCK.finditer(text)
        if not SKIP.search(text[: match.start()])
    ]


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if blocks(page.read_text(encoding="utf-8"))],
    ids=lambda page: page.relative_to(ROOT).as_posix(),
)
@pytest.mark.usefixtures("few_images")
def test_the_python_blocks_of_a_page_run(page, tmp_path, monkeypatch):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "__main__"}
    for source, line in blocks(page.read_text(encoding="utf-8")):
        if source.lstrip().startswith(">>>"):
            run_prompts(source, line, names, page)
        else:
            exec(compile("\n" * line + source, str(page), "exec"), names)
    pyplot.close("all")


def run_prompts(source, line, names, page):
    """Run a block of prompts as a doctest that shares `names` with the page's other blocks."""
    test = doctest.DocTestParser().get_doctest(source, names, page.name, str(page), line)
    report = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    runner.run(test, out=report.append, clear_globs=False)
    names.update(test.globs)
    assert not report, "".join(report)
