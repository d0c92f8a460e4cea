// The lesson's figures: tables, strips of numbers as colours, one patch enlarged. Text goes in by textContent alone.

/** A share as a bar with its number. */
function shareBar(share) {
  const bar = make("i", { className: "share" });
  bar.style.setProperty("--part", share);
  return make("span", { className: "part" }, bar, make("span", {}, percent(share)));
}

/** A vector as a strip: blue below zero, red above, white (or black, in the dark) at zero. */
function strip(title, vector, peak) {
  const canvas = make("canvas", { width: vector.length, height: 1, role: "img", "aria-label": title });
  const pen = canvas.getContext("2d");
  const image = pen.createImageData(vector.length, 1);
  const dark = document.body.classList.contains("dark");
  vector.forEach((value, n) => {
    const share = Math.max(-1, Math.min(1, value / peak));
    const end = share > 0 ? [202, 60, 40] : [42, 96, 190];
    const zero = dark ? 36 : 246;
    for (let channel = 0; channel < 3; channel++) image.data[4 * n + channel] = zero + Math.abs(share) * (end[channel] - zero);
    image.data[4 * n + 3] = 255;
  });
  pen.putImageData(image, 0, 0);
  const numbers = [...vector.slice(0, 4)].map(three).join("  ");
  return make("div", { className: "strip" }, make("span", {}, title, make("em", {}, `${numbers} …`)), canvas);
}

/** One patch as the model gets it: the photo shrunk to the model's input, a square of it cut out and enlarged. */
function patchPicture(photo, size, rows, cols, row, col) {
  const [height, width] = size;
  const whole = make("canvas", { width, height });
  const pen = whole.getContext("2d", { willReadFrequently: true });
  pen.imageSmoothingQuality = "high";
  pen.drawImage(photo, 0, 0, width, height);
  const [down, across] = [height / rows, width / cols];
  const pixels = pen.getImageData(Math.round(col * across), Math.round(row * down), Math.round(across), Math.round(down));
  const canvas = make("canvas", { width: pixels.width, height: pixels.height, role: "img", "aria-label": words("lesson.patches.one", { row: row + 1, col: col + 1 }) });
  canvas.getContext("2d").putImageData(pixels, 0, 0);
  return { canvas, pixels: pixels.data };
}

/** Lines where the photo is cut, under what a canvas holds already. */
function paintCuts(canvas, rows, cols) {
  const pen = canvas.getContext("2d");
  pen.globalCompositeOperation = "destination-over";
  pen.strokeStyle = "rgba(255, 255, 255, 0.65)";
  pen.lineWidth = window.devicePixelRatio || 1;
  pen.beginPath();
  for (let row = 1; row < rows; row++) {
    const y = Math.round((row * canvas.height) / rows) + 0.5;
    pen.moveTo(0, y);
    pen.lineTo(canvas.width, y);
  }
  for (let col = 1; col < cols; col++) {
    const x = Math.round((col * canvas.width) / cols) + 0.5;
    pen.moveTo(x, 0);
    pen.lineTo(x, canvas.height);
  }
  pen.stroke();
  pen.globalCompositeOperation = "source-over";
}

/** A slider with its name and what it stands at. */
function slider(title, settings, tell, change) {
  const input = make("input", { type: "range", ...settings });
  const output = make("output", { className: "number" });
  const show = () => {
    output.textContent = tell(Number(input.value));
    input.style.setProperty("--done", `${(100 * (input.value - input.min)) / (input.max - input.min || 1)}%`);
  };
  input.addEventListener("input", () => {
    show();
    change(Number(input.value));
  });
  show();
  return make("div", { className: "set" }, make("label", {}, make("span", {}, title), input, output));
}

/** Buttons for the heads, one chosen; after a change by keys, focus goes to the one that was made in its place. */
function headButtons(count, chosen, change) {
  const buttons = Array.from({ length: count }, (_, head) => {
    const button = make("button", { type: "button", role: "radio", textContent: head + 1, "aria-label": words("map.head", { number: head + 1 }) });
    button.setAttribute("aria-checked", head === chosen);
    button.tabIndex = head === chosen ? 0 : -1;
    button.addEventListener("click", () => change(head));
    return button;
  });
  const group = make("div", { className: "choice heads", role: "radiogroup", "aria-label": words("controls.head") }, ...buttons);
  group.addEventListener("keydown", (event) => {
    const move = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!move) return;
    event.preventDefault();
    change((chosen + move + count) % count, "[role=radio][aria-checked=true]");
  });
  return make("div", { className: "set" }, make("span", {}, words("controls.head")), group);
}
