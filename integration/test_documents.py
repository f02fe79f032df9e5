"""The Python blocks of the site's pages and of the READMEs run, and print what the pages say."""

import pytest
from documents import PAGES, ROOT, blocks, needs, run, same


def name(page):
    """The page's path, and what it needs: `-k needs-torch` chooses by that."""
    wanted = needs(page.read_text(encoding="utf-8"))
    return "-needs-".join([page.relative_to(ROOT).as_posix(), *wanted])


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if blocks(page.read_text(encoding="utf-8"))],
    ids=name,
)
@pytest.mark.usefixtures("few_images")
def test_the_python_blocks_of_a_page_run_and_print_what_it_says(page, tmp_path, monkeypatch):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    for library in needs(page.read_text(encoding="utf-8")):
        pytest.importorskip(library, reason=f"{page.name} needs {library}")
    monkeypatch.chdir(tmp_path)
    for block, printed in run(page):
        assert same(block.output, printed), (
            f"{page}:{block.line}: the page says {block.output!r}, the block prints {printed!r};"
            f" python integration/documents.py {page} writes it down"
        )
    pyplot.close("all")
