"""The picture of the house is that of the sources, and the reading list is as long as promised."""

import re

import house

READING = 2000
"""Lines that can be read in an afternoon."""


def test_the_picture_shows_the_sources():
    assert [place for place in house.WAY if place not in house.stations()] == []
    assert house.PICTURE.read_text(encoding="utf-8") == house.picture(), "python tools/house.py"


def test_the_page_says_a_sentence_for_each_station_and_one_more():
    page = (house.ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    numbered = re.findall(r"^(\d+)\. ", page, re.MULTILINE)
    assert [int(number) for number in numbered] == list(range(1, len(house.WAY) + 2))


def test_the_reading_list_is_read_in_one_sitting():
    readme = (house.ROOT / "README.md").read_text(encoding="utf-8")
    files = re.findall(r"^\d+\. \[`[^`]+`\]\(([^)]+)\)", readme, re.MULTILINE)
    assert len(files) >= 11
    lengths = {
        name: len((house.ROOT / name).read_text(encoding="utf-8").splitlines()) for name in files
    }
    assert sum(lengths.values()) <= READING, lengths
