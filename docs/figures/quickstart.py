"""Draws what a terminal shows of the first training run: `python docs/figures/quickstart.py`."""

import contextlib
import io
import sys
from code import InteractiveConsole
from html import escape

from _style import IMAGES

sys.path.insert(0, str(IMAGES.parents[1] / "integration"))
from documents import blocks

COLUMNS, ROWS_ABOVE = 60, 2
CHARACTER, ROW, MARGIN = 8, 19, 16
GROUND, TEXT, PROMPT, FRAME = "#1f2328", "#e6edf3", "#7ee787", "#6e7781"
HEAD = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" width="{w}" height="{h}" '
    'font-family="monospace" font-size="13.3">'
)
FRAMED = (
    f'<rect x="1" y="1" width="{{w}}" height="{{h}}" rx="10" fill="{GROUND}" stroke="{FRAME}"/>'
)


def session():
    """What stands on the screen after the page's blocks were typed, up to the first fit."""
    page = (IMAGES.parent / "quickstart.md").read_text(encoding="utf-8")
    codes = [block.code for block in blocks(page)]
    last = next(i for i, code in enumerate(codes) if "trainer.fit" in code)
    console, screen, prompt = InteractiveConsole(), io.StringIO(), ">>> "
    with contextlib.redirect_stdout(io.StringIO()):
        for code in codes[:last]:
            console.runcode(compile(code, "quickstart", "exec"))
    with contextlib.redirect_stdout(screen):
        for line in filter(None, codes[last].splitlines()):
            print(prompt + line)
            prompt = "... " if console.push(line) else ">>> "
    return [*screen.getvalue().splitlines(), prompt]


def draw(lines):
    """A dark window with the lines, broken where its columns end, as a terminal does."""
    rows = [
        line[begin : begin + COLUMNS]
        for line in lines
        for begin in range(0, max(len(line), 1), COLUMNS)
    ]
    width = COLUMNS * CHARACTER + 2 * MARGIN
    height = (len(rows) + ROWS_ABOVE) * ROW + MARGIN // 2
    drawn = [HEAD.format(w=width, h=height), FRAMED.format(w=width - 2, h=height - 2)]
    drawn += [
        f'<circle cx="{MARGIN + 6 + 18 * i}" cy="16" r="5.5" fill="{FRAME}"/>' for i in range(3)
    ]
    for number, row in enumerate(rows, ROWS_ABOVE):
        y = number * ROW + 13
        begins = 4 if row.startswith((">>> ", "... ")) else 0
        drawn += [word(0, y, row[:begins], PROMPT), word(begins, y, row[begins:], TEXT)]
    path = IMAGES / "quickstart-run.svg"
    path.write_text("\n".join([*filter(None, drawn), "</svg>\n"]), encoding="utf-8")
    print(f"wrote {path}")


def word(column, y, text, color):
    """The text at that column, as wide as its characters whatever the font; nothing of blanks."""
    if not text.strip():
        return ""
    column += len(text) - len(text.lstrip())
    text = text.strip()
    return (
        f'<text x="{MARGIN + column * CHARACTER}" y="{y}" textLength="{len(text) * CHARACTER}" '
        f'fill="{color}" xml:space="preserve">{escape(text)}</text>'
    )


if __name__ == "__main__":
    draw(session())
