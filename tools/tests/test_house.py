"""The picture of the house is that of the sources, and the reading list is as long as promised."""

import re

import house

READING = 2000
"""Lines that can be read in an afternoon."""
ABOUT = 15
"""Lines that the tour may be wrong by."""


def test_the_picture_shows_the_sources():
    assert [place for place in house.WAY if place not in house.stations()] == []
    assert house.PICTURE.read_text(encoding="utf-8") == house.picture(), "python tools/house.py"


def test_the_page_says_a_sentence_for_each_station_and_one_more():
    page = (house.ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    numbered = re.findall(r"^(\d+)\. ", page, re.MULTILINE)
    assert [int(number) for number in numbered] == list(range(1, len(house.WAY) + 2))


def reading_list():
    """The files of the README's reading list, each with its lines."""
    readme = (house.ROOT / "README.md").read_text(encoding="utf-8")
    files = re.findall(r"^\d+\. \[`[^`]+`\]\(([^)]+)\)", readme, re.MULTILINE)
    return {
        name: len((house.ROOT / name).read_text(encoding="utf-8").splitlines()) for name in files
    }


def test_the_reading_list_is_read_in_one_sitting():
    lengths = reading_list()
    assert len(lengths) >= 11
    assert sum(lengths.values()) <= READING, lengths


def test_the_tour_goes_through_the_reading_list_and_says_how_long_each_file_is():
    page = (house.ROOT / "docs/learn/code-tour.md").read_text(encoding="utf-8")
    told = re.findall(r"^## \d+\. `([^`]+)`, (\d+) lines$", page, re.MULTILINE)
    lengths = reading_list()
    assert [name.split("/src/tinytorch/")[1] for name in lengths] == [name for name, _ in told]
    about = {
        name: abs(int(n) - lines) for (name, n), lines in zip(told, lengths.values(), strict=True)
    }
    assert max(about.values()) <= ABOUT, lengths
