// Formulas, \( in a line \) or \[ on lines of their own \], are drawn by KaTeX from docs/katex/.

// Keeps a formula in a line together with the signs beside it: a browser would end the line between.
function joinSigns(place) {
  const [before, after] = [place.previousSibling, place.nextSibling];
  const [opening] = /\(*$/.exec(before?.data ?? "");
  const [closing] = /^[,.;:?!)]*/.exec(after?.data ?? "");
  const whole = Object.assign(document.createElement("span"), { className: "formula" });
  place.replaceWith(whole);
  whole.append(opening, place, closing);
  if (opening) before.data = before.data.slice(0, -opening.length);
  if (closing) after.data = after.data.slice(closing.length);
}

(window.document$ || { subscribe: (run) => run() }).subscribe(() => {
  for (const place of document.querySelectorAll(".arithmatex")) {
    const displayMode = place.tagName === "DIV";
    katex.render(place.textContent.trim().slice(2, -2), place, { displayMode, throwOnError: true });
    if (!displayMode) joinSigns(place);
  }
});
