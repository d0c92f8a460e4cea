// What if: paint patches out, switch heads off; the server answers with the likeliest classes before and after.

addView("what_if", (view) => {
  const MEAN_COLOUR = "rgb(124, 116, 104)"; // of ImageNet: what 0 is once normalised
  const WAIT = 250; // milliseconds: a stroke or several clicks are one question
  const ROWS = 5; // of the table: never more, so that what is below it stays in its place
  const canvas = view.find(".paint");
  const board = view.find(".board");
  const share = view.find("[data-set=share]");
  let grid = { rows: 1, cols: 1 };
  let hidden = new Set(); // patch numbers, row by row
  let silent = new Set(); // "layer" or "layer,head"
  let brush = "hide";
  let cursor = null; // where the keyboard is: a patch
  let keyed = false; // whether the photo is painted by keys: else nobody needs to see where they are
  let timer = 0;
  let switches = null; // the layers whose heads there are buttons for

  function later() {
    view.find("tbody").dataset.old = ""; // dimmed until the answer fits again
    told(words("what_if.working"), false);
    clearTimeout(timer);
    timer = setTimeout(() => {
      timer = 0;
      view.ask({ quiet: true });
    }, WAIT);
  }

  /** What is being done stands in place of the sentence that doesn't hold any more. */
  function told(line, error) {
    if (error) return view.settle("error", line);
    const [verdict, doing] = [view.find(".verdict"), view.find(".doing")];
    verdict.hidden = line !== null;
    doing.hidden = line === null;
    doing.querySelector("span").textContent = line;
  }

  /** Why there is no map to hide by, or nothing. */
  function refused(why = "") {
    view.find(".refused").textContent = why;
    view.find(".refused").hidden = !why;
  }

  function changed() {
    paint();
    later();
  }

  function paint() {
    const { width, height } = board.getBoundingClientRect();
    if (!width) return;
    const sharp = window.devicePixelRatio || 1;
    Object.assign(canvas, { width: Math.round(width * sharp), height: Math.round(height * sharp) });
    const pen = canvas.getContext("2d");
    const [across, down] = [canvas.width / grid.cols, canvas.height / grid.rows];
    pen.fillStyle = MEAN_COLOUR;
    for (const patch of hidden) {
      const [row, col] = [Math.floor(patch / grid.cols), patch % grid.cols];
      const [left, top] = [Math.round(col * across), Math.round(row * down)];
      pen.fillRect(left, top, Math.round((col + 1) * across) - left, Math.round((row + 1) * down) - top);
    }
    const marks = [{ ...grid, patches: hidden, weight: 1 }];
    if (keyed && document.activeElement === canvas) marks.push({ ...grid, patches: new Set([cursor]), weight: 2 });
    for (const { rows, cols, patches, weight } of marks) {
      const path = outline(patches, rows, cols, canvas.width, canvas.height);
      for (const [colour, extra] of [["rgba(0, 0, 0, 0.6)", 2], ["#fff", 0]]) {
        pen.lineWidth = (weight + extra) * sharp;
        pen.strokeStyle = colour;
        pen.stroke(path);
      }
    }
    view.find(".told").textContent = words("what_if.told", { count: hidden.size, all: grid.rows * grid.cols, share: percent(hidden.size / (grid.rows * grid.cols)) });
  }

  function fit() {
    const { width, height } = state.value;
    const across = view.find(".cover").clientWidth;
    const tall = Math.max(240, window.innerHeight * (window.innerWidth < 760 ? 0.5 : 0.58));
    const scale = Math.min(across / width, tall / height);
    board.style.width = `${Math.round(width * scale)}px`;
    board.style.height = `${Math.round(height * scale)}px`;
    paint();
  }

  function patchUnder(event) {
    const box = canvas.getBoundingClientRect();
    const [x, y] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    if (x < 0 || y < 0 || x >= 1 || y >= 1) return null;
    return Math.floor(y * grid.rows) * grid.cols + Math.floor(x * grid.cols);
  }

  function put(patch) {
    if (patch === null || hidden.has(patch) === (brush === "hide")) return;
    if (brush === "hide") hidden.add(patch);
    else hidden.delete(patch);
    changed();
  }

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    keyed = false;
    put(patchUnder(event));
  });
  canvas.addEventListener("pointermove", (event) => event.buttons && event.getCoalescedEvents().concat(event).forEach((each) => put(patchUnder(each))));
  canvas.addEventListener("focus", () => {
    cursor ??= Math.floor(grid.rows / 2) * grid.cols + Math.floor(grid.cols / 2);
    keyed = canvas.matches(":focus-visible");
    paint();
  });
  canvas.addEventListener("blur", paint);
  canvas.addEventListener("keydown", (event) => {
    const { rows, cols } = grid;
    const [row, col] = [Math.floor(cursor / cols), cursor % cols];
    const to = { ArrowLeft: [row, col - 1], ArrowRight: [row, col + 1], ArrowUp: [row - 1, col], ArrowDown: [row + 1, col] }[event.key];
    if (to) cursor = Math.min(rows - 1, Math.max(0, to[0])) * cols + Math.min(cols - 1, Math.max(0, to[1]));
    else if (event.key === " " || event.key === "Enter") {
      if (hidden.has(cursor)) hidden.delete(cursor);
      else hidden.add(cursor);
      later();
    } else return;
    keyed = true;
    event.preventDefault();
    paint();
  });

  function heads() {
    const rows = state.value.layers.map((layer, number) => {
      const row = document.createElement("div");
      row.className = "row";
      row.append(toggle(`${number}`, words("what_if.layer", { layer: number + 1 }), words("what_if.silence_layer", { layer: number + 1 })));
      for (let head = 0; head < layer.heads; head++) {
        row.append(toggle(`${number},${head}`, String(head + 1), words("what_if.silence_head", { layer: number + 1, head: head + 1 })));
      }
      return row;
    });
    view.find(".heads-grid").replaceChildren(...rows);
    switches = state.value.layers;
  }

  function toggle(key, text, label) {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", textContent: text, title: label });
    button.setAttribute("aria-label", label);
    button.setAttribute("aria-pressed", silent.has(key));
    button.dataset.head = key;
    return button;
  }

  function press() {
    for (const button of view.findAll("[data-head]")) {
      const [layer] = button.dataset.head.split(",");
      button.setAttribute("aria-pressed", silent.has(button.dataset.head) || silent.has(layer));
    }
  }

  view.root.addEventListener("click", (event) => {
    const key = event.target.closest("[data-head]")?.dataset.head;
    if (key) {
      const [layer, head] = key.split(",");
      if (head !== undefined && silent.delete(layer)) {
        // One head of a silent layer speaks again: the others stay silent one by one.
        for (let other = 0; other < state.value.layers[layer].heads; other++) silent.add(`${layer},${other}`);
      }
      if (!silent.delete(key)) silent.add(key);
      if (head === undefined) for (const each of [...silent]) if (each.startsWith(`${layer},`)) silent.delete(each);
      press();
      return later();
    }
    const act = event.target.closest("[data-act]")?.dataset.act;
    if (act === "none") hidden.clear();
    else if (act === "loud") silent.clear();
    else if (act === "top") {
      const count = Math.round(Number(share.value) * grid.rows * grid.cols);
      const whole = state.maps.loaded === state.maps.count;
      const { patches, words: why } = whole ? highest(view.find("[data-set=of]").value, count, grid) : { words: words("save.coming") };
      refused(why);
      if (why) return;
      hidden = patches;
    } else return;
    press();
    changed();
  });

  for (const button of view.findAll("[data-pick=brush] button")) {
    button.addEventListener("click", () => choose(button.dataset.value));
    button.addEventListener("keydown", (event) => {
      if (!event.key.startsWith("Arrow")) return;
      event.preventDefault();
      choose(brush === "hide" ? "show" : "hide");
      view.find(`[data-pick=brush] [data-value=${brush}]`).focus();
    });
  }
  function choose(value) {
    brush = value;
    for (const button of view.findAll("[data-pick=brush] button")) {
      button.setAttribute("aria-checked", button.dataset.value === brush);
      button.tabIndex = button.dataset.value === brush ? 0 : -1;
    }
  }
  share.addEventListener("input", tellShare);
  function tellShare() {
    view.find(".cover output").textContent = `${Math.round(100 * share.value)}%`;
    share.setAttribute("aria-valuetext", view.find(".cover output").textContent);
    share.style.setProperty("--done", `${100 * share.value}%`);
  }
  choose("hide");
  tellShare();

  return {
    options: () => ({
      grid: [grid.rows, grid.cols],
      hide: [...hidden],
      silence: [...silent].map((key) => key.split(",").map(Number)),
    }),
    told,
    clear() {
      clearTimeout(timer);
      timer = 0;
      hidden = new Set();
      silent = new Set();
      cursor = null;
      refused();
      view.find(".verdict").textContent = ""; // of a photo or a model that is here no more
      told(null);
    },
    show(result) {
      const { keys } = state.value.layers[0];
      if (keys.rows !== grid.rows || keys.cols !== grid.cols) cursor = null;
      grid = { rows: keys.rows, cols: keys.cols };
      if (timer) return; // more has been changed meanwhile: this answer fits no more, and the next question is on its way
      delete view.find("tbody").dataset.old;
      view.find(".seen").src = stage.photo.src;
      const changed = Boolean(hidden.size || silent.size);
      told(null);
      view.find(".verdict").textContent = changed ? verdict(result.classes) : words("what_if.nothing");
      view.find("table").toggleAttribute("data-changed", changed);
      view.find("th.number").textContent = words(changed ? "what_if.before" : "what_if.share");
      view.find("tbody").replaceChildren(...likeliest(result.classes).map(line));
      if (switches !== state.value.layers) heads(); // else they stay, and the focus with them
      press();
    },
    draw: fit,
  };

  /** The likeliest class before and after. */
  function verdict(classes) {
    const [first, last] = ["before", "after"].map((when) => classes.reduce((best, each) => (each[when] > best[when] ? each : best)));
    const told = { first: first.label, last: last.label, then: percent(first.before), now: percent(last.after), same: percent(first.after) };
    return words(first === last ? "what_if.still" : "what_if.becomes", told);
  }

  /** Those with the largest shares, before or after, in the order in which they came. */
  function likeliest(classes) {
    const size = ({ before, after }) => Math.max(before, after);
    const least = classes.map(size).sort((a, b) => b - a)[ROWS - 1] ?? 0;
    return classes.filter((each) => size(each) >= least).slice(0, ROWS);
  }

  function line({ label, before, after }) {
    const row = document.createElement("tr");
    const name = make("td", { title: label });
    const bars = ["before", "after"].map((which) => {
      const bar = document.createElement("i");
      bar.className = which === "after" ? "after changed" : which;
      bar.style.setProperty("--share", which === "before" ? before : after);
      return bar;
    });
    name.append(label, ...bars);
    const number = (value, name) => make("td", { className: name }, percent(value));
    row.append(name, number(before, "number"), number(after, "number changed"));
    return row;
  }
});
