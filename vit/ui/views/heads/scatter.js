// The scatter plots: every head is a point. A point opens its head in Explore. Where the layer does not stand across, it is
// the point's colour; else points are grey, and those of the layer that is open in Explore stand out.

// What stands across and upright: a measure, or the layer.
const SCATTERS = {
  entropy: { across: "layer", upright: "entropy" },
  distance: { across: "layer", upright: "distance" },
  both: { across: "distance", upright: "entropy" },
  sinks: { across: "layer", upright: "sinks" },
  prefix: { across: "layer", upright: "prefix" },
};
const LAYER_COLOURS = "viridis";

class Scatter {
  constructor(section, kinds) {
    Object.assign(this, { section, kinds, kind: kinds[0], rows: "others", found: null });
    this.find = (selector) => section.querySelector(selector);
    this.plot = new Plot(this.find(".home"), ({ layer, head }) => openHead(layer, head));
    const choose = (name) => (value) => {
      this[name] = value;
      this.draw();
    };
    radios(this.find("[data-choose=kind]"), choose("kind"))(this.kind);
    this.rowsGroup = this.find("[data-choose=rows]");
    if (!this.rowsGroup) return;
    this.markRows = radios(this.rowsGroup, choose("rows"));
    this.markRows(this.rows); // from the start: a change would fade in beside what is drawn
  }

  show(found) {
    this.found = found;
    const measured = this.measures.filter((name) => !found[name].why);
    tableBelow(this.find(".below"), ...headTable(found, measured));
    this.find(".below").hidden = !measured.length;
    this.draw();
  }

  get measures() {
    return [...new Set(this.kinds.flatMap((kind) => Object.values(SCATTERS[kind])))].filter((name) => name !== "layer");
  }

  draw() {
    const { across, upright } = SCATTERS[this.kind];
    const used = [upright, across].filter((name) => name !== "layer");
    const rows = this.chooseRows();
    if (refused(this.section, used.map((name) => this.found[name].why).find(Boolean))) return;
    const points = this.points(across, upright, rows);
    const layers = this.found[upright].heads.length;
    const x = across === "layer" ? { name: words("controls.layer"), from: 0.4, to: layers + 0.6, whole: true } : this.axis(across, points.map(({ x }) => x));
    const y = this.axis(upright, points.map(({ y }) => y));
    this.plot.draw({ label: `${words(`heads.${this.kind}`)}. ${this.said(used, rows)}`, height: 300, x, y, points, lines: this.evenLines(across, upright, x, y) });
    this.find(".plain").textContent = words(`heads.plain.${this.kind}`);
    this.find(".said").textContent = this.said(used, rows);
    this.find(".caveat").textContent = used.map((name) => words(`heads.caveat.${name}`)).join(" ");
    if (across === "layer") layerKey(this.find(".layers"), state.view.layer);
    else layerScale(this.find(".layers"), layers);
  }

  /** Which rows are shown: those of the readout where a measure tells them apart, and where nobody else asks. */
  chooseRows() {
    const { upright, across } = SCATTERS[this.kind];
    const { readout = [], heads = [] } = this.found[upright];
    const some = (values) => values.some((row) => row.some((value) => value !== null));
    const apart = across === "layer" && some(readout);
    const rows = apart && (this.rows === "readout" || !some(heads)) ? "readout" : "others";
    if (this.rowsGroup) {
      this.rowsGroup.hidden = !apart || !some(heads);
      this.rowsGroup.lastElementChild.textContent = words("heads.readout", { tokens: readoutNames() });
      this.markRows(rows);
    }
    return rows;
  }

  points(across, upright, rows) {
    const up = this.found[upright];
    const points = [];
    (rows === "readout" ? up.readout : up.heads).forEach((values, layer, all) => values.forEach((value, head) => {
      const aside = ((head - (values.length - 1) / 2) * 0.7) / values.length; // heads of a layer stand side by side
      const x = across === "layer" ? layer + 1 + aside : scaled(across, this.found[across].heads[layer][head]);
      if (value === null || x === null) return;
      const told = [upright, across].filter((name) => name !== "layer").map((name) => this.told(name, layer, head, rows));
      const chosen = state.view.layer === layer && state.view.head === head;
      const open = state.view.layer === layer ? "var(--mark)" : "";
      const colour = across === "layer" ? open : layerColour(layer, all.length);
      points.push({ layer, head, x, y: scaled(upright, value), title: headWords(layer, head), words: told.join(" · "), colour, hollow: rows === "readout", chosen });
    }));
    return points;
  }

  /** A head's number in words, with what belongs to it. */
  told(name, layer, head, rows) {
    const found = this.found[name];
    const value = tellNumber(name, (rows === "readout" ? found.readout : found.heads)[layer][head]);
    if (name === "entropy") {
      const tokens = (rows === "readout" ? found.readout_effective : found.effective)[layer][head];
      return words("heads.told.entropy", { value, tokens: three(tokens), all: found.keys[layer] });
    }
    if (name === "prefix") {
      const each = found.names[layer].map((token, n) => words("heads.told.prefix", { share: percent(found.each[layer][head][n]), tokens: token.toUpperCase() }));
      return each.join(", ");
    }
    const outside = name === "distance" && found.dropped[layer][head] > 0.0005;
    return words(`heads.told.${name}`, { value }) + (outside ? words("heads.told.outside", { share: percent(found.dropped[layer][head]) }) : "");
  }

