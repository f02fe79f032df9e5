"""The map leads to every page of the site, and the words of the glossary are those of its pages."""

import re

import pytest

import site_terms
from commands import ROOT

DOCS = ROOT / "docs"
PAGES = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))


def read(page):
    return (DOCS / page).read_text(encoding="utf-8")


def test_the_map_leads_to_every_page():
    linked = re.findall(r"\]\(([^)#]+)\)", read("map.md"))
    assert sorted(set(PAGES) - set(linked) - {"map.md"}) == []


def test_every_page_is_in_the_navigation():
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert [page for page in PAGES if f" {page}\n" not in navigation] == []


@pytest.fixture(scope="module")
def said():
    """What all pages but the glossary say."""
    return "\n".join(read(page) for page in PAGES if page != "glossary.md")


def test_the_glossary_has_words_enough():
    assert len(site_terms.terms()) >= 60


@pytest.mark.parametrize("term", site_terms.terms())
def test_a_word_of_the_glossary_occurs(term, said):
    assert re.search(rf"\b{re.escape(term)}s?\b", said, re.IGNORECASE)
