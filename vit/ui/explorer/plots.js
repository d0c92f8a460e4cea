// Plots as SVG: points and lines over two axes. Points can be pointed at, reached by the arrow keys, and opened.
// The caveat, the summary and the table that belong to a plot are the view's own words; tableBelow makes the table.

const PLOT = { left: 56, right: 12, top: 12, bottom: 46, reach: 28, radius: 5 };

/**
 * A plot in `home`, an empty element. `open(point)`, if given, is what a click or Enter on a point does.
 *
 * draw({label, height, x, y, points, lines}) draws it at the home's width, and again after each change:
 *   label    what the plot shows, for who can't see it
 *   x, y     {name, from, to, whole?}: the axis's name with its unit, its range, and whether only whole numbers get a tick
 *   points   [{x, y, title, words, colour?, hollow?, ring?, chosen?, …}]: title and words are what is told of the point; a
 *            ring leaves what is below it to be seen
 *   lines    [{at: [[x, y], …], name?, dashed?, quiet?, colour?}]: those with a name stand in the legend
 */
class Plot {
  constructor(home, open = null) {
    this.home = home;
    this.open = open;
    this.held = 0; // the point that the Tab key comes to
    this.svg = makeSvg("svg", { role: "group" });
    this.tip = make("div", { className: "tooltip", hidden: true }, make("b"), make("span"));
    this.legend = make("p", { className: "quiet named" });
    home.classList.add("plot");
    home.replaceChildren(make("div", { className: "drawn" }, this.svg, this.tip), this.legend);
    this.hands();
  }

  draw({ label, height = 280, x, y, points = [], lines = [] }) {
    const width = this.home.clientWidth;
    if (!width) return; // not in sight
    const focused = this.svg.contains(document.activeElement);
    Object.assign(this, { width, height, x, y, points });
    this.held = Math.min(this.held, Math.max(0, points.length - 1));
    this.tell(null);
    for (const [name, value] of Object.entries({ width, height, viewBox: `0 0 ${width} ${height}`, "aria-label": label })) {
      this.svg.setAttribute(name, value);
    }
    this.marks = points.map((point, number) => this.mark(point, number));
    this.svg.replaceChildren(this.axes(), ...lines.map((line) => this.line(line)), makeSvg("g", {}, ...this.marks));
    this.legend.replaceChildren(...lines.filter(({ name }) => name).map((line) => make("span", {}, this.sample(line), line.name)));
    if (focused) this.marks[this.held]?.focus();
  }

  across(value) {
    const { left, right } = PLOT;
    return left + ((value - this.x.from) / (this.x.to - this.x.from || 1)) * (this.width - left - right);
  }

  down(value) {
    const { top, bottom } = PLOT;
    return this.height - bottom - ((value - this.y.from) / (this.y.to - this.y.from || 1)) * (this.height - top - bottom);
  }

  /** Lines of the grid with their numbers, and the axes' names. */
  axes() {
    const { left, right, top, bottom } = PLOT;
    const [end, floor] = [this.width - right, this.height - bottom];
    const text = (words, place, anchor) => makeSvg("text", { ...place, "text-anchor": anchor }, words);
    const rules = (d) => makeSvg("path", { class: "rule", d });
    const rows = ticks(this.y, 6).flatMap((value) => [
      rules(`M${left} ${this.down(value)}H${end}`),
      text(tickWords(value), { x: left - 8, y: this.down(value) + 4 }, "end"),
    ]);
    const columns = ticks(this.x, Math.max(2, Math.floor((end - left) / (this.x.whole ? 28 : 56)))).flatMap((value) => [
      rules(`M${this.across(value)} ${floor}v5`),
      text(tickWords(value), { x: this.across(value), y: floor + 19 }, "middle"),
    ]);
    const middle = (top + floor) / 2;
    return makeSvg(
      "g", { class: "axes", "aria-hidden": true },
      ...rows, ...columns,
      text(this.x.name, { x: (left + end) / 2, y: this.height - 8 }, "middle"),
      text(this.y.name, { transform: `translate(13 ${middle}) rotate(-90)` }, "middle"),
    );
  }

  line({ at, dashed, quiet, colour }) {
    const d = at.map(([x, y], n) => `${n ? "L" : "M"}${this.across(x)} ${this.down(y)}`).join("");
    const kind = ["line", dashed && "dashed", quiet && "faint"].filter(Boolean).join(" ");
    return makeSvg("path", { class: kind, d, style: colour ? `stroke: ${colour}` : "" });
  }

  sample({ dashed, colour }) {
    const d = "M0 6H24";
    return makeSvg("svg", { width: 24, height: 12, "aria-hidden": true },
      makeSvg("path", { class: dashed ? "line dashed" : "line", d, style: colour ? `stroke: ${colour}` : "" }));
  }