  axis(name, values) {
    const even = this.found[name].even.filter((value) => value !== null).map((value) => scaled(name, value));
    const [least, most] = [Math.min(...values, ...even), Math.max(...values, ...even)];
    const room = (most - least || 1) * 0.08;
    const range = { entropy: [0, 1.05], distance: [Math.max(0, least - room), most + room] }[name] ?? [0, most * 1.08 || 1];
    return { name: words(`heads.axis.${name}`), from: range[0], to: range[1] };
  }

  /** What a head would have that looks at all alike: in each layer, or along each axis. */
  evenLines(across, upright, x, y) {
    const even = (name) => this.found[name].even.map((value) => (value === null ? null : scaled(name, value)));
    const lines = even(upright).map((value, layer) => (value === null ? null : [[layer + 0.55, value], [layer + 1.45, value]]));
    const all = across === "layer" ? lines.filter(Boolean) : [
      ...[...new Set(even(upright))].filter((value) => value !== null).map((value) => [[x.from, value], [x.to, value]]),
      ...[...new Set(even(across))].filter((value) => value !== null).map((value) => [[value, y.from], [value, y.to]]),
    ];
    const name = across === "layer" ? upright : "both";
    return all.map((at, n) => ({ at, dashed: true, name: n ? "" : words(`heads.even.${name}`) }));
  }

  /** The lowest and the highest in words. */
  said(used, rows) {
    const sentences = used.map((name) => {
      const found = this.found[name];
      const flat = (rows === "readout" ? found.readout : found.heads).flatMap((values, layer) =>
        values.map((value, head) => ({ value, at: headWords(layer, head) })).filter(({ value }) => value !== null));
      if (!flat.length) return "";
      flat.sort((a, b) => a.value - b.value);
      const [low, high] = [flat[0].value, flat.at(-1).value];
      if (name === "sinks" && !high) return words("heads.said.no_sinks");
      const all = (number) => { // the first head with that number, and how many others have it
        const [first, ...more] = flat.filter(({ value }) => value === number);
        return first.at + (more.length ? words("heads.tied", { count: more.length }) : "");
      };
      return words(`heads.said.${name}`, { low: tellNumber(name, low), low_at: all(low), high: tellNumber(name, high), high_at: all(high) });
    });
    return sentences.join(" ");
  }
}

/** A number as its axis has it: shares in percent. */
function scaled(name, value) {
  return value !== null && ["sinks", "prefix"].includes(name) ? 100 * value : value;
}

function tellNumber(name, value) {
  if (value === null) return "–";
  return ["sinks", "prefix"].includes(name) ? percent(value) : three(value);
}

/** Columns and rows of the table below: every head with the numbers of some measures. */
function headTable(found, measured) {
  const columns = measured.flatMap((name) => {
    const { heads, readout = [], effective, readout_effective, dropped, names, each } = found[name];
    const of = (values, kind = name) => (layer, head) => tellNumber(kind, values[layer][head]);
    const column = (key, values, kind) => [words(`heads.column.${key}`), of(values, kind)];
    const tokens = [...new Set((names ?? []).flat())];
    return [
      column(name, heads),
      ...(effective ? [column("effective", effective)] : []),
      ...(readout.flat().some((value) => value !== null) ? [column("readout", readout), column("readout_effective", readout_effective)] : []),
      ...(dropped ? [column("dropped", dropped, "sinks")] : []),
      ...tokens.map((token) => [words("heads.column.on", { token: token.toUpperCase() }), (layer, head) => tellNumber(name, each[layer][head][names[layer].indexOf(token)] ?? null)]),
    ];
  });
  const head = [words("controls.layer"), words("controls.head"), ...columns.map(([title]) => title)];
  const rows = () => found[measured[0]].heads.flatMap((values, layer) =>
    values.map((_, head) => [String(layer + 1), String(head + 1), ...columns.map(([, tell]) => tell(layer, head))]));
  return [head, rows];
}

function layerColour(layer, count) {
  const at = 3 * Math.round((255 * layer) / Math.max(1, count - 1));
  return `rgb(${colourTable(LAYER_COLOURS).slice(at, at + 3).join(" ")})`;
}

/** What the points that stand out are. */
function layerKey(home, layer) {
  const dot = make("i", { className: "dot" });
  home.replaceChildren(dot, make("span", {}, words("heads.open_layer", { layer: layer + 1 })));
}

/** The colours of the layers, from the first to the last. */
function layerScale(home, count) {
  const bar = make("i");
  paintBar(bar, LAYER_COLOURS);
  home.replaceChildren(make("span", {}, words("map.one_layer", { layer: 1 })), bar, make("span", {}, String(count)));
}
