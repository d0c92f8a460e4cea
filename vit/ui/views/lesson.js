// The lesson: one step at a time. A person predicts, then sees; pointing at the photo chooses the patch that is followed.

class Lesson {
  constructor(view) {
    this.view = view;
    this.find = (selector) => view.find(selector);
    this.photo = this.find(".picture img");
    this.seen = new Seen(this);
    this.toy = { layer: 0, share: 0.3, order: "raw" }; // what is played with before a prediction
    this.guesses = new Map(); // step -> the chosen prediction's text
    this.closing = new Closing(view, () => this.draw(), (line) => this.waits && (this.find(".verdict").textContent = line));
    this.step = stepAsked();
    this.path();
    this.hands();
  }

  /** The steps as a line of buttons. */
  path() {
    this.find(".path ol").replaceChildren(
      ...STEPS.map((step, n) => {
        const name = words(`lesson.${step.key}.name`);
        const button = make("button", { type: "button", title: name }, make("b", {}, String(n + 1)), make("span", {}, name));
        button.setAttribute("aria-label", `${n + 1}. ${name}`);
        button.addEventListener("click", () => this.turn(n));
        return make("li", {}, button);
      }),
    );
  }

  hands() {
    this.find(".guess").addEventListener("submit", (event) => {
      event.preventDefault();
      this.guesses.set(this.step, new FormData(event.target).get("guess"));
      this.draw();
    });
    this.find(".options").addEventListener("change", () => (this.find(".guess button").disabled = false));
    this.find("[data-act=before]").addEventListener("click", () => this.turn(this.step - 1));
    this.find("[data-act=after]").addEventListener("click", () => this.step + 1 < STEPS.length ? this.turn(this.step + 1) : this.end());
    // The page's own listener, which opens the view that the address names, was there before this one.
    window.addEventListener("popstate", () => this.view.root.isConnected && this.view.open && this.go(stepAsked()));
  }

  async show(result) {
    if (result.truth) return this.closing.take(result.truth);
    this.why = result.why ?? "";
    this.numbers = result.file ? new Numbers(result, await this.view.bytes(result.file)) : null;
    const { queries } = state.value.layers[0];
    const { rows, cols, prefix } = this.numbers ?? queries;
    const { query } = state.view;
    const { row, col } = query && !query.token ? patchAt({ rows, cols, prefix }, query) : { row: rows >> 1, col: cols >> 1 };
    Object.assign(this, { size: result.size, rows, cols, prefix, row, col, head: 0, layer: 0, temperature: 1 });
    this.photo.src = state.value.photo.url;
    await this.photo.decode().catch(() => {});
    this.ready = true; // the frame draws once it is usable: what a step asks for by itself is asked quietly then
  }

  /** The step's name, while its numbers are on their way. */
  begin() {
    this.mark();
    this.find("h2").textContent = words(`lesson.${STEPS[this.step].key}.title`);
  }

  clear() {
    this.ready = false;
    this.guesses.clear();
    this.closing.clear();
    for (const part of [".figure", ".example", ".options"]) this.find(part).replaceChildren();
    for (const canvas of [".warm", ".lines"]) clearCanvas(this.find(canvas));
    this.photo.removeAttribute("src");
  }

  /** Whether the answer of this step is still being worked out. */
  get waits() {
    return Boolean(STEPS[this.step].asks) && !this.closing.truth;
  }

  get token() {
    return this.prefix.length + this.row * this.cols + this.col;
  }

  /** A token's name for people. */
  name(token) {
    const patch = token - this.prefix.length;
    if (patch < 0) return this.prefix[token].toUpperCase();
    return words("map.place", { row: Math.floor(patch / this.cols) + 1, col: (patch % this.cols) + 1 });
  }

  /** Where each head of a layer looks from the chosen patch, or null while its maps are on their way. */
  looks(number) {
    const layer = state.maps?.layers[number];
    if (!layer) {
      this.await(number);
      return null;
    }
    const place = placeOf(this, this.row, this.col);
    return Array.from({ length: layer.heads }, (_, head) => {
      const { values, rows, cols } = patchMap(rawMap(layer, head, place, "to"));
      const top = placeOfLargest(values);
      const [row, col] = [Math.floor(top / cols), top % cols];
      const here = patchAt({ rows, cols, prefix: [] }, place);
      return { values, rows, cols, row, col, most: values[top], near: Math.abs(row - here.row) <= 1 && Math.abs(col - here.col) <= 1 };
    });
  }

  /** Where the token that the classifier reads looks in a layer, over the photo. */
  readout(number) {
    const layer = state.maps?.layers[number];
    if (!layer) {
      this.await(number);
      return { below: words("stage.bring_layer", { layer: number + 1 }) };
    }
    const map = patchMap(rawMap(layer, "mean", null, "to"));
    const peak = largest(map.values);
    return { ...map, peak, below: words("lesson.readout", { token: map.words, layer: number + 1, most: percent(peak) }) };
  }

  /** Draws again once a layer may be here. */
  await(number) {
    state.maps?.want(number);
    clearTimeout(this.later);
    this.later = setTimeout(() => this.draw(), 200);
  }

  /** Changes what is followed; `focus` names what takes the focus of a control that is drawn anew. */
  set(changed, focus) {
    const moved = "row" in changed;
    if (moved && STEPS[this.step].key === "heads") this.guesses.delete(this.step); // another patch, another answer
    Object.assign(this, changed);
    this.draw();
    if (focus) this.find(`.figure ${focus}`)?.focus();
  }