  mark({ x, y, title, words: told, colour, hollow, ring, chosen }, number) {
    const kind = ["point", hollow && "hollow", ring && "ring", chosen && "chosen"].filter(Boolean).join(" ");
    const style = colour ? `${hollow || ring ? "stroke" : "fill"}: ${colour}` : "";
    return makeSvg("circle", {
      class: kind, style, cx: this.across(x), cy: this.down(y), r: PLOT.radius,
      role: this.open ? "button" : "img", tabindex: number === this.held ? 0 : -1, "aria-label": `${title}: ${told}`,
    });
  }

  hands() {
    const { svg } = this;
    svg.addEventListener("pointermove", (event) => this.tell(this.near(event)));
    svg.addEventListener("pointerleave", () => this.tell(this.focused()));
    svg.addEventListener("click", (event) => {
      const number = this.near(event);
      const told = this.tapped === number;
      this.tapped = number;
      if (number === null) return;
      if (event.pointerType === "touch" && !told) return this.tell(number); // a finger points first, and opens then
      this.open?.(this.points[number]);
    });
    svg.addEventListener("focusin", (event) => this.hold(this.marks.indexOf(event.target)));
    svg.addEventListener("focusout", () => this.tell(null));
    svg.addEventListener("keydown", (event) => {
      const to = this.step(event.key);
      if (to !== null) this.marks[to].focus();
      else if (this.open && (event.key === "Enter" || event.key === " ")) this.open(this.points[this.held]);
      else return;
      event.preventDefault();
    });
  }

  /** The point that an arrow key leads to: right and left by what stands across, up and down by what stands upright. */
  step(key) {
    const way = { ArrowRight: ["x", 1], ArrowLeft: ["x", -1], ArrowUp: ["y", 1], ArrowDown: ["y", -1] }[key];
    if (!way && key !== "Home" && key !== "End") return null;
    const [main, by] = way ?? ["x", 0];
    const other = main === "x" ? "y" : "x";
    const order = [...this.points.keys()].sort((a, b) =>
      this.points[a][main] - this.points[b][main] || this.points[a][other] - this.points[b][other]);
    if (!by) return order.at(key === "Home" ? 0 : -1);
    return order[order.indexOf(this.held) + by] ?? null;
  }

  hold(number) {
    if (number < 0) return;
    this.marks[this.held]?.setAttribute("tabindex", -1);
    this.held = number;
    this.marks[number].setAttribute("tabindex", 0);
    this.tell(number);
  }

  focused() {
    const number = this.marks?.indexOf(document.activeElement) ?? -1;
    return number < 0 ? null : number;
  }

  /** The number of the point nearest to the pointer, or null if none is near. */
  near(event) {
    if (!this.points) return null;
    const box = this.svg.getBoundingClientRect();
    let [best, least] = [null, PLOT.reach];
    this.points.forEach(({ x, y }, number) => {
      const far = Math.hypot(this.across(x) + box.left - event.clientX, this.down(y) + box.top - event.clientY);
      if (far < least) [best, least] = [number, far];
    });
    return best;
  }

  /** Shows what a point says beside it; null hides it. */
  tell(number) {
    this.svg.classList.toggle("opens", Boolean(this.open) && number !== null);
    for (const mark of this.svg.querySelectorAll(".told")) mark.classList.remove("told");
    this.tip.hidden = number === null;
    if (number === null) return;
    const { x, y, title, words: told } = this.points[number];
    this.marks[number].classList.add("told");
    this.tip.querySelector("b").textContent = title;
    this.tip.querySelector("span").textContent = told;
    const { offsetWidth, offsetHeight } = this.tip;
    const left = Math.max(0, Math.min(this.across(x) - offsetWidth / 2, this.width - offsetWidth));
    const above = this.down(y) - offsetHeight - 12;
    this.tip.style.transform = `translate(${Math.round(left)}px, ${Math.round(above >= 0 ? above : this.down(y) + 12)}px)`;
  }
}

/** At most so many round numbers of an axis. */
function ticks({ from, to, whole }, most) {
  const size = 10 ** Math.floor(Math.log10((to - from) / most || 1));
  const steps = [1, 2, 5, 10, 20].map((step) => step * size).filter((step) => !whole || (step >= 1 && step % 1 === 0));
  const step = steps.find((each) => (to - from) / each <= most) ?? 1;
  const first = Math.ceil(from / step - 1e-9);
  return Array.from({ length: Math.max(0, Math.floor(to / step + 1e-9) - first + 1) }, (_, n) => Number(((first + n) * step).toPrecision(12)));
}

function tickWords(value) {
  return decimal(value);
}

/** The numbers of a plot as a table, made when it is unfolded. `rows()` gives rows of texts, `head` the columns' names. */
function tableBelow(details, head, rows) {
  const fill = () => details.open && details.querySelector(".roll").replaceWith(table(head, rows()));
  details.replaceChildren(make("summary", {}, words("plots.table")), make("div", { className: "roll" }));
  details.ontoggle = fill;
  fill();
}

function makeSvg(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}
