// For those who read by keyboard or ear: names of regions that the theme leaves without, and a way to
// what scrolls by itself.

const NAMES = { ".md-search": "Search", ".md-path": "Path", ".md-nav--primary": "Pages" };

function help() {
  for (const [place, name] of Object.entries(NAMES)) {
    document.querySelector(place)?.setAttribute("aria-label", name);
  }
  for (const inner of document.querySelectorAll(".md-nav .md-nav, .md-code__nav")) {
    ["aria-label", "aria-labelledby", "aria-expanded"].forEach((name) => inner.removeAttribute(name));
    inner.setAttribute("role", "none"); // a part of a region is none of its own
  }
  for (const wide of document.querySelectorAll(".md-typeset__scrollwrap, div.arithmatex")) {
    wide.tabIndex = 0;
  }
}

window.document$.subscribe(() => {
  help();
  new MutationObserver(help).observe(document.querySelector("article"), { childList: true, subtree: true });
});
