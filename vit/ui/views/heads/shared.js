// What the parts of the Heads view have in common.

function headWords(layer, head) {
  return `${words("map.one_layer", { layer: layer + 1 })}, ${words("map.head", { number: head + 1 })}`;
}

function openHead(layer, head) {
  openCell(layer, head);
  openView("explore", stepAddress);
  find("#tab-explore").focus({ preventScroll: true }); // what had the focus is out of sight
}

/** The tokens whose rows the answer is read from. */
function readoutNames() {
  const names = state.value.layers.flatMap(({ queries }) => queries.readout);
  return [...new Set(names)].map((name) => name.toUpperCase()).join(", ");
}

/** Shows the sentence of a measure that isn't defined here in place of its figure; says whether there is one. */
function refused(section, why = "") {
  section.querySelector(".why").hidden = !why;
  section.querySelector(".why").textContent = why;
  for (const part of section.querySelectorAll(".figure, .said, .told, .caveat")) part.hidden = Boolean(why);
  return Boolean(why);
}

/** The place of a pointer on an element, 0 … 1, or null outside of it. */
function placeUnder(event, element) {
  const box = element.getBoundingClientRect();
  const [x, y] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  return x < 0 || y < 0 || x >= 1 || y >= 1 ? null : { x, y };
}

/** A canvas as large as its element, in the screen's own pixels; gives its pen. */
function sharpPen(canvas, width, height) {
  const sharp = window.devicePixelRatio || 1;
  Object.assign(canvas, { width: Math.round(width * sharp), height: Math.round(height * sharp) });
  const pen = canvas.getContext("2d");
  pen.setTransform(sharp, 0, 0, sharp, 0, 0);
  return pen;
}

/** A cell that the arrow keys move over a grid, or null for any other key. */
function movedBy(key, { row, col }, rows, cols) {
  const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[key];
  const limit = (value, count) => Math.min(count - 1, Math.max(0, value));
  return move ? { row: limit(row + move[0], rows), col: limit(col + move[1], cols) } : null;
}

function slide(input, tell) {
  input.style.setProperty("--done", `${(100 * (input.value - input.min)) / (input.max - input.min || 1)}%`);
  input.parentElement.querySelector("output").textContent = tell;
}
