// The truth check's curves as SVG: the class's probability while patches are exchanged, in a map's order, in the reversed
// one, and in the band of random orders. A cursor follows the pointer or the arrow keys, and says its numbers.

const CURVES = { width: 360, height: 220, left: 44, right: 10, top: 10, bottom: 34 };

class CurvesChart {
  /** `lines` are [{name, values, className}], the chosen one first; `band` is {least, mean, most}; `shares` the abscissa. */
  constructor({ title, shares, band, lines, label }) {
    Object.assign(this, { shares, band, lines });
    const { width, height, left, right, top, bottom } = CURVES;
    this.x = (share) => left + share * (width - left - right);
    const most = Math.max(...band.most, ...lines.flatMap(({ values }) => [...values]));
    this.peak = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1].find((step) => step >= most) ?? 1;
    this.y = (value) => top + (1 - value / this.peak) * (height - top - bottom);
    this.figure = makeSvg("svg", { viewBox: `0 0 ${width} ${height}`, class: "curves", tabindex: 0, role: "slider" });
    for (const [name, value] of [["label", label], ["valuemin", 0], ["valuemax", shares.length - 1], ["orientation", "horizontal"]]) {
      this.figure.setAttribute(`aria-${name}`, value);
    }
    this.axes();
    const there = band.most.map((value, n) => `${this.x(shares[n])},${this.y(value)}`);
    const back = band.least.map((value, n) => `${this.x(shares[n])},${this.y(value)}`).reverse();
    this.figure.append(makeSvg("polygon", { points: [...there, ...back].join(" "), class: "band" }));
    this.figure.append(this.line(band.mean, "chance"));
    for (const { values, className } of [...lines].reverse()) this.figure.append(this.line(values, className));
    this.cursor = makeSvg("line", { y1: top, y2: height - bottom, class: "cursor" });
    this.figure.append(this.cursor);
    this.told = make("p", { className: "reading quiet" });
    this.element = make("figure", { className: "curves-figure" }, make("figcaption", {}, title), this.figure, this.told);
    this.figure.addEventListener("pointermove", (event) => this.point(event));
    this.figure.addEventListener("pointerdown", (event) => this.point(event));
    this.figure.addEventListener("keydown", (event) => this.key(event));
    this.read(Math.round((shares.length - 1) / 4));
  }

  axes() {
    const { width, height, left, bottom } = CURVES;
    for (const part of [0, 0.5, 1]) {
      const y = this.y(part * this.peak);
      this.figure.append(makeSvg("line", { x1: left, x2: width - CURVES.right, y1: y, y2: y, class: "grid" }));
      this.figure.append(makeSvg("text", { x: left - 6, y: y + 4, "text-anchor": "end" }, wholePercent(part * this.peak)));
      const anchor = part === 1 ? "end" : "middle";
      this.figure.append(makeSvg("text", { x: this.x(part), y: height - bottom + 16, "text-anchor": anchor }, wholePercent(part)));
    }
    this.figure.append(makeSvg("text", { x: this.x(0.25), y: height - 4, "text-anchor": "middle" }, words("truth.exchanged")));
  }

  line(values, className) {
    const points = Array.from(values, (value, n) => `${this.x(this.shares[n])},${this.y(value)}`).join(" ");
    return makeSvg("polyline", { points, class: className });
  }

  point(event) {
    const box = this.figure.getBoundingClientRect();
    const share = ((event.clientX - box.left) * (CURVES.width / box.width) - CURVES.left) / (CURVES.width - CURVES.left - CURVES.right);
    const away = this.shares.map((each) => Math.abs(each - share));
    this.read(away.indexOf(Math.min(...away)));
  }

  key(event) {
    const last = this.shares.length - 1;
    const to = { ArrowLeft: this.at - 1, ArrowDown: this.at - 1, ArrowRight: this.at + 1, ArrowUp: this.at + 1, Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.read(Math.min(last, Math.max(0, to)));
  }

  /** The cursor at one point, and every named line's number there. */
  read(at) {
    this.at = at;
    const x = this.x(this.shares[at]);
    this.cursor.setAttribute("x1", x);
    this.cursor.setAttribute("x2", x);
    const named = this.lines.filter(({ name }) => name).map(({ name, values }) => `${name} ${percent(values[at])}`);
    const { least, most } = this.band;
    const chance = words("truth.band", { least: percent(least[at]), most: percent(most[at]) });
    const text = words("truth.reading", { share: wholePercent(this.shares[at]), lines: [...named, chance].join(", ") });
    this.told.textContent = text;
    this.figure.setAttribute("aria-valuenow", at);
    this.figure.setAttribute("aria-valuetext", text);
  }
}

function wholePercent(share) {
  const value = 100 * share;
  return `${decimal(value < 1 && value > 0 ? value.toFixed(1) : Math.round(value))}%`;
}

/** What a check says of one method: the words of vit/measures/curves.py (Faithfulness.words), in the page's language. */
function verdictWords(method, orders) {
  const standing = (test) => method[test].standing.replace(" ", "_");
  const both = standing("deletion");
  if (both === standing("insertion")) return words(`truth.both.${both}`, { orders });
  const clear = ["deletion", "insertion"].filter((test) => ["better", "worse"].includes(standing(test)));
  if (!clear.length) return words("truth.both.no_better");
  const only = clear.length === 1 && standing(clear[0]) === "better";
  return clear.map((test) => words(`truth.${test}_${standing(test)}`)).join(words("truth.but")) + (only ? words("truth.only") : "");
}

/** One test of one method in a sentence, for those who don't see the curves. */
function curvesWords(curves, chance) {
  const [area, mean, spread] = [curves.area, chance.area, chance.spread].map((number) => decimal(number.toFixed(3)));
  const told = { area, mean, spread, orders: chance.orders, good: curves.as_good, p: decimal(Number(curves.p.toPrecision(2))) };
  const reversed = curves.backwards_area === null ? "" : " " + words("truth.reversed_area", { area: decimal(curves.backwards_area.toFixed(3)) });
  return words("truth.area", told) + reversed;
}
