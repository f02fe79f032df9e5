"""The documents that are read in the repository itself link to files that are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("packages/*/README.md"), *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)


def links_of(page):
    """The link targets of a page, those in code left out."""
    return LINK.findall(CODE.sub("code", page.read_text(encoding="utf-8")))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_relative_links_lead_somewhere(page):
    missing = [
        link
        for link in links_of(page)
        if not re.match(r"[a-z]+:", link) and not (page.parent / link).exists()
    ]
    assert not missing


@pytest.mark.parametrize(
    "page", sorted(ROOT.glob("packages/*/README.md")), ids=lambda page: page.parent.name
)
def test_a_packages_readme_stands_alone(page):
    assert all(re.match(r"[a-z]+:", link) for link in links_of(page)), (
        "the index and the site show this page without the files beside it"
    )


def test_each_decision_is_listed():
    index = (ROOT / "docs/decisions/index.md").read_text(encoding="utf-8")
    records = [path.name for path in (ROOT / "docs/decisions").glob("*.md")]
    assert [name for name in records if name != "index.md" and f"({name})" not in index] == []
