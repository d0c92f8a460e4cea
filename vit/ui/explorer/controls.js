// The controls: buttons of one choice, sliders and a list. They show the view and change it; nothing here draws.

const CHOICES = {
  method: ["raw", "received", "rollout"],
  direction: ["to", "by"],
  scale: ["own", "shared"],
  colours: Object.keys(COLOURS).filter((name) => name !== DIVERGING),
  fusion: FUSIONS,
};

/** What a person has chosen. Layers and heads count from 0; `query` null follows the pointer. */
function startView(layers) {
  return {
    method: "raw", layer: layers - 1, head: "mean", query: null, direction: "to",
    first: 0, last: layers - 1, fusion: "mean", residual: 0.5, discard: 0,
    opacity: 0.8, colours: "inferno", smooth: true, scale: "own",
  };
}

class Controls {
  constructor(root, onSet) {
    this.root = root;
    this.onSet = onSet;
    for (const input of root.querySelectorAll("[data-set]")) {
      input.addEventListener("input", () => onSet(input.dataset.set, this.read(input)));
    }
    for (const group of root.querySelectorAll("[data-pick]")) {
      hearChoice(group, (value) => onSet(group.dataset.pick, value));
    }
    const list = root.querySelector("[data-set=colours]");
    for (const name of CHOICES.colours) list.append(new Option(name, name));
    list.value = "inferno";
  }

  read(input) {
    if (input.tagName === "SELECT") return input.value;
    const counted = ["layer", "first", "last"].includes(input.dataset.set);
    return Number(input.value) - (counted ? 1 : 0);
  }

  /** Shows the view for a record's layers. */
  show(view, layers) {
    const { root } = this;
    const layer = layers[view.layer];
    for (const name of ["layer", "first", "last"]) {
      const input = root.querySelector(`[data-set=${name}]`);
      input.max = layers.length;
      input.value = view[name] + 1;
      this.tell(name, words("controls.of", { number: view[name] + 1, count: layers.length }));
    }
    for (const name of ["opacity", "residual", "discard"]) {
      root.querySelector(`[data-set=${name}]`).value = view[name];
      this.tell(name, `${Math.round(100 * view[name])}%`);
    }
    for (const input of root.querySelectorAll("input[type=range]")) {
      const share = (input.value - input.min) / (input.max - input.min || 1);
      input.style.setProperty("--done", `${100 * share}%`);
    }
    root.querySelector("[data-set=colours]").value = view.colours;
    fillChoice(root.querySelector("[data-pick=head]"), headChoices(layer.heads));
    fillChoice(root.querySelector("[data-pick=query]"), queryChoices(view, layer));
    for (const group of root.querySelectorAll("[data-pick]")) markChoice(group, chosenOf(group.dataset.pick, view));
    root.dataset.method = view.method;
    for (const line of root.querySelectorAll(".rolled")) line.hidden = view.method !== "rollout";
    for (const line of root.querySelectorAll(".layered")) line.hidden = view.method === "rollout";
    root.querySelector(".asked").hidden = view.method === "received";
    root.querySelector(".direction").hidden = view.method !== "raw";
    root.querySelector("[data-pick=scale]").hidden = view.method === "rollout";
  }

  tell(name, line) {
    this.root.querySelector(`[data-show=${name}]`).textContent = line;
  }
}

/** A group of radio buttons: a click chooses, and arrow keys move within it. */
function hearChoice(group, onPick) {
  group.addEventListener("click", (event) => {
    const button = event.target.closest("[role=radio]");
    if (button) onPick(parse(button.dataset.value));
  });
  group.addEventListener("keydown", (event) => {
    const move = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!move) return;
    event.preventDefault();
    const buttons = [...group.querySelectorAll("[role=radio]:not([disabled])")];
    const at = buttons.indexOf(event.target);
    const next = buttons[(at + move + buttons.length) % buttons.length];
    onPick(parse(next.dataset.value));
    [...group.querySelectorAll("[role=radio]")].find((b) => b.dataset.value === next.dataset.value)?.focus();
  });
}

function markChoice(group, value) {
  const buttons = [...group.querySelectorAll("[role=radio]")];
  const chosen = buttons.find((button) => button.dataset.value === String(value));
  for (const button of buttons) {
    button.setAttribute("aria-checked", button === chosen);
    button.tabIndex = button === (chosen ?? buttons[0]) ? 0 : -1;
  }
}

/** Makes a group's buttons anew, only if they changed: focus stays where it is. */
function fillChoice(group, choices) {
  const key = JSON.stringify(choices);
  if (group.dataset.made === key) return;
  group.dataset.made = key;
  group.replaceChildren(
    ...choices.map(([value, text]) => {
      const button = document.createElement("button");
      Object.assign(button, { type: "button", textContent: text });
      button.setAttribute("role", "radio");
      if (typeof value === "number") button.setAttribute("aria-label", words("controls.one_head", { number: value + 1 }));
      button.dataset.value = value;
      return button;
    }),
  );
}

/** Mean, max, min, and each head by its number. */
function headChoices(heads) {
  const each = Array.from({ length: heads }, (_, n) => [n, String(n + 1)]);
  return [...FUSIONS.map((name) => [name, words(`controls.${name}`)]), ...each];
}

function queryChoices(view, layer) {
  const names = [...new Set([...layer.queries.prefix, ...layer.keys.prefix])];
  const choices = [["pointer", words("controls.pointer")], ...names.map((name) => [name, name.toUpperCase()])];
  if (view.query && !view.query.token) {
    const { row, col } = patchAt(layer.queries, view.query);
    choices.push(["patch", words("controls.patch", { row: row + 1, col: col + 1 })]);
  }
  return choices;
}

function chosenOf(name, view) {
  if (name !== "query") return view[name];
  return view.query ? (view.query.token ?? "patch") : "pointer";
}

function parse(text) {
  if (text === "true" || text === "false") return text === "true";
  return /^\d+$/.test(text) ? Number(text) : text;
}
