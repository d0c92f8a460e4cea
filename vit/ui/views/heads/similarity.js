// Head similarity: a matrix of all pairs of heads, of one layer or of all. A cell opens the head of its row.

const MATRIX = { left: 30, bottom: 38, largest: 440 };

class Similarity {
  constructor(section, onChange) {
    this.section = section;
    this.find = (selector) => section.querySelector(selector);
    Object.assign(this, { scope: null, kind: "cosine", cell: null, found: null });
    this.select = this.find("[data-slide=scope]");
    this.select.addEventListener("change", () => {
      this.scope = this.select.value === "all" ? "all" : Number(this.select.value);
      onChange();
    });
    radios(this.find("[data-choose=kind]"), (kind) => {
      this.kind = kind;
      onChange();
    })(this.kind);
    this.hands();
  }

  /** The scope that is asked for: at first all layers, where all heads look at the same tokens. */
  wanted() {
    const { layers } = state.value;
    const [first] = layers;
    const alike = layers.every(({ keys, queries }) => !keys.tokens && !queries.tokens && keys.rows === first.keys.rows);
    this.scope ??= alike ? "all" : layers.length - 1;
    return this.scope;
  }

  hands() {
    const over = this.find(".over");
    over.addEventListener("pointermove", (event) => this.point(this.cellUnder(event)));
    over.addEventListener("pointerleave", (event) => event.pointerType !== "touch" && this.point(null));
    over.addEventListener("click", (event) => {
      const cell = this.cellUnder(event);
      const told = cell && this.tapped?.row === cell.row && this.tapped.col === cell.col;
      this.tapped = cell;
      this.point(cell);
      if (cell && (told || event.pointerType !== "touch")) openHead(...this.heads[cell.row]);
    });
    over.addEventListener("keydown", (event) => {
      const count = this.heads.length;
      const to = movedBy(event.key, this.cell ?? { row: 0, col: 0 }, count, count);
      if (to) this.point(to);
      else if (event.key === "Enter" && this.cell) openHead(...this.heads[this.cell.row]);
      else return;
      event.preventDefault();
    });
  }

  cellUnder(event) {
    const place = placeUnder(event, this.find(".cells"));
    const count = this.heads.length;
    return place && { row: Math.floor(place.y * count), col: Math.floor(place.x * count) };
  }

  show(found, values) {
    Object.assign(this, { found, values, heads: found.heads, cell: null, tapped: null });
    const all = new Option(words("heads.all_layers"), "all");
    this.select.replaceChildren(all, ...state.value.layers.map((_, n) => new Option(words("map.one_layer", { layer: n + 1 }), n)));
    this.select.value = this.scope;
    this.find(".below").hidden = Boolean(found.why);
    if (refused(this.section, found.why)) return;
    this.signed = values.some((value) => value < 0);
    this.say();
    this.draw();
  }

  value(row, col) {
    return this.values[row * this.heads.length + col];
  }

  draw() {
    if (!this.found || this.found.why) return;
    const across = this.find(".figure").clientWidth;
    if (!across) return;
    const side = Math.min(across - MATRIX.left, MATRIX.largest);
    this.side = side;
    const [home, cells] = [this.find(".matrix"), this.find(".cells")];
    Object.assign(home.style, { width: `${side + MATRIX.left}px`, height: `${side + MATRIX.bottom}px` });
    Object.assign(cells.style, { left: `${MATRIX.left}px`, top: 0, width: `${side}px`, height: `${side}px` });
    const count = this.heads.length;
    const colours = this.signed ? DIVERGING : "viridis";
    Object.assign(cells, { width: count, height: count });
    cells.getContext("2d").putImageData(heatPixels(this.values, count, count, count, count, 1, pixelTable(colours, null), this.signed), 0, 0);
    paintBar(this.find(".key i"), colours);
    this.find(".key .least").textContent = this.signed ? "−1" : "0";
    this.find(".key .most").textContent = words("heads.same");
    this.point(this.cell);
  }

