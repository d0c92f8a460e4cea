// The truth check: the table that ranks the methods, and the curves of the one that is chosen in it.

const TESTS = ["deletion", "insertion"];

class Truth {
  constructor(root) {
    this.root = root;
    this.find = (selector) => root.querySelector(selector);
  }

  show(check, titles) {
    Object.assign(this, { check, titles });
    const { deletion, insertion } = check.chance;
    const [rows, cols] = check.grid;
    this.find(".what").textContent = words("methods.followed", { label: check.label, share: percent(check.probability) });
    this.find("tbody").replaceChildren(...check.methods.map((method, n) => this.row(method, n)));
    const told = (chance) => `${decimal(chance.area.toFixed(3))} ± ${decimal(chance.spread.toFixed(3))}`;
    const count = { orders: deletion.orders, rows, cols, steps: check.shares.length - 1 };
    this.find(".chance").textContent = words("methods.chance", { ...count, deletion: told(deletion), insertion: told(insertion) });
    this.find(".refused").textContent = check.refused.map(({ name, why }) => words("methods.unchecked", { name: this.name(name), why })).join(" ");
    this.choose(0);
    this.find(".found").hidden = false;
  }

  clear() {
    this.check = null;
    this.find(".found").hidden = true;
    this.find("tbody").replaceChildren();
    this.find(".charts").replaceChildren();
  }

  name(name) {
    return kindWords({ name, title: this.titles.get(name) }, "name");
  }

  row(method, n) {
    const button = make("button", { type: "button", className: "plain" }, this.name(method.name));
    button.addEventListener("click", () => this.choose(n));
    const number = (text, wide = "") => make("td", { className: `number ${wide}` }, text);
    const gain = `${method.gain < 0 ? "−" : "+"}${decimal(Math.abs(method.gain).toFixed(3))}`;
    const areas = TESTS.map((test) => number(decimal(method[test].area.toFixed(3)), "wide"));
    const said = make("td", { className: "verdict" }, verdictWords(method, this.check.chance.deletion.orders));
    return make("tr", {}, number(String(n + 1)), make("td", {}, button), number(gain), ...areas, said);
  }

  /** The curves of one method stand out, those of the others are thin. */
  choose(number) {
    const { methods, chance, shares } = this.check;
    this.root.querySelectorAll("tbody button").forEach((button, n) => button.setAttribute("aria-pressed", n === number));
    const method = methods[number];
    const name = this.name(method.name);
    const charts = TESTS.map((test) => {
      const curves = method[test];
      const lines = [{ name, values: curves.ordered, className: "chosen" }];
      if (curves.backwards) lines.push({ name: words("truth.reversed"), values: curves.backwards, className: "backwards" });
      methods.forEach((other, n) => n !== number && lines.push({ values: other[test].ordered, className: "other" }));
      const title = words(`truth.${test}_title`, { name });
      const chart = new CurvesChart({ title, label: title, shares, band: chance[test], lines });
      chart.element.append(make("p", { className: "quiet summary" }, curvesWords(curves, chance[test])));
      return chart.element;
    });
    const key = ["chosen", ...(method.deletion.backwards ? ["backwards"] : []), "band", "other"].map((line) =>
      make("span", { className: `key ${line}` }, line === "chosen" ? name : words(`truth.key_${line}`)));
    this.find(".charts").replaceChildren(make("p", { className: "keys" }, ...key), ...charts);
  }
}
