// Which tokens are sinks, on the photo: what each patch of a layer receives, in even shares, and the sinks outlined.

class SinkPhoto {
  constructor(section, onTimes) {
    this.section = section;
    this.find = (selector) => section.querySelector(selector);
    Object.assign(this, { layer: null, times: 5, cursor: null, found: null });
    this.layerInput = this.find("[data-slide=layer]");
    this.timesInput = this.find("[data-slide=times]");
    this.layerInput.addEventListener("input", () => {
      this.layer = Number(this.layerInput.value) - 1;
      this.draw();
    });
    this.timesInput.addEventListener("input", () => {
      this.times = Number(this.timesInput.value);
      this.draw();
      onTimes();
    });
    this.hands();
  }

  hands() {
    const canvas = this.find(".outlines");
    const point = (event) => {
      const place = event && placeUnder(event, canvas);
      this.point(place && patchAt(this.grid, place));
    };
    canvas.addEventListener("pointermove", point);
    canvas.addEventListener("pointerdown", point);
    canvas.addEventListener("pointerleave", (event) => event.pointerType !== "touch" && point(null));
    canvas.addEventListener("keydown", (event) => {
      const { rows, cols } = this.grid;
      const to = movedBy(event.key, this.cursor ?? { row: rows >> 1, col: cols >> 1 }, rows, cols);
      if (!to) return;
      event.preventDefault();
      this.point(to);
    });
  }

  /** `values` are all layers' patches one after the other. */
  show(found, values) {
    this.found = found;
    if (refused(this.section, found.why)) return (this.find(".below").hidden = true);
    let at = 0;
    this.grids = found.received.map(({ rows, cols, prefix }) => {
      const grid = { rows, cols, prefix, values: values.subarray(at, at + rows * cols) };
      at += rows * cols;
      return { ...grid, most: Math.max(largest(grid.values), ...prefix) };
    });
    const strongest = this.grids.reduce((best, grid, layer) => (grid.most > this.grids[best].most ? layer : best), 0);
    this.layer = Math.min(this.layer ?? strongest, this.grids.length - 1);
    this.find(".seen").src = state.value.photo.url;
    this.find(".below").hidden = false;
    this.draw();
  }

  get grid() {
    return this.grids[this.layer];
  }

  /** The sinks of a layer, the strongest first: {words, times, patch}; patch −1 is a token that is none. */
  sinks(layer) {
    const { prefix, values, cols } = this.grids[layer];
    const names = state.value.layers[layer].keys.prefix;
    const tokens = [
      ...prefix.map((times, n) => ({ times, patch: -1, words: names[n].toUpperCase() })),
      ...Array.from(values, (times, patch) => ({ times, patch, words: words("map.place", { row: Math.floor(patch / cols) + 1, col: (patch % cols) + 1 }) })),
    ];
    return tokens.filter(({ times }) => times >= this.times).sort((a, b) => b.times - a.times);
  }

  draw() {
    if (!this.found || this.found.why) return;
    this.layerInput.max = this.grids.length;
    this.layerInput.value = this.layer + 1;
    slide(this.layerInput, words("controls.of", { number: this.layer + 1, count: this.grids.length }));
    slide(this.timesInput, words("heads.times", { times: decimal(this.times) }));
    const sinks = this.sinks(this.layer);
    const listed = sinks.slice(0, 5).map((sink) => words("heads.sink", { token: sink.words, times: three(sink.times) })).join("; ");
    const more = sinks.length > 5 ? words("heads.more", { count: sinks.length - 5 }) : "";
    const told = { layer: this.layer + 1, count: sinks.length, sinks: listed + more, most: three(this.grid.most) };
    this.find(".said").textContent = words(sinks.length ? "heads.some_sinks" : "heads.no_sinks", told);
    const head = [words("controls.layer"), words("heads.column.count"), words("heads.column.strongest"), words("heads.column.received")];
    tableBelow(this.find(".below"), head, () => this.grids.map(({ most }, layer) => {
      const all = this.sinks(layer);
      return [String(layer + 1), String(all.length), all[0]?.words ?? "–", three(most)];
    }));
    this.paint(sinks);
    this.point(this.cursor);
  }

  paint(sinks) {
    const { width, height } = state.value;
    const across = this.find(".figure").clientWidth;
    if (!across) return;
    const scale = Math.min(across / width, 360 / height);
    const size = { width: Math.round(width * scale), height: Math.round(height * scale) };
    this.find(".board").style.width = `${size.width}px`;
    this.find(".board").style.height = `${size.height}px`;
    const { rows, cols } = this.grid;
    const peak = largest(this.grid.values);
    const colours = state.view.colours;
    paintHeat(this.find(".ratios"), this.grid, { smooth: false, opacity: 0.8, peak, colours });
    const groups = [{ rows, cols, patches: new Set(sinks.map(({ patch }) => patch).filter((patch) => patch >= 0)), weight: 2 }];
    if (this.cursor) groups.push({ rows, cols, patches: new Set([this.cursor.row * cols + this.cursor.col]), weight: 1 });
    paintMarks(this.find(".outlines"), groups, size);
    paintBar(this.find(".key i"), colours);
    this.find(".key .most").textContent = words("heads.times", { times: three(peak) });
  }

  /** What the patch at a cell receives; null: nothing is pointed at. */
  point(cell) {
    if (!this.grid) return;
    const { rows, cols, values } = this.grid;
    this.cursor = cell && cell.row < rows && cell.col < cols ? cell : null;
    this.paint(this.sinks(this.layer));
    if (!this.cursor) return (this.find(".told").textContent = words("heads.point_photo"));
    const { row, col } = this.cursor;
    const place = words("map.place", { row: row + 1, col: col + 1 });
    this.find(".told").textContent = words("heads.receives", { place, times: three(values[row * cols + col]) });
  }
}
