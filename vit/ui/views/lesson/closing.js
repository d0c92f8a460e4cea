// The closing step. Its check is asked of the server when the step is opened, since it takes seconds, and cancelled when
// the step is left before they are over.

class Closing {
  /** `changed()` is called when there is an answer or will be none, `line(words)` as it goes. */
  constructor(view, changed, line) {
    Object.assign(this, { view, changed, line });
    this.clear();
  }

  clear() {
    Object.assign(this, { truth: null, doing: null, failed: null, seen: "relevance" });
  }

  seek() {
    if (this.truth || this.doing !== null || this.failed !== null) return;
    this.doing = words("views.asking");
    this.view.ask({ quiet: true });
  }

  /** The step or the view is left, and its question with it: coming back begins it again. */
  leave() {
    if (this.doing === null) return;
    this.view.stop();
    this.failed = null;
  }

  options() {
    return this.doing === null ? {} : { do: "truth" };
  }

  told(line, error) {
    if (line !== null && !error) {
      this.doing = line;
      return this.line(line);
    }
    Object.assign(this, { doing: null, failed: line ?? words("lesson.truth.stopped") });
    this.changed();
  }

  take(truth) {
    Object.assign(this, { truth, doing: null });
    this.changed();
  }

  /** While there is no answer: what is being done, or why it isn't, and the button that ends or begins it. */
  waiting() {
    const button = make("button", { type: "button" }, words(this.doing === null ? "views.begin" : "views.cancel"));
    button.addEventListener("click", () => {
      if (this.doing !== null) return this.view.stop();
      this.failed = null;
      this.seek();
      this.changed();
    });
    return make("div", {}, make("div", { className: "set" }, button));
  }

  /** The area under the deletion curve in each of the three orders. */
  get areas() {
    if (!this.truth) return {};
    const { methods, chance } = this.truth.check;
    const areas = Object.fromEntries(methods.map(({ name, deletion }) => [name, deletion.area]));
    return { ...areas, chance: chance.deletion.area };
  }

  figure(redraw) {
    const { check, maps } = this.truth;
    const { shares, chance, methods } = check;
    const className = { relevance: "chosen", raw: "second" };
    const lines = methods.map(({ name, deletion }) => ({ name: words(`lesson.truth.${name}`), values: deletion.ordered, className: className[name] }));
    const title = words("lesson.truth.curves", { label: check.label });
    const chart = new CurvesChart({ title, label: title, shares, band: chance.deletion, lines });
    const keys = methods.map(({ name }) => make("span", { className: `key ${className[name]}` }, words(`lesson.truth.${name}`)));
    keys.push(make("span", { className: "key band" }, words("truth.key_band")));
    const row = (name, { deletion, insertion }, said) => [name, decimal(deletion.area.toFixed(3)), decimal(insertion.area.toFixed(3)), said];
    const rows = methods.map((method) => row(words(`lesson.truth.${method.name}`), method, verdictWords(method, chance.deletion.orders)));
    rows.push(row(words("lesson.truth.chance"), chance, ""));
    const head = ["", words("truth.deletion"), words("truth.insertion"), words("lesson.truth.verdict")];
    const refused = check.refused.map(({ name, why }) => make("p", { className: "small" }, `${words(`lesson.truth.${name}`)}: ${why}`));
    const buttons = Object.entries(maps).map(([name, map]) => {
      const canvas = make("canvas", { width: map.cols, height: map.rows });
      canvas.style.aspectRatio = state.value.width / state.value.height;
      canvas.getContext("2d").putImageData(heatPixels(map.values, map.rows, map.cols, map.cols, map.rows, extent(map.values), pixelTable("inferno", null)), 0, 0);
      const button = make("button", { type: "button" }, canvas, make("span", {}, words(`lesson.truth.maps.${name}`)));
      button.setAttribute("aria-pressed", name === this.seen);
      button.addEventListener("click", () => {
        this.seen = name;
        redraw(`.many [aria-pressed=true]`);
      });
      return button;
    });
    const many = make("div", { className: "many pair" }, ...buttons);
    return make("div", {}, make("p", { className: "keys" }, ...keys), chart.element, table(head, rows, -1, [0, 3]), ...refused, many, make("p", { className: "small" }, words("lesson.truth.caveat")));
  }

  /** What is painted over the photo, with the line below it: `read` is the one of the last layer's attention. */
  map(read) {
    const map = this.truth?.maps[this.seen];
    if (!map) return {};
    return { ...map, peak: extent(map.values), below: this.seen === "raw" ? read : words("lesson.truth.owed", this.truth.check) };
  }
}

const CLOSING_STEP = {
  key: "truth",
  still: true,
  asks: true,
  fill({ closing }) {
    const [top] = state.value.top;
    if (!top) return null;
    const number = (value) => (value === undefined ? "–" : decimal(value.toFixed(3)));
    const area = (name) => number(closing.areas[name]);
    const spread = number(closing.truth?.check.chance.deletion.spread);
    return { label: closing.truth?.check.label ?? top[1], raw: area("raw"), relevance: area("relevance"), chance: area("chance"), spread };
  },
  options({ closing }) {
    const { areas } = closing;
    const least = Math.min(...Object.values(areas));
    return ["raw", "relevance", "chance"].map((name) => ({ text: words(`lesson.truth.${name}`), right: areas[name] === least }));
  },
  figure: (lesson) => lesson.closing.figure((focus) => lesson.set({}, focus)),
  map: (lesson) => lesson.closing.map(lesson.readout(state.value.layers.length - 1).below),
};
