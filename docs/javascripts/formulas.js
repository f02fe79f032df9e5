// Formulas, \( in a line \) or \[ on lines of their own \], are drawn by KaTeX from docs/katex/.

(window.document$ || { subscribe: (run) => run() }).subscribe(() => {
  for (const place of document.querySelectorAll(".arithmatex")) {
    const displayMode = place.tagName === "DIV";
    katex.render(place.textContent.trim().slice(2, -2), place, { displayMode, throwOnError: true });
  }
});
