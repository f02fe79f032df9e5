"""The built site in a real browser: every page, light and dark, on a desktop and on a phone.

    python integration/browser.py SITE AXE [PAGE ...]

SITE is the built folder, AXE the script of axe-core. On no page there is a message of an error, a
request that fails or leaves the site, a violation of a rule of accessibility, or anything wider
than the screen; sliders show their pictures one by one, and code that can be changed runs.
Questions that are typed into the search lead to the right page first. Opened from disk, without a
server, the pages, their sliders and their search work as well.
"""

import functools
import http.server
import itertools
import shutil
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import sync_playwright

SCREENS = {"desktop": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}
SCHEMES = ("light", "dark")
QUESTIONS = {
    "conv2d": "layers/spatial/modules.html",
    "dataloader": "layers/data/loader.html",
    "adam": "layers/optim/optimizers.html",
    "backward": "learn/autograd.html",
    "gradcheck": "layers/autograd/transforms.html",
    "checkpoint": "layers/training/callbacks.html",
    "batch norm": "layers/spatial/modules.html",
    "chain rule": "learn/autograd.html",
    "exercise": "learn/autograd.html",
    "broadcasting": "learn/tensor.html",
    "strides": "learn/tensor.html",
    "learning rate": "learn/optimizers.html",
    "troubleshoot": "guides/when-training-fails.html",
    "nan": "guides/when-training-fails.html",
    "own images": "guides/own-images.html",
    "resume": "guides/resume.html",
    "onnx": "guides/onnx.html",
    "install": "install.html",
    "pytorch": "coming-from-pytorch.html",
    "nbgrader": "teach/nbgrader-reference.html",
    "grading": "teach/instructor-guide.html",
    "why is my loss nan": "guides/when-training-fails.html",
    "what shape does conv2d want": "layers/spatial/modules.html",
    "how do I save my model": "guides/resume.html",
    "grade a notebook": "teach/nbgrader-reference.html",
    "how fast is it": "benchmarks.html",
}
"""What is typed into the search, and the page that comes first."""
WIDTH = """() => {
  const root = document.documentElement, room = root.clientWidth;
  if (root.scrollWidth <= room) return [];
  const wide = [...document.querySelectorAll("article *")]
    .filter((one) => one.getBoundingClientRect().right > room + 1)
    .filter((one) => !one.closest("pre, table, .arithmatex"));
  return [root, ...wide].slice(0, 3).map((one) => one.outerHTML.slice(0, 120));
}"""
FRAME = """(frames) => {
  const seen = [...frames.querySelectorAll("img")].filter((picture) => picture.offsetWidth);
  return [...seen.map((picture) => picture.src), frames.querySelector("output")?.textContent];
}"""
AXE = """async () => {
  const found = await axe.run(document, {resultTypes: ["violations"]});
  return found.violations.map((rule) => rule.id + ": " + rule.nodes.length + " x "
    + rule.nodes.slice(0, 3).map((node) => node.target.join(" ")).join(" | "));
}"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files, and says nothing about it."""

    def log_message(self, *_):
        pass


def serve(site):
    """Serve a folder from a thread; give its address."""
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=site)
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/"


