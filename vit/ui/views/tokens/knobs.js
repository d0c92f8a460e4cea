// The controls: sliders, lists and buttons of one choice. They show what is looked at and change it; nothing here draws.

class Knobs {
  constructor(view, tokens) {
    this.view = view;
    this.tokens = tokens;
    this.hands();
  }

  hands() {
    const { view, tokens } = this;
    for (const input of view.findAll("input[data-set], select[data-set]")) {
      const name = input.dataset.set;
      input.addEventListener("input", () => tokens.set(name, Number(input.value) - (name === "block" ? 1 : 0)));
    }
    for (const group of view.findAll("[data-pick]")) {
      const pick = (button) => button && tokens.set(group.dataset.pick, parse(button.dataset.value));
      group.addEventListener("click", (event) => pick(event.target.closest("[role=radio]")));
      group.addEventListener("keydown", (event) => {
        const move = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
        if (!move) return;
        event.preventDefault();
        const all = [...group.children];
        const next = all[(all.indexOf(event.target) + move + all.length) % all.length];
        pick(next);
        next.focus();
      });
    }
    view.root.addEventListener("keydown", (event) => {
      const by = { "[": -1, "]": 1 }[event.key];
      if (!by || isShortcut(event) || !tokens.blocks?.length || event.target.matches("select")) return;
      tokens.set("block", Math.min(tokens.blocks.length - 1, Math.max(0, tokens.look.block + by)));
    });
  }

  /** Shows what is chosen, and the ends of the colours. */
  show() {
    const { view, tokens } = this;
    const { look, blocks, block, map, why } = tokens;
    const count = blocks.length && blocks.at(-1).layer + 1;
    const shown = { block: count ? words("controls.of", { number: block.layer + 1, count }) : "", opacity: `${Math.round(100 * look.opacity)}%`, k: words("tokens.spread", { k: decimal(look.k) }) };
    for (const [name, line] of Object.entries(shown)) {
      const input = view.find(`[data-set=${name}]`);
      if (name === "block") input.max = Math.max(1, blocks.length);
      input.value = look[name] + (name === "block" ? 1 : 0);
      input.style.setProperty("--done", `${(100 * (input.value - input.min)) / (input.max - input.min || 1)}%`);
      input.nextElementSibling.textContent = line;
    }
    const { part } = look;
    view.find(".scales").hidden = part === "colours" || Boolean(why[part]);
    view.find("[data-pick=scale] [data-value=wide]").textContent = words(part === "alike" ? "tokens.scale_full" : "tokens.scale_layers");
    this.chips();
    for (const group of view.findAll("[data-pick]")) this.choose(group);
    view.find(".key .scale").hidden = !map.values;
    if (!map.values) return;
    paintBar(view.find(".key .bar"), coloursOf(map, state.view));
    const number = part === "lens" ? percent : three;
    view.find(".key .least").textContent = map.from ? words("tokens.from_median", { median: number(map.least) }) : number(map.least);
    view.find(".key .most").textContent = number(map.most);
  }

  /** The tokens that cosines can be asked from: the patch under the hand, and those that are no patch. */
  chips() {
    const group = this.view.find("[data-pick=token]");
    const { block, look } = this.tokens;
    const names = block?.layout.prefix ?? [];
    if (!names.includes(look.token)) look.token = "patch";
    if (group.dataset.made === names.join()) return;
    group.dataset.made = names.join();
    group.replaceChildren(...["patch", ...names].map((name) => {
      const button = make("button", { type: "button", role: "radio" }, name === "patch" ? words("tokens.patch") : name.toUpperCase());
      button.dataset.value = name;
      return button;
    }));
  }

  choose(group) {
    const name = group.dataset.pick;
    const { look, own } = this.tokens;
    const value = String(name === "scale" ? look.scale[look.part] : name === "kind" ? own.kind : look[name]);
    for (const button of group.children) {
      button.setAttribute("aria-checked", button.dataset.value === value);
      button.tabIndex = button.dataset.value === value ? 0 : -1;
    }
  }
}
