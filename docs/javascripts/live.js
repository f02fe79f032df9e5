// Code that is changed and run in the page: of a paragraph {.live} the block of output is the one
// before it, and the code that before this. Opened from disk the page shows both, and no more.

const PYTHON = new URL("micropython/worker.mjs", document.currentScript.src);
const SECONDS = 10;

function run(code, output, button) {
  const python = new Worker(PYTHON, { type: "module" });
  const end = (text) => {
    clearTimeout(bound);
    python.terminate();
    output.textContent = `${text}\n`;
    button.disabled = false;
  };
  const bound = setTimeout(() => end(`no end after ${SECONDS} s`), 1000 * SECONDS);
  python.onmessage = ({ data }) => end(data);
  python.onerror = () => end("no Python could be loaded");
  button.disabled = true;
  python.postMessage(code.textContent);
}

function addRuns() {
  if (location.protocol === "file:") return;
  for (const paragraph of document.querySelectorAll("p.live:not(.ready)")) {
    const shown = paragraph.previousElementSibling;
    const output = shown.querySelector("code");
    const code = shown.previousElementSibling.querySelector("code");
    const button = Object.assign(document.createElement("button"), {
      className: "md-button", textContent: "Run",
    });
    for (const [name, value] of Object.entries({
      contenteditable: "plaintext-only", spellcheck: "false", role: "textbox",
      "aria-multiline": "true", "aria-label": "Code that can be changed",
    })) code.setAttribute(name, value);
    output.setAttribute("aria-live", "polite");
    button.addEventListener("click", () => run(code, output, button));
    paragraph.classList.add("ready");
    paragraph.append(" ", button);
  }
}

(window.document$ || { subscribe: (start) => start() }).subscribe(addRuns);
