// The photo with a map over it. It tells where a hand points, by pointer, finger or arrow keys; what that means is not its affair.

class Board {
  constructor(view, on) {
    this.on = on; // {point(place), leave(), pin(place), move(down, across), free()}
    this.view = view;
    this.home = view.find(".board");
    this.photo = view.find(".board img");
    this.warm = view.find(".board .warm");
    this.lines = view.find(".board .lines");
    this.photo.addEventListener("error", () => this.photo.removeAttribute("src"));
    this.hands();
  }

  hands() {
    const { lines, on } = this;
    const place = (event) => {
      const box = lines.getBoundingClientRect();
      const [x, y] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
      return x < 0 || y < 0 || x >= 1 || y >= 1 ? null : { x, y };
    };
    const given = (work) => (event) => {
      const here = place(event);
      if (here) work(here, event);
    };
    lines.addEventListener("pointermove", given((here) => on.point(here)));
    lines.addEventListener("pointerdown", given((here, event) => {
      this.touched = event.pointerType === "touch"; // a finger points; it doesn't pin
      if (this.touched) on.point(here);
    }));
    lines.addEventListener("pointerleave", (event) => event.pointerType !== "touch" && on.leave());
    lines.addEventListener("click", given((here) => this.touched || on.pin(here)));
    lines.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (move) on.move(...move);
      else if (event.key === "Enter" || event.key === " ") on.pin(null);
      else if (event.key === "Escape") on.free();
      else return;
      event.preventDefault();
    });
  }

  show({ photo }) {
    this.photo.src = photo.url;
  }

  /** As large as the place allows, at the photo's own shape. */
  fit() {
    const { width, height } = state.value;
    const across = this.view.find(".place-tokens").clientWidth;
    const tall = Math.max(240, window.innerHeight * (window.innerWidth < 760 ? 0.5 : 0.6));
    const scale = Math.min(across / width, tall / height);
    Object.assign(this, { width: Math.round(width * scale), height: Math.round(height * scale) });
    this.home.style.width = `${this.width}px`;
    this.home.style.height = `${this.height}px`;
  }

  /** Paints a map: colours ready made, values between `least` and `most`, or nothing. */
  paint(map, opacity) {
    if (!map.values && !map.pixels) return this.clear();
    const look = { opacity, smooth: false, width: this.width, height: this.height };
    if (map.pixels) return this.paintColours(map, opacity);
    const { values, rows, cols, least, most, signed } = map;
    if (signed) return paintHeat(this.warm, map, { ...look, peak: most });
    const risen = Float32Array.from(values, (value) => Math.max(0, value - least));
    paintHeat(this.warm, { values: risen, rows, cols }, { ...look, colours: state.view.colours, peak: most - least });
  }

  paintColours({ pixels, rows, cols }, opacity) {
    const data = new ImageData(cols, rows);
    for (let patch = 0; patch < rows * cols; patch++) {
      data.data.set(pixels.subarray(3 * patch, 3 * patch + 3), 4 * patch);
      data.data[4 * patch + 3] = 255 * opacity;
    }
    Object.assign(this.warm, { width: cols, height: rows });
    this.warm.classList.add("blocks");
    this.warm.getContext("2d").putImageData(data, 0, 0);
  }

  mark(marks) {
    paintMarks(this.lines, marks, { width: this.width, height: this.height });
  }

  clear() {
    for (const canvas of [this.warm, this.lines]) clearCanvas(canvas);
  }
}
