// A class out of a model's labels: a list, the likeliest first, and with many labels a field that narrows it down.

const MANY_LABELS = 30;

class ClassPicker {
  /** `chosen(number | null)` is called when the visitor chooses; `optional` lets no class be chosen too. */
  constructor(root, optional, chosen) {
    Object.assign(this, { optional, labels: [], top: [], value: null, taken: null });
    this.select = root.querySelector("select");
    this.search = root.querySelector("input");
    this.search.hidden = true; // until it is known how many there are
    this.search.placeholder = words("methods.find");
    this.select.addEventListener("change", () => chosen(this.select.value === "" ? null : Number(this.select.value)));
    this.search.addEventListener("input", () => this.list());
    this.search.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.clear();
      if (event.key !== "Enter") return;
      const first = this.select.querySelector("option[data-hit]:not(:disabled)");
      if (!first) return;
      this.clear();
      chosen(Number(first.value));
    });
  }

  /** The labels of a model, and its likeliest classes for the photo: [[number, label, share]]. */
  know(labels, top) {
    const times = new Map();
    for (const label of labels) times.set(label, (times.get(label) ?? 0) + 1);
    this.labels = labels.map((label, number) => (times.get(label) > 1 ? `${label} (${number})` : label)); // no two alike
    this.top = top;
    this.search.hidden = labels.length <= MANY_LABELS;
    this.clear();
  }

  /** What is chosen; `taken` is the class that the other picker has. */
  show(value, taken = null) {
    Object.assign(this, { value, taken });
    this.list();
  }

  clear() {
    this.search.value = "";
    this.list();
  }

  list() {
    const sought = this.search.value.trim().toLowerCase();
    const option = (number, text, hit) => {
      const made = make("option", { value: number, textContent: text, disabled: number === this.taken });
      if (hit) made.dataset.hit = "";
      return made;
    };
    const found = this.labels.map((label, number) => [label, number]).filter(([label]) => label.toLowerCase().includes(sought));
    found.sort(([one], [other]) => one.localeCompare(other));
    const likely = this.top.map(([number, , share]) => option(number, `${this.labels[number]} · ${percent(share)}`));
    const none = this.optional ? [make("option", { value: "", textContent: words("methods.none") })] : [];
    const others = sought ? found : found.filter(([, number]) => !this.top.some(([each]) => each === number));
    const rest = others.map(([label, number]) => option(number, label, true));
    const groups = sought
      ? [make("optgroup", { label: words("methods.found", { count: found.length }) }, ...rest)]
      : [make("optgroup", { label: words("methods.likeliest") }, ...likely), ...(rest.length ? [make("optgroup", { label: words("methods.others") }, ...rest)] : [])];
    const hidden = sought && this.value !== null && !found.some(([, number]) => number === this.value);
    this.select.replaceChildren(...none, ...(hidden ? [option(this.value, this.labels[this.value])] : []), ...groups);
    this.select.value = this.value ?? "";
  }
}
