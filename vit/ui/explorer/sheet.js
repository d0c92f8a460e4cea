// The layer × head sheet: every head of every layer as a small map, on one shared scale, for the query at hand.

const SHEET = { label: 30, gap: 2, top: 18, smallest: 10, largest: 72 };

class Sheet {
  constructor(canvas, onOpen, onTell) {
    Object.assign(this, { canvas, onOpen, onTell });
    this.scratch = document.createElement("canvas");
    this.rows = null; // one for each layer: {heads, across, down, y}
    canvas.addEventListener("pointermove", (event) => this.point(event));
    canvas.addEventListener("pointerleave", () => this.point(null));
    canvas.addEventListener("click", (event) => {
      const cell = this.cellAt(event);
      if (cell) onOpen(cell.layer, cell.head);
    });
  }

  /**
   * Places the cells: shaped like the photo, as large as width and height allow. A layer of few heads gets larger cells
   * than one of many, so that a Swin's first stages are not as small as its last.
   */
  lay(entries, width, limit, shape, sharp = window.devicePixelRatio || 1) {
    const fit = (heads, cap) => Math.max(SHEET.smallest, Math.min(cap, (width - SHEET.label) / heads - SHEET.gap));
    const headed = entries.map(({ heads }, layer) => heads !== entries[layer - 1]?.heads); // numbers of heads stand above it
    const height = (cap) => entries.reduce((sum, { heads }, layer) => sum + fit(heads, cap) / shape + SHEET.gap + headed[layer] * SHEET.top, 0);
    let cap = SHEET.largest;
    while (cap > SHEET.smallest && height(cap) > limit) cap -= 0.5;
    let y = 0;
    this.rows = entries.map(({ heads }, layer) => {
      const across = fit(heads, cap);
      y += headed[layer] * SHEET.top;
      const row = { heads, across, down: across / shape, y, headed: headed[layer] };
      y += row.down + SHEET.gap;
      return row;
    });
    this.width = Math.max(...this.rows.map((row) => SHEET.label + row.heads * (row.across + SHEET.gap)));
    this.height = y;
    const [w, h] = [Math.round(this.width * sharp), Math.round(this.height * sharp)];
    if (this.canvas.width !== w || this.canvas.height !== h) Object.assign(this.canvas, { width: w, height: h });
    this.canvas.style.width = `${this.width}px`;
    this.canvas.style.height = `${this.height}px`;
  }

  /** Draws all cells. `maps[layer][head]` is {values, rows, cols}, or `maps[layer]` null where it isn't here yet. */
  paint(maps, peak, look) {
    this.maps = maps;
    const sharp = this.canvas.width / this.width;
    const pen = this.canvas.getContext("2d");
    pen.setTransform(sharp, 0, 0, sharp, 0, 0);
    pen.clearRect(0, 0, this.width, this.height);
    this.names(pen, look);
    const table = pixelTable(coloursOf(look, look), null);
    pen.imageSmoothingEnabled = false;
    pen.fillStyle = look.empty;
    this.rows.forEach(({ heads, across, down, y }, layer) => {
      if (!maps[layer]) {
        for (let head = 0; head < heads; head++) pen.fillRect(this.x(layer, head), y, across, down);
        return;
      }
      const strip = this.strip(maps[layer], peak, table, look.signed);
      const each = strip.width / heads;
      for (let head = 0; head < heads; head++) {
        pen.drawImage(strip, head * each, 0, each, strip.height, this.x(layer, head), y, across, down);
      }
    });
    this.mark(pen, look);
  }

  /** Numbers of layers, and of heads above the layers that have as many. */
  names(pen, { ink }) {
    pen.fillStyle = ink;
    pen.font = "11px system-ui, sans-serif";
    pen.textBaseline = "middle";
    pen.textAlign = "center";
    this.rows.forEach(({ heads, across, y, headed }, layer) => {
      const every = Math.ceil(18 / (across + SHEET.gap));
      for (let head = 0; headed && head < heads; head += every) {
        pen.fillText(head + 1, this.x(layer, head) + across / 2, y - SHEET.top / 2);
      }
    });
    pen.textAlign = "right";
    let below = 0;
    this.rows.forEach(({ y, down }, layer) => {
      if (y + down / 2 < below) return;
      pen.fillText(layer + 1, SHEET.label - 8, y + down / 2);
      below = y + down / 2 + 11;
    });
  }

  /** Empty cells: the record that they showed is gone. */
  clear(look) {
    if (this.rows) this.paint(this.rows.map(() => null), 0, look);
  }

  x(layer, head) {
    return SHEET.label + head * (this.rows[layer].across + SHEET.gap);
  }

  /** The maps of one layer's heads side by side, one pixel a patch. */
  strip(maps, peak, table, signed) {
    const { rows, cols } = maps[0];
    const width = maps.length * cols;
    const zero = signed ? 127.5 : 0;
    const scale = peak > 0 ? (255 - zero) / peak : 0;
    const pixels = new Uint32Array(width * rows);
    maps.forEach(({ values }, head) => {
      for (let patch = 0; patch < values.length; patch++) {
        const at = Math.floor(patch / cols) * width + head * cols + (patch % cols);
        pixels[at] = table[Math.max(0, Math.min(255, (values[patch] * scale + zero + 0.5) | 0))];
      }
    });
    if (this.scratch.width !== width || this.scratch.height !== rows) {
      Object.assign(this.scratch, { width, height: rows });
    }
    const image = new ImageData(new Uint8ClampedArray(pixels.buffer), width, rows);
    this.scratch.getContext("2d").putImageData(image, 0, 0);
    return this.scratch;
  }

  /** A frame around what the stage shows: one cell, or the whole row where heads are fused. */
  mark(pen, { chosen, accent }) {
    if (!chosen) return;
    const { heads, across, down, y } = this.rows[chosen.layer];
    const whole = typeof chosen.head !== "number";
    const x = this.x(chosen.layer, whole ? 0 : chosen.head);
    const width = whole ? heads * (across + SHEET.gap) - SHEET.gap : across;
    pen.lineWidth = 3;
    pen.strokeStyle = accent;
    pen.strokeRect(x - 0.5, y - 0.5, width + 1, down + 1);
  }

  cellAt(event) {
    if (!this.rows) return null;
    const box = this.canvas.getBoundingClientRect();
    const down = event.clientY - box.top;
    const layer = this.rows.findIndex((row) => down >= row.y && down < row.y + row.down + SHEET.gap);
    if (layer < 0) return null;
    const head = Math.floor((event.clientX - box.left - SHEET.label) / (this.rows[layer].across + SHEET.gap));
    if (head >= this.rows[layer].heads) return null;
    return { layer, head: head < 0 ? "mean" : head };
  }

  point(event) {
    const cell = event && this.cellAt(event);
    this.pointed = Boolean(cell);
    this.canvas.style.cursor = cell ? "pointer" : "";
    const maps = cell && this.maps?.[cell.layer];
    if (!cell) return this.onTell(null);
    const name = typeof cell.head === "number" ? words("sheet.head", { number: cell.head + 1 }) : words("sheet.fused");
    const values = maps && typeof cell.head === "number" ? maps[cell.head].values : null;
    const told = { layer: cell.layer + 1, head: name };
    if (!values) return this.onTell(words("sheet.cell", told));
    this.onTell(words("sheet.cell_most", { ...told, most: percent(largest(values)) }));
  }
}
