// One of the two sides: a record with its photo, and the map of it that is shown. It has the shape of `state`, so that
// what draws Explore's map draws this one too.

const WEAK = 1 / 3; // of the scale's end: a map that reaches no higher is hardly seen on it

class Side {
  constructor(figure, answer, on) {
    Object.assign(this, { figure, answer, value: null, maps: null, view: null, pointer: null, map: null });
    this.parts();
    this.hands(on);
  }

  /** What a side consists of, made here since there are two of them. Names and labels go in by textContent. */
  parts() {
    this.find = (selector) => this.figure.querySelector(selector) ?? this.answer.querySelector(selector);
    const div = (name, ...inside) => make("div", { className: name }, ...inside);
    const line = (name, tag = "p") => make(tag, { className: name });
    const bar = make("i", { className: "bar", role: "img", ariaLabel: words("stage.bar") });
    const canvas = make("canvas", { className: "point", tabIndex: 0, role: "application" });
    this.scene = div("scene", make("img", { className: "shot", alt: "", draggable: false, "data-picture": "46vh" }), line("glow", "canvas"), canvas, line("stamp"));
    const scale = make("span", { className: "scale" }, line("number least", "span"), bar, line("number most", "span"), line("quiet kind", "span"));
    const weak = make("span", { className: "weak", hidden: true }, make("span"), make("button", { type: "button", className: "plain" }, words("compare.show_own")));
    this.figure.append(make("h2"), div("well", this.scene), line("why"), div("legend", line("words", "span"), scale, weak, line("here", "span")));
    this.answer.append(line("says", "h2"), make("ol"), line("quiet knows"), line("quiet from"));
    this.find(".stamp").textContent = words("stage.untrained");
    for (const part of [this.find(".why"), this.find(".stamp"), this.find(".legend"), this.answer]) part.hidden = true;
  }

  /** A place of the picture that is pointed at, pinned, moved or let go of, told to `on`. */
  hands(on) {
    const canvas = this.find(".point");
    const place = (event) => {
      const box = canvas.getBoundingClientRect();
      const [x, y] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
      return x < 0 || y < 0 || x >= 1 || y >= 1 ? null : { x, y };
    };
    canvas.addEventListener("pointermove", (event) => on.point(place(event)));
    canvas.addEventListener("pointerdown", (event) => on.point(place(event)));
    // A finger that lifts leaves its map to be looked at; a mouse that leaves gives the query back.
    canvas.addEventListener("pointerleave", (event) => event.pointerType !== "touch" && on.point(null));
    canvas.addEventListener("click", (event) => event.pointerType !== "touch" && on.pin(place(event)));
    canvas.addEventListener("keydown", (event) => on.key(event, this));
    this.find(".weak button").addEventListener("click", () => on.own());
  }

  /** The name of what is on its way. */
  begin(name, shown) {
    this.find("h2").textContent = name;
    this.find(".why").hidden = true;
    this.find(".well").hidden = !shown;
  }

  /** A record, named for people; null with `why` where there is none. */
  show(value, maps, name, why = "") {
    Object.assign(this, { value, maps });
    this.find("h2").textContent = name;
    this.find(".why").textContent = why;
    this.find(".why").hidden = !why;
    for (const part of [this.find(".well"), this.find(".legend"), this.answer]) part.hidden = !value;
    if (!value) return;
    this.find(".shot").src = value.photo.url;
    this.find(".stamp").hidden = !value.untrained;
    this.find(".point").setAttribute("aria-label", words("compare.canvas", { name }));
    this.find(".says").textContent = words("compare.says", { name });
    showClasses(this.answer, value);
    this.find(".from").textContent = weightWords(value);
  }

  /** Lets go of the record: no old map beside a new one. */
  clear() {
    Object.assign(this, { value: null, maps: null, map: null });
    this.find(".shot").removeAttribute("src");
    for (const canvas of [this.find(".glow"), this.find(".point")]) clearCanvas(canvas);
    for (const part of [this.find("h2"), this.find(".words"), this.find(".here"), this.find("ol")]) part.textContent = "";
  }

  /** The photo at its own shape, as large as the place allows. */
  fit(tall) {
    const { width, height } = this.value;
    const scale = Math.min(this.find(".well").clientWidth / width, tall / height);
    Object.assign(this, { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) });
    this.scene.style.width = `${this.width}px`;
    this.scene.style.height = `${this.height}px`;
  }

  /** Works out the map of a choice: a share of the depth is another layer in each model. */
  look({ method, share, head, query }, pointer) {
    const { layers } = this.value;
    const layer = layerAt(share, layers.length);
    const fusion = typeof head === "number" ? "mean" : head;
    this.view = { ...startView(layers.length), method, layer, last: layer, head, fusion, query };
    this.pointer = pointer;
    const { colours, smooth, opacity } = state.view; // as chosen in Explore
    this.paints = { colours, smooth, opacity };
    this.maps.want(layer);
    const map = mapNow(this);
    this.map = map.values ? map : null;
    this.find(".words").textContent = legendWords(map, this);
    return this.map ? extent(map.values) : 0;
  }

  paint(peak, kind) {
    const { map, pointer } = this;
    this.find(".scale").hidden = !map;
    this.find(".weak").hidden = true;
    this.find(".here").textContent = map && pointer ? words("stage.share", hereWords(map, pointer)) : "";
    if (!map) return [this.find(".glow"), this.find(".point")].forEach(clearCanvas);
    const { width, height, paints } = this;
    paintHeat(this.find(".glow"), map, { ...paints, width, height, peak });
    paintMarks(this.find(".point"), marksOf(map, this), { width, height });
    paintBar(this.find(".bar"), coloursOf(map, paints));
    this.find(".least").textContent = leastWords(map, peak);
    this.find(".most").textContent = percent(peak);
    this.find(".kind").textContent = kind;
    const most = extent(map.values);
    this.find(".weak").hidden = most >= WEAK * peak;
    this.find(".weak span").textContent = words("compare.weak", { most: percent(most), peak: percent(peak) });
  }
}

/** The layer, from 0, that stands where a share of the depth ends. */
function layerAt(share, count) {
  return Math.max(0, Math.ceil(share * count - 1e-6) - 1);
}
