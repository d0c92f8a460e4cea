// The photo of the lesson, at its own shape, with what the step paints over it.

const PAINTED_OUT = "rgb(124, 116, 104)"; // the mean colour of ImageNet: what 0 is once normalised

class Seen {
  constructor(lesson) {
    this.lesson = lesson;
    this.find = lesson.find;
    this.hands();
  }

  /** Pointing at the photo, or the arrow keys on it, choose the patch that is followed. */
  hands() {
    const lines = this.find(".lines");
    const limit = (value, count) => Math.min(count - 1, Math.max(0, value));
    const go = (row, col) => {
      const { lesson } = this;
      const place = { row: limit(row, lesson.rows), col: limit(col, lesson.cols) };
      if (place.row !== lesson.row || place.col !== lesson.col) lesson.set(place);
    };
    const point = ({ clientX, clientY }) => {
      const { left, top, width, height } = lines.getBoundingClientRect();
      go(Math.floor(((clientY - top) / height) * this.lesson.rows), Math.floor(((clientX - left) / width) * this.lesson.cols));
    };
    lines.addEventListener("pointerdown", point);
    lines.addEventListener("pointermove", (event) => event.buttons && point(event));
    lines.addEventListener("keydown", (event) => {
      const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (!move) return;
      event.preventDefault();
      go(this.lesson.row + move[0], this.lesson.col + move[1]);
    });
  }

  paint() {
    const { lesson } = this;
    const { rows, cols, row, col } = lesson;
    const { width, height } = this.fit();
    const step = STEPS[lesson.step];
    const map = (lesson.secret ? BEFORE[step.key]?.ground(lesson) : step.map(lesson)) ?? {};
    const [warm, lines] = [".warm", ".lines"].map(this.find);
    if (map.values) paintHeat(warm, map, { smooth: false, colours: "inferno", opacity: 0.85, width, height, peak: map.peak });
    else clearCanvas(warm);
    const asked = step.still ? [] : [{ rows, cols, patches: new Set([row * cols + col]), weight: 2 }];
    paintMarks(lines, [...asked, ...(map.marks ?? [])], { width, height });
    if (map.grid) paintCuts(lines, rows, cols);
    if (map.arrows) paintArrows(lines, { rows, cols, row, col }, map.arrows);
    if (map.hidden) paintOut(lines, map.hidden);
    this.find(".below").textContent = map.below ?? (step.still ? "" : words("lesson.point"));
    this.find(".picture").classList.toggle("still", Boolean(step.still));
  }

  fit() {
    const { width, height } = state.value;
    const tall = window.innerHeight * (window.innerWidth < 760 ? 0.4 : 0.62);
    const scale = Math.min(this.find(".seen").clientWidth / width, tall / height);
    const size = { width: Math.round(width * scale), height: Math.round(height * scale) };
    Object.assign(this.find(".picture").style, { width: `${size.width}px`, height: `${size.height}px` });
    return size;
  }
}

/** Patches in the colour that they have for the model when they are painted out. */
function paintOut(canvas, { rows, cols, patches }) {
  const pen = canvas.getContext("2d");
  const [across, down] = [canvas.width / cols, canvas.height / rows];
  pen.fillStyle = PAINTED_OUT;
  for (const patch of patches) {
    const [left, top] = [Math.round((patch % cols) * across), Math.round(Math.floor(patch / cols) * down)];
    pen.fillRect(left, top, Math.round(((patch % cols) + 1) * across) - left, Math.round((Math.floor(patch / cols) + 1) * down) - top);
  }
}

/** Arrows from a patch to others, `[row, col]` each: light with a dark edge, like the outlines. */
function paintArrows(canvas, { rows, cols, row, col }, others) {
  const pen = canvas.getContext("2d");
  const sharp = window.devicePixelRatio || 1;
  const [across, down] = [canvas.width / cols, canvas.height / rows];
  const path = new Path2D();
  for (const [toRow, toCol] of others) {
    path.rect(toCol * across, toRow * down, across, down);
    const [x, y] = [(col + 0.5) * across, (row + 0.5) * down];
    const [far, high] = [(toCol + 0.5) * across - x, (toRow + 0.5) * down - y];
    const [length, angle] = [Math.hypot(far, high), Math.atan2(high, far)];
    const at = (share, turn = 0, size = 0) => [x + share * far + size * Math.cos(angle + turn), y + share * high + size * Math.sin(angle + turn)];
    const edge = Math.hypot(across, down) / 2 / length;
    path.moveTo(...at(Math.min(0.4, edge)));
    path.lineTo(...at(Math.max(0.6, 1 - edge)));
    for (const turn of [-2.6, 2.6]) {
      path.moveTo(...at(Math.max(0.6, 1 - edge)));
      path.lineTo(...at(Math.max(0.6, 1 - edge), turn, 10 * sharp));
    }
  }
  for (const [colour, width] of [["rgba(0, 0, 0, 0.6)", 4], ["#fff", 2]]) {
    Object.assign(pen, { strokeStyle: colour, lineWidth: width * sharp, lineCap: "round" });
    pen.stroke(path);
  }
}
