// Pictures as frames: of a paragraph {.frames} one picture is shown at a time, and a slider chooses.
// A picture's title is written beside the slider. Without this script all pictures are seen.

function addSliders() {
  for (const paragraph of document.querySelectorAll("p.frames:not(.sliding)")) {
    const pictures = [...paragraph.querySelectorAll("img")];
    const slider = Object.assign(document.createElement("input"), {
      type: "range", min: 0, max: pictures.length - 1, value: 0,
    });
    const caption = document.createElement("output");
    const show = () => {
      pictures.forEach((picture, i) => { picture.hidden = i !== Number(slider.value); });
      caption.textContent = captions[slider.value];
      slider.setAttribute("aria-valuetext", caption.textContent);
    };
    const captions = pictures.map((picture) => picture.title);
    pictures.forEach((picture) => picture.removeAttribute("title"));
    slider.setAttribute("aria-label", "Frame");
    slider.addEventListener("input", show);
    paragraph.classList.add("sliding");
    paragraph.append(slider, caption);
    show();
  }
}

(window.document$ || { subscribe: (run) => run() }).subscribe(addSliders);