  /** Numbers of layers (or of heads, in one layer) along both sides, lines between layers, and the cell pointed at. */
  paintOver() {
    const { side, heads } = this;
    const over = this.find(".over");
    const pen = sharpPen(over, side + MATRIX.left, side + MATRIX.bottom);
    Object.assign(over.style, { width: `${side + MATRIX.left}px`, height: `${side + MATRIX.bottom}px` });
    const style = getComputedStyle(root);
    const each = side / heads.length;
    const many = this.scope === "all";
    const groups = heads.map(([layer, head], n) => ({ key: many ? layer : head, n }));
    const starts = groups.filter(({ key, n }) => n === 0 || groups[n - 1].key !== key);
    pen.fillStyle = style.getPropertyValue("--quiet");
    pen.font = "12px system-ui, sans-serif";
    pen.textBaseline = "middle";
    let free = 0;
    starts.forEach(({ key, n }, at) => {
      const end = starts[at + 1]?.n ?? heads.length;
      const middle = ((n + end) / 2) * each;
      if (many && n) {
        pen.fillStyle = "rgba(255, 255, 255, 0.55)";
        pen.fillRect(MATRIX.left, Math.round(n * each), side, 1);
        pen.fillRect(MATRIX.left + Math.round(n * each), 0, 1, side);
        pen.fillStyle = style.getPropertyValue("--quiet");
      }
      if (middle < free) return;
      free = middle + 16;
      pen.textAlign = "right";
      pen.fillText(key + 1, MATRIX.left - 8, middle);
      pen.textAlign = "center";
      pen.fillText(key + 1, MATRIX.left + middle, side + 12);
    });
    pen.fillText(words(many ? "controls.layer" : "controls.head"), MATRIX.left + side / 2, side + 29);
    if (!this.cell) return;
    const { row, col } = this.cell;
    const box = [MATRIX.left + col * each, row * each, each, each];
    for (const [colour, width] of [["rgba(0, 0, 0, 0.7)", 4], ["#fff", 2]]) {
      Object.assign(pen, { strokeStyle: colour, lineWidth: width });
      pen.strokeRect(...box);
    }
  }

  point(cell) {
    if (!this.heads) return;
    this.cell = cell;
    this.paintOver();
    const pair = cell && { one: headWords(...this.heads[cell.row]), other: headWords(...this.heads[cell.col]), value: three(this.value(cell.row, cell.col)) };
    this.find(".told").textContent = pair ? words("heads.pair", pair) : words("heads.point_matrix");
  }

  /** The most and the least alike in words, and for every head in the table. */
  say() {
    const count = this.heads.length;
    const others = (row) => [...Array(count).keys()].filter((col) => col !== row).sort((a, b) => this.value(row, b) - this.value(row, a));
    if (count < 2) return (this.find(".said").textContent = words("heads.alone"));
    const ranked = this.heads.map((_, row) => others(row));
    const best = ranked.reduce((top, order, row) => (this.value(row, order[0]) > this.value(top, ranked[top][0]) ? row : top), 0);
    const worst = ranked.reduce((low, order, row) => (this.value(row, order.at(-1)) < this.value(low, ranked[low].at(-1)) ? row : low), 0);
    const name = (row) => headWords(...this.heads[row]);
    const [twin, stranger] = [ranked[best][0], ranked[worst].at(-1)];
    let sum = 0;
    for (let row = 0; row < count; row++) for (let col = 0; col < row; col++) sum += this.value(row, col);
    this.find(".said").textContent = words("heads.said.heads", {
      count, mean: three((2 * sum) / (count * (count - 1))),
      one: name(best), other: name(twin), most: three(this.value(best, twin)),
      third: name(worst), fourth: name(stranger), least: three(this.value(worst, stranger)),
    });
    const head = [words("heads.column.head"), words("heads.column.most_alike"), words("heads.column.alike"), words("heads.column.least_alike"), words("heads.column.alike")];
    tableBelow(this.find(".below"), head, () => ranked.map((order, row) => [
      name(row), name(order[0]), three(this.value(row, order[0])), name(order.at(-1)), three(this.value(row, order.at(-1))),
    ]));
  }
}
