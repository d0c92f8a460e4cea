// Maps over the photo, each with its colour bar: the cards, and one of them enlarged.

const IN_PERCENT = ["raw", "received", "rollout"]; // shares of attention; the other methods' numbers have no unit
// Of the largest number. Where nine patches in ten are that near to it, all is as bright as the brightest place: so are
// the maps of attention flow, whatever the photo, and hardly another.
const ALIKE = 0.25;

/** A method's name, what it means and how it misleads, in the page's language; for one that has no words there, its title. */
function kindWords({ name, title }, what) {
  const key = `methods.kinds.${name}.${what}`;
  const text = words(key, { reader: readerWords() });
  if (text !== key) return text;
  return { name: name.replaceAll("_", " "), means: title ?? "" }[what] ?? "";
}

/** What the answer is read from, as the one that looks. */
function readerWords() {
  const [name] = state.value.layers.at(-1).queries.readout;
  const kind = name === "pool" ? "pool" : name ? "token" : "patches";
  return words(`methods.readers.${kind}`);
}

/** What the server says of a map; it says so in English only, and elsewhere the name and what it means have to do. */
function captionOf({ caption }) {
  return LANGUAGE === "en" ? caption : "";
}

/** A map's number for people. */
function mapNumber(name, value) {
  if (IN_PERCENT.includes(name)) return percent(value);
  if (value === 0) return "0";
  const size = Math.abs(value);
  return size >= 1000 ? decimal(Math.round(value)) : decimal(size >= 1e-4 ? value.toPrecision(3) : value.toExponential(2));
}

/** The colour bar with numbers at its ends. */
function scaleOf(name, map) {
  const bar = make("i", { className: "bar" });
  paintBar(bar, coloursOf(map, state.view));
  const least = map.signed ? mapNumber(name, -map.peak) : "0";
  return make("span", { className: "scale" }, make("span", { className: "number" }, least), bar, make("span", { className: "number" }, mapNumber(name, map.peak)));
}

/** A sentence for a map that hardly points anywhere; for any other, none. */
function alikeWords(name, { values }) {
  const most = values[placeOfLargest(values.map(Math.abs))];
  const away = (value) => Math.abs(value - most);
  const least = [...values].sort((one, other) => away(one) - away(other))[Math.ceil(0.9 * values.length) - 1];
  if (away(least) > ALIKE * Math.abs(most)) return "";
  return words("methods.alike", { least: mapNumber(name, least), most: mapNumber(name, most) });
}

function mapsOf(method, numbers) {
  const maps = method.maps.map((map) => ({ ...map, values: numbers.subarray(map.offset, map.offset + map.rows * map.cols) }));
  const peak = Math.max(...maps.filter(({ signed }) => !signed).map(({ values }) => extent(values))); // two classes: one scale
  return maps.map((map) => ({ ...map, peak: map.signed ? extent(map.values) : peak }));
}

/** A method's card. `heads` name the maps if there are several; `open(map, title)` enlarges one. */
function methodCard(method, heads, open) {
  const name = kindWords(method, "name");
  const same = method.same && words("methods.same_map", { name: kindWords({ name: method.same }, "name") });
  const words_ = make("p", { className: "means" }, [kindWords(method, "means"), same].filter(Boolean).join(" "));
  if (method.why) return make("article", { className: "card" }, make("h3", {}, name), make("p", { className: "why", role: "note" }, method.why), words_);
  const pictures = method.maps.map((map, n) => {
    const title = heads.length && method.maps.length > 1 ? `${name}: ${heads[n]}` : name;
    const button = make("button", { type: "button", className: "map", title: captionOf(map), "aria-label": words("methods.enlarge", { name: title }) });
    button.append(make("img", { src: state.value.photo.url, alt: "" }), make("canvas", { width: 1, height: 1 }));
    button.style.aspectRatio = state.value.width / state.value.height;
    button.addEventListener("click", () => open(map, title));
    const head = method.maps.length > 1 ? [make("span", { className: "head" }, heads[n])] : [];
    const alike = alikeWords(method.name, map);
    return make("div", { className: "picture" }, ...head, button, scaleOf(method.name, map), ...(alike ? [make("p", { className: "alike" }, alike)] : []));
  });
  const misleads = kindWords(method, "misleads");
  const more = misleads ? [make("details", {}, make("summary", {}, words("methods.misleads")), make("p", {}, misleads))] : [];
  return make("article", { className: "card" }, make("h3", {}, name), make("div", { className: "pictures" }, ...pictures), words_, ...more);
}

