// What the network knew before it saw a photo: how alike places are to it, and the filters of its patch embedding.

class Own {
  constructor(view) {
    this.positions = view.find(".positions");
    this.filters = view.find(".filters");
    this.kind = "components";
    paintBar(this.positions.querySelector(".bar"), DIVERGING);
  }

  show({ positions, filters }, buffer) {
    for (const [part, { why }] of [[this.positions, positions], [this.filters, filters]]) {
      part.querySelector(".refused").hidden = !why;
      part.querySelector(".refused").textContent = why ?? "";
      part.querySelector(".picture").hidden = Boolean(why);
    }
    this.places = positions.why ? null : { ...positions, values: numbersAt(buffer, positions.values) };
    this.sheets = filters.why ? null : filters;
    this.buffer = buffer;
    if (this.places) this.showPlaces();
    if (this.sheets) this.choose(this.kind);
  }

  /** A map for each place, at that place. */
  showPlaces() {
    const { rows, cols, down, across, values, least, most } = this.places;
    const table = pixelTable(DIVERGING, null);
    tiles(this.positions.querySelector("canvas"), { down: down.length, across: across.length, rows, cols }, (tile) =>
      heatPixels(values.subarray(tile * rows * cols, (tile + 1) * rows * cols), rows, cols, cols, rows, 1, table, true));
    const all = down.length === rows && across.length === cols ? "tokens.positions_each" : "tokens.positions_some";
    const told = { rows, cols, down: down.length, across: across.length, least: three(least), most: three(most) };
    this.positions.querySelector(".summary").textContent = `${words(all, told)} ${words("tokens.positions_told", told)}`;
  }

  /** Of the place that is pointed at on the photo, or the nearest that has a tile: where it is, and what it is most like. */
  point({ y, x }) {
    if (!this.places) return;
    const { rows, cols, down, across, values } = this.places;
    const nearest = (places, place) => places.reduce((best, at, n) => (Math.abs(at - place) < Math.abs(places[best] - place) ? n : best), 0);
    const [line, column] = [nearest(down, y * rows - 0.5), nearest(across, x * cols - 0.5)];
    const gap = gapOf(rows, cols);
    const [high, wide] = [down.length * (rows + gap) - gap, across.length * (cols + gap) - gap];
    const frame = { left: (column * (cols + gap)) / wide, top: (line * (rows + gap)) / high, width: cols / wide, height: rows / high };
    const mark = this.positions.querySelector(".mark");
    for (const [name, share] of Object.entries(frame)) mark.style[name] = `${100 * share}%`;
    const start = (line * across.length + column) * rows * cols;
    const others = values.slice(start, start + rows * cols);
    others[down[line] * cols + across[column]] = -Infinity; // itself doesn't count
    const best = placeOfLargest(others);
    const name = (row, col) => words("map.place", { row: row + 1, col: col + 1 });
    const told = { place: name(down[line], across[column]), other: name(Math.floor(best / cols), best % cols), cosine: three(others[best]) };
    this.positions.querySelector(".here").textContent = others.length > 1 ? words("tokens.positions_here", told) : "";
  }

  choose(kind) {
    this.kind = kind;
    if (!this.sheets) return;
    const { shape, pixels, shares, count } = this.sheets[kind];
    const [shown, rows, cols] = shape;
    const across = Math.min(shown, 7);
    const bytes = numbersAt(this.buffer, pixels);
    tiles(this.filters.querySelector("canvas"), { down: Math.ceil(shown / across), across, rows, cols, shown }, (tile) => {
      const data = new ImageData(cols, rows);
      for (let pixel = 0; pixel < rows * cols; pixel++) {
        const from = 3 * (tile * rows * cols + pixel);
        data.data.set([bytes[from], bytes[from + 1], bytes[from + 2], 255], 4 * pixel);
      }
      return data;
    });
    const told = { shown, count, rows, cols, share: percent(shares.reduce((sum, share) => sum + share, 0)) };
    this.filters.querySelector(".summary").textContent = words(`tokens.${kind}_told`, told);
  }

  clear() {
    Object.assign(this, { places: null, sheets: null, buffer: null });
    for (const part of [this.positions, this.filters]) clearCanvas(part.querySelector("canvas"));
  }
}

/** The line between tiles, in the tiles' own pixels. */
function gapOf(rows, cols) {
  return Math.max(1, Math.round(Math.max(rows, cols) / 14));
}

/** Small pictures in rows on a canvas of their own size. */
function tiles(canvas, { down, across, rows, cols, shown = down * across }, picture) {
  const gap = gapOf(rows, cols);
  Object.assign(canvas, { width: across * (cols + gap) - gap, height: down * (rows + gap) - gap });
  const pen = canvas.getContext("2d");
  for (let tile = 0; tile < shown; tile++) {
    pen.putImageData(picture(tile), (tile % across) * (cols + gap), Math.floor(tile / across) * (rows + gap));
  }
}
