"""The Python blocks of the pages, run from top to bottom, and what they print.

    python integration/documents.py docs/install.md ...     # writes down what each block prints
    python integration/documents.py                         # counts the blocks of all pages

The blocks of a page share their names; one that is folded away is indented. A block of prompts
(`>>>`) is a doctest. What any other block prints stands in the block after it, which begins with
```` ``` {.text .output} ````; three dots in it stand for anything. `<!-- skip: next -->` before a
block leaves it out; `<!-- needs: numba -->` says what a page's blocks import beside NumPy.
"""

import contextlib
import doctest
import io
import os
import re
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = Path(__file__).parent / "data" / "cifar10-sample"
RECORD = 1 + 3 * 32 * 32
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("packages/*/README.md")])
BLOCK = re.compile(
    r"^(?P<indent> *)```python\n(?P<code>.*?)^(?P=indent)```\n"
    r"(?P<shown>\n(?P=indent)``` \{\.text \.output\}\n(?P<output>.*?)^(?P=indent)```\n)?",
    re.DOTALL | re.MULTILINE,
)
NEEDS = re.compile(r"^<!-- needs: (\w+) -->$", re.MULTILINE)
SKIP = re.compile(r"<!-- skip: next -->\s*\Z")
VARIES = (
    (re.compile(r"(?<=  )[\d.]+ s .*? examples/s"), "..."),
    (re.compile(r"(?<=\d\.\d)\d{3}\b|(?<=\d\.\d{4})\d{4,}"), "..."),
    (re.compile(r"^(epoch 1/.*\n)(?:epoch .*\n)+(?=epoch )", re.MULTILINE), r"\1...\n"),
)
"""What another machine prints otherwise: times, last digits, and the middle of a long run."""
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


class Block(NamedTuple):
    """A Python block of a page.

    Attributes:
        code: What is run.
        line: The number of the line before its first.
        output: What the page says it prints; None where it says nothing.
        end: Where the code block ends in the page's text.
        shown: Where the block of the output ends.
        indent: The spaces before each line.
    """

    code: str
    line: int
    output: str | None
    end: int
    shown: int
    indent: str


def cut_sample(folder):
    """Write 10 training and 8 test images of CIFAR-10 below `folder`, cut from the sample."""
    target = folder / "cifar-10-batches-bin"
    target.mkdir(parents=True)
    for path in (SAMPLE / "cifar-10-batches-bin").iterdir():
        content = path.read_bytes()
        if path.suffix == ".bin":
            content = content[: RECORD * (8 if path.stem == "test_batch" else 2)]
        (target / path.name).write_bytes(content)
    return folder


def needs(text):
    """The libraries that a page's blocks import, of those that not every session has."""
    return NEEDS.findall(text)


def blocks(text):
    """The blocks of a page, those that are to be skipped left out."""
    found = []
    for match in BLOCK.finditer(text):
        if not SKIP.search(text[: match.start()]):
            line = text.count("\n", 0, match.start("code"))
            end = match.end("code") + len(match["indent"]) + len("```\n")
            code = textwrap.dedent(match["code"])
            found.append(Block(code, line, match["output"], end, match.end(), match["indent"]))
    return found


def run(page):
    """Run a page's blocks; give each with what it printed."""
    names = {"__name__": "__main__"}
    printed = []
    for block in blocks(page.read_text(encoding="utf-8")):
        if block.code.lstrip().startswith(">>>"):
            run_prompts(block, names, page)
            printed.append((block, ""))
            continue
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            exec(compile("\n" * block.line + block.code, str(page), "exec"), names)
        printed.append((block, said.getvalue()))
    return printed


def run_prompts(block, names, page):
    """Run a block of prompts as a doctest that shares `names` with the page's other blocks."""
    test = doctest.DocTestParser().get_doctest(block.code, names, page.name, str(page), block.line)
    report = []
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    runner.run(test, out=report.append, clear_globs=False)
    names.update(test.globs)
    assert not report, "".join(report)


def same(output, printed):
    """Whether a page says what a block prints."""
    return doctest.OutputChecker().check_output(output or "", printed, FLAGS)


def write(page):
    """Write down what each block prints, where the page says something else."""
    text = page.read_text(encoding="utf-8")
    for block, printed in reversed(run(page)):
        if not same(block.output, printed):
            said = printed.rstrip()
            for pattern, instead in VARIES:
                said = pattern.sub(instead, said)
            shown = f"``` {{.text .output}}\n{said}\n```\n" if said else ""
            shown = shown and "\n" + textwrap.indent(shown, block.indent)
            text = text[: block.end] + shown + text[block.shown :]
    page.write_text(text, encoding="utf-8", newline="\n")


def count():
    """How many blocks are run, and of how many the output is compared."""
    found = [block for page in PAGES for block in blocks(page.read_text(encoding="utf-8"))]
    compared = sum(block.output is not None or ">>>" in block.code for block in found)
    return f"{len(found)} Python blocks on {len(PAGES)} pages, the output of {compared} is compared"


if __name__ == "__main__":
    if len(sys.argv) == 1:
        print(count())
    sys.path.insert(0, str(ROOT / "tools"))
    for path in [Path(argument).resolve() for argument in sys.argv[1:]]:
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            os.environ["TINYTORCH_DATA"] = str(cut_sample(Path(folder) / "data"))
            write(path)