  /** A temperature: only what it changes is drawn, so that the slider stays in the hand. */
  soften(temperature) {
    this.temperature = temperature;
    this.find(".soft").replaceChildren(STEPS[this.step].hand(this));
    this.paint();
  }

  /** Something to play with has been moved: the photo alone is painted, so that it stays in the hand. */
  look(changed) {
    Object.assign(this.toy, changed);
    this.paint();
  }

  /** A person goes to a step: the browser's own button leads back from it. */
  turn(step) {
    if (!STEPS[step] || step === this.step) return;
    stepAddress({ step: step ? step + 1 : null });
    this.go(step);
  }

  go(step) {
    if (step === this.step) return;
    this.closing.leave();
    this.step = step;
    if (this.ready) this.draw();
    else this.begin();
    const [title, seen] = ["h2", ".seen"].map(this.find);
    const above = seen.getBoundingClientRect().right > title.getBoundingClientRect().left; // on a phone the photo stays above
    title.style.scrollMargin = `${above ? seen.offsetHeight + 8 : 12}px 0 72px`;
    title.focus({ preventScroll: true });
    title.scrollIntoView({ block: "nearest" });
  }

  /** After the last step: the view that shows what the other methods make of the photo. */
  end() {
    openView("methods", stepAddress);
    find("#tab-methods").focus();
  }

  draw() {
    if (!this.ready || !this.view.open) return;
    const step = STEPS[this.step];
    const missing = this.numbers || !step.own ? null : step.own;
    const fill = missing === "all" ? null : step.fill(this);
    const guess = this.guesses.get(this.step);
    const say = (key) => words(key, fill ?? { reads: reads() });
    this.mark();
    this.find("h2").textContent = say(`lesson.${step.key}.title`);
    this.find(".intro").textContent = fill ? say(`lesson.${step.key}.intro`) : say(`lesson.${step.key}.short`);
    const play = fill && guess === undefined && BEFORE[step.key]?.play;
    this.find(".example").replaceChildren(...[step.example, play].filter(Boolean).map((part) => part(this)));
    this.find(".guess").hidden = !fill;
    this.find(".why").textContent = missing ? this.why : "";
    this.find(".shown").hidden = !fill || guess === undefined;
    if (fill && this.waits) this.closing.seek();
    if (fill) this.question(step, say(`lesson.${step.key}.ask`), guess);
    if (fill && guess !== undefined && this.waits) {
      this.find(".verdict").textContent = this.closing.doing ?? this.closing.failed;
      this.find(".after").textContent = "";
      this.find(".figure").replaceChildren(this.closing.waiting());
    } else if (fill && guess !== undefined) {
      const options = step.options(this);
      const right = options.find((option) => option.right)?.text ?? "";
      this.find(".verdict").textContent = guess === right ? words("lesson.right") : words("lesson.wrong", { right });
      this.find(".after").textContent = say(`lesson.${step.key}.after`);
      this.find(".figure").replaceChildren(...(missing && step.key !== "softmax" ? [] : [step.figure(this)]));
    }
    this.find("[data-act=before]").disabled = this.step === 0;
    this.find("[data-act=after]").textContent = words(this.step + 1 < STEPS.length ? "lesson.next" : "lesson.end");
    this.paint();
  }

  mark() {
    this.view.findAll(".path button").forEach((button, n) => {
      button.classList.toggle("done", this.guesses.has(n));
      if (n === this.step) button.setAttribute("aria-current", "step");
      else button.removeAttribute("aria-current");
    });
  }

  /** The prediction: made anew only when it changes, so that focus stays where it is. */
  question(step, ask, guess) {
    const form = this.find(".guess");
    const options = step.options(this);
    const key = JSON.stringify([step.key, options.map(({ text }) => text)]);
    if (form.dataset.made !== key || !this.find(".options").children.length) {
      form.dataset.made = key;
      this.find(".options").replaceChildren(
        ...options.map(({ text }) => make("label", {}, make("input", { type: "radio", name: "guess", value: text }), make("span", {}, text))),
      );
    }
    this.find("legend").textContent = ask;
    this.find("fieldset").disabled = guess !== undefined;
    this.find(".guess > button").hidden = guess !== undefined;
    this.view.findAll(".options label").forEach((label, n) => {
      const input = label.querySelector("input");
      if (guess !== undefined) input.checked = input.value === guess;
      label.classList.toggle("right", guess !== undefined && options[n].right);
    });
    this.find(".guess button").disabled = !this.find(".options :checked");
  }

  /** Whether the answer of this step is not to be seen yet. */
  get secret() {
    return !this.guesses.has(this.step) || Boolean(STEPS[this.step].own && !this.numbers);
  }

  paint() {
    this.seen.paint();
  }
}

/** The step that the address names, counted from 0; without one the first. */
function stepAsked() {
  const asked = Number(readAddress().step);
  return STEPS[asked - 1] ? asked - 1 : 0;
}

addView("lesson", (view) => {
  const lesson = new Lesson(view);
  return {
    show: (result) => lesson.show(result),
    begin: () => lesson.begin(),
    clear: () => lesson.clear(),
    leave: () => lesson.closing.leave(),
    options: () => lesson.closing.options(),
    told: (line, error) => lesson.closing.told(line, error),
    draw: () => lesson.draw(),
  };
});