class Visitor:
    """A browser's tab that notes what goes wrong under an address."""

    def __init__(self, browser, base, scheme, screen):
        context = browser.new_context(color_scheme=scheme, viewport=SCREENS[screen])
        context.set_default_timeout(1_800_000)  # a machine may be busy
        self.base, self.where, self.faults = base, f"{scheme}, {screen}", []
        self.tab, self.page = context.new_page(), ""
        self.tab.on("console", lambda said: said.type == "error" and self.note(said.text))
        self.tab.on("pageerror", lambda error: self.note(str(error)))
        self.tab.on("requestfailed", self.lost)
        self.tab.on(
            "response", lambda got: got.status >= 400 and self.note(f"{got.status}: {got.url}")
        )
        self.tab.on("request", lambda request: self.left(request.url))

    def note(self, fault):
        """Remember a fault of the page that is open."""
        self.faults.append(f"{self.page} ({self.where}): {fault}")

    def answered(self, response):
        """Note an answer that is an error."""
        if response.status >= 400:
            self.note(f"{response.status}: {response.url}")

    def lost(self, request):
        """Note a request that fails, unless the next page was faster."""
        if request.failure != "net::ERR_ABORTED":
            self.note(f"{request.failure}: {request.url}")

    def left(self, address):
        """Note a request that leaves the site."""
        if not address.startswith((self.base, "data:", "blob:")):
            self.note(f"outside: {address}")

    def visit(self, page):
        """Open a page."""
        self.page = page
        self.tab.goto(self.base + page, wait_until="load")

    def inspect(self, axe):
        """Look at the open page: rules of accessibility, and its width."""
        for wide in self.tab.evaluate(WIDTH):
            self.note(f"wider than the screen: {wide}")
        self.tab.evaluate(axe)
        for rule in self.tab.evaluate(AXE):
            self.note(rule)

    def slide(self):
        """Move the sliders of the open page: each shows one picture at a time, and its caption."""
        for frames in self.tab.locator("p.frames").all():
            slider, seen = frames.get_by_role("slider"), []
            for _ in range(frames.locator("img").count()):
                seen.append(tuple(frames.evaluate(FRAME)))
                slider.press("ArrowRight")
            if not all(len(shown) == 2 and all(shown) for shown in seen):
                self.note(f"a slider shows {seen}")
            if len(set(seen)) < len(seen):
                self.note(f"a slider does not move: {seen}")

    def run(self):
        """Run the code of the open page that can be changed: it prints what stands there."""
        for button in self.tab.locator("p.live button").all():
            output = button.locator("xpath=../preceding-sibling::div[1]//code")
            said = output.text_content()
            output.evaluate("(code) => { code.textContent = ''; }")
            button.click()
            self.tab.wait_for_function("(button) => !button.disabled", arg=button.element_handle())
            if output.text_content() != said:
                self.note(f"code that prints {said!r} printed {output.text_content()!r}")

    def ask(self, question, answer):
        """Type a question into the search, and see where the first result leads."""
        self.visit("index.html")
        self.tab.locator("input[name=query]").fill(question)
        first = self.tab.locator(".md-search-result__item a").first
        try:
            first.wait_for(state="attached", timeout=20_000)
        except Exception as error:  # noqa: BLE001 - no answer is a fault like another
            self.note(f"{question!r} finds nothing: {type(error).__name__}")
            return
        address = urlsplit(first.get_attribute("href")).path
        if not address.endswith(f"/{answer}"):
            self.note(f"{question!r} leads to {address} first, not to {answer}")


def look(browser, base, pages, axe):
    """Visit pages on all screens; give the faults."""
    for scheme in SCHEMES:
        for screen in SCREENS:
            visitor = Visitor(browser, base, scheme, screen)
            for page in pages:
                visitor.visit(page)
                visitor.inspect(axe)
                visitor.slide()
                visitor.run()
            yield f"{len(pages)} pages, {visitor.where}", visitor.faults


def search(browser, base):
    """Ask the search; give the faults."""
    visitor = Visitor(browser, base, "light", "desktop")
    for question, answer in QUESTIONS.items():
        visitor.ask(question, answer)
    yield f"{len(QUESTIONS)} questions, {urlsplit(base).scheme}", visitor.faults


def open_all(browser, base, pages):
    """Open pages and move their sliders, and no more; give the faults."""
    visitor = Visitor(browser, base, "light", "desktop")
    for page in pages:
        visitor.visit(page)
        visitor.slide()
    yield f"{len(pages)} pages, {urlsplit(base).scheme}", visitor.faults


def main():
    site, axe = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).read_text(encoding="utf-8")
    pages = sorted(path.relative_to(site).as_posix() for path in site.rglob("*.html"))
    pages = sys.argv[3:] or [page for page in pages if page != "404.html"]
    served, disk = serve(site), f"{site.as_uri()}/"
    faults = []
    with sync_playwright() as engine:
        browser = engine.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for what, found in itertools.chain(
            look(browser, served, pages, axe),
            search(browser, served),
            search(browser, disk),
            open_all(browser, disk, pages),
        ):
            print(f"{what}: {len(found)} faults", flush=True)
            faults += found
        browser.close()
    sys.exit("\n".join(faults) or None)


if __name__ == "__main__":
    main()
