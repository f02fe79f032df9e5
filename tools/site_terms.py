"""Words of the glossary explain themselves where a page uses them in passing.

MkDocs calls `on_page_markdown` for each page. A word that a page uses often is what the page is
about, and is left alone there; so are the pages of the reference.
"""

import re
from pathlib import Path
from typing import Any

GLOSSARY = Path(__file__).resolve().parents[1] / "docs" / "glossary.md"
OFTEN = 3


def terms() -> dict[str, str]:
    """What the glossary says of each word."""
    text = GLOSSARY.read_text(encoding="utf-8")
    return dict(re.findall(r"^(\S.*)\n:   (.+)$", text, re.MULTILINE))


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Append the meaning of each word that a page uses once or a few times."""
    if page.file.src_uri.startswith(("glossary", "layers/", "changelog")):
        return markdown
    meanings = {word: text for term, text in terms().items() for word in (term, f"{term}s")}
    used = {word: len(re.findall(rf"\b{re.escape(word)}\b", markdown)) for word in meanings}
    lines = [f"*[{word}]: {meanings[word]}" for word in meanings if 0 < used[word] <= OFTEN]
    return "\n".join([markdown, "", *lines, ""])