/** A map that isn't here yet: the photo, and a frame for its scale. */
function emptyMap() {
  const { photo, width, height } = state.value;
  const board = make("div", { className: "map" }, make("img", { src: photo.url, alt: "" }));
  board.style.aspectRatio = width / height;
  return make("div", { className: "picture" }, board, make("span", { className: "later" }));
}

function paintCard(canvas, map) {
  const { width, height } = canvas.getBoundingClientRect();
  if (width) paintHeat(canvas, map, { ...state.view, width: Math.round(width), height: Math.round(height), peak: map.peak });
}

/** One map enlarged: pointing at it, or the arrow keys, read its numbers. */
class Large {
  constructor(dialog) {
    this.dialog = dialog;
    this.find = (selector) => dialog.querySelector(selector);
    this.lines = this.find(".lines");
    this.find("[data-act=close]").addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close()); // beside it
    this.lines.addEventListener("pointermove", (event) => this.point(event));
    this.lines.addEventListener("pointerdown", (event) => this.point(event));
    this.lines.addEventListener("keydown", (event) => this.key(event));
  }

  open(method, map, title) {
    Object.assign(this, { method, map });
    this.at = placeOfLargest(map.values);
    this.find("h2").textContent = title;
    this.find("img").src = state.value.photo.url;
    this.find(".caption").textContent = captionOf(map);
    this.find(".means").textContent = kindWords(method, "means");
    this.find(".misleads").textContent = kindWords(method, "misleads");
    this.find(".scale").replaceChildren(scaleOf(method.name, map));
    this.dialog.setAttribute("aria-label", title);
    this.dialog.showModal();
    this.draw();
  }

  draw() {
    if (!this.dialog.open) return;
    const { width, height } = state.value;
    const scale = Math.min(this.find(".means").clientWidth / width, (0.56 * window.innerHeight) / height);
    Object.assign(this, { width: Math.round(width * scale), height: Math.round(height * scale) });
    this.find(".board").style.height = `${this.height}px`;
    for (const part of [".board", ".scale"]) this.find(part).style.width = `${this.width}px`;
    paintHeat(this.find(".warm"), this.map, { ...state.view, width: this.width, height: this.height, peak: this.map.peak });
    this.read(this.at);
  }

  point(event) {
    const box = this.lines.getBoundingClientRect();
    const place = { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height };
    if (place.x >= 0 && place.y >= 0 && place.x < 1 && place.y < 1) this.read(patchAt({ ...this.map, prefix: [] }, place).patch);
  }

  key(event) {
    const { rows, cols } = this.map;
    const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!move) return;
    event.preventDefault();
    const limit = (value, count) => Math.min(count - 1, Math.max(0, value));
    this.read(limit(Math.floor(this.at / cols) + move[0], rows) * cols + limit((this.at % cols) + move[1], cols));
  }

  read(at) {
    this.at = at;
    const { values, rows, cols } = this.map;
    let rank = 1;
    for (const value of values) if (value > values[at]) rank++;
    const told = { value: mapNumber(this.method.name, values[at]), row: Math.floor(at / cols) + 1, col: (at % cols) + 1, rank, count: values.length };
    this.find(".reading").textContent = words("methods.place", told);
    paintMarks(this.lines, [{ rows, cols, patches: new Set([at]), weight: 2 }], this);
  }

  close() {
    this.dialog.close();
  }
}
