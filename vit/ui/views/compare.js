// Compare: two models on one photo, or two photos in one model. A place that is pointed at in one is asked about in both,
// each on its own grid; one scale for both, and layers at the same share of the depth.

addView("compare", (view) => {
  const EXAMPLES = props.examples ?? [];
  const MANY = 30; // models: more are searched for
  const chosen = { method: "raw", share: 1, head: "mean", query: null, scale: "shared", ...compareChoice(view.wanted) };
  let by = "model"; // what differs: the model or the photo
  let model = ""; // of the second side; "" for the first other one on offer
  let photo = null; // of the second side: {file, name} or {example}; null for the first other example
  let bringing = null; // the file that is on its way
  let models = null; // [[label, name]], once they are here
  let pointer = null;
  let frame = 0;
  let speech = 0;
  const [kind, name] = (view.wanted.beside ?? "").split(/:(.*)/s);
  if (kind === "model" && name) model = name;
  if (kind === "photo") {
    by = "photo";
    if (EXAMPLES.some((each) => each.name === name)) photo = { example: name };
  }

  const sides = [0, 1].map((n) => new Side(view.find(`[data-side="${n}"]`), view.find(`[data-answer="${n}"]`), { point, pin, key, own }));
  const select = view.find("select");
  const search = view.find(".find");
  const file = view.find("input[type=file]");
  const slider = view.find("input[type=range]");
  const group = (pick) => view.find(`[data-pick=${pick}]`);

  hearChoice(group("by"), (value) => {
    by = value;
    other();
  });
  for (const pick of ["method", "scale", "head"]) hearChoice(group(pick), (value) => choose({ [pick]: value }));
  slider.addEventListener("input", () => choose({ share: slider.value / slider.max }));
  select.addEventListener("change", () => take(select.value));
  search.placeholder = words("compare.find");
  search.addEventListener("input", ({ inputType = "" }) => {
    search.setCustomValidity("");
    const whole = models.find(([, name]) => name === search.value);
    if (whole && ["", "insertReplacementText"].includes(inputType)) take(search.value); // not typed: chosen from the list
  });
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter") seek(search.value.trim().toLowerCase());
  });
  view.find(".own").addEventListener("click", () => file.click());
  file.addEventListener("change", () => {
    const [given] = file.files;
    file.value = ""; // the same file may be chosen again
    if (given) bring(given);
  });
  view.find(".thumbs").append(...EXAMPLES.map(thumb));
  press();

  function thumb({ name, words: title, thumb }) {
    const label = words("door.example", { name: title });
    const button = make("button", { type: "button", title, ariaLabel: label }, make("img", { src: thumb, alt: "" }));
    button.dataset.photo = name;
    button.addEventListener("click", () => {
      photo = { example: name };
      other();
    });
    return button;
  }

  /** The model of this name, else the first that has it as a part; the bundled ones are the first. */
  function seek(part) {
    if (!part) return;
    const found = models.find(([, name]) => name.toLowerCase() === part) ?? models.find(([, name]) => name.toLowerCase().includes(part));
    if (found) return take(found[1]);
    search.setCustomValidity(words("compare.unfound", { part }));
    search.reportValidity();
  }

  function take(name) {
    search.value = "";
    model = select.value = name;
    other();
  }

  /** Another second side: whatever is under way is of no use any more. */
  function other() {
    bringing = null;
    press();
    view.address("beside", beside());
    if (view.asking) view.stop();
    view.ask();
  }

  function beside() {
    if (by === "photo") return photo?.file ? "photo" : `photo:${second().example}`;
    return model ? `model:${model}` : null;
  }

  function second() {
    if (by !== "photo") return {};
    return photo ?? { example: (EXAMPLES.find((each) => each.name !== state.source.example) ?? EXAMPLES[0])?.name };
  }

  async function bring(given) {
    bringing = given;
    if (view.asking) view.stop();
    if (usable()) view.settle("busy", words("asked.sending"));
    try {
      const sent = await sendFile(given);
      if (bringing !== given) return;
      photo = { file: sent, name: given.name };
      other();
    } catch (error) {
      if (bringing === given && usable()) view.settle("error", whyUnsent(error));
    }
  }

  /** The frame's own button ends questions; this ends a file on its way. */
  view.root.querySelector("[data-act=stop]").addEventListener("click", () => {
    if (!bringing) return;
    bringing = null;
    view.settle("stopped", words("views.stopped"));
  });

  /** Shows what is chosen for the second side. */
  function press() {
    markChoice(group("by"), by);
    view.find(".by-model").hidden = by !== "model";
    search.hidden = by !== "model" || !(models?.length > MANY);
    view.find(".by-photo").hidden = by !== "photo";
    const example = by === "photo" && state.value ? second().example : null;
    for (const button of view.findAll("[data-photo]")) button.setAttribute("aria-pressed", button.dataset.photo === example);
    view.find(".own").textContent = photo?.file ? photo.name : words("compare.choose");
  }

  function list(given, now) {
    if (given) {
      models = given;
      const options = () => models.map(([label, name]) => new Option(label, name));
      select.replaceChildren(...options());
      view.find("datalist").replaceChildren(...options());
    }
    if (now && ![...select.options].some((option) => option.value === now)) select.prepend(new Option(now, now));
    select.value = now;
  }

  let begun = false; // whether anything has been compared yet

  function show({ record, why, models: given }) {
    const { query } = state.view;
    if (!begun && query && !query.token) chosen.query ??= { ...query }; // what is held in Explore is asked about here
    begun = true;
    sides[1].maps?.close();
    list(given, by === "model" ? (model || record?.model || "") : select.value);
    press();
    const names = namesOf(record?.model ?? model);
    sides[0].show(state.value, state.maps, names[0]);
    const maps = record && new Maps(record, () => view.draw(), () => sides[1].show(null, null, names[1], words("asked.unbrought")));
    sides[1].show(record ?? null, maps, names[1], why);
    maps?.start(layerAt(chosen.share, record.layers.length));
    view.address("beside", beside());
    choose({});
  }

  function namesOf(other) {
    return by === "model" ? [state.value.model, other] : [words("compare.first"), words("compare.second")];
  }

  /** The second photo isn't known before its answer; of two models it is the same one. */
  function begin() {
    const names = namesOf(model);
    sides.forEach((side, n) => side.begin(names[n], n === 0 || by === "model"));
  }

  /** The sides that have a record. */
  function shown() {
    return sides.filter((side) => side.value);
  }

  function choose(change) {
    Object.assign(chosen, change);
    const counts = shown().map((side) => side.value.layers.length);
    if (!counts.length) return;
    const steps = Math.max(...counts);
    const step = Math.min(steps, Math.max(1, Math.round(chosen.share * steps)));
    chosen.share = step / steps;
    const heads = Math.min(...shown().map(({ value: { layers } }) => layers[layerAt(chosen.share, layers.length)].heads));
    if (typeof chosen.head === "number" && (chosen.head >= heads || chosen.method === "rollout")) chosen.head = "mean";
    Object.assign(slider, { max: steps, value: step });
    const layers = counts.map((count) => words("compare.layer", { number: layerAt(chosen.share, count) + 1, count }));
    const depth = `${words("compare.share", { share: Math.round(100 * chosen.share) })} · ${[...new Set(layers)].join(", ")}`;
    slider.style.setProperty("--done", `${(100 * (step - 1)) / (steps - 1 || 1)}%`);
    slider.setAttribute("aria-valuetext", depth);
    view.find("output").textContent = depth;
    fillChoice(group("head"), headChoices(chosen.method === "rollout" ? 0 : heads));
    for (const pick of ["method", "scale", "head"]) markChoice(group(pick), chosen[pick]);
    const { method, share, head, scale, query } = chosen;
    view.address("how", method === "raw" ? null : method);
    view.address("depth", share === 1 ? null : share.toFixed(3));
    view.address("heads", head === "mean" ? null : head);
    view.address("scale", scale === "shared" ? null : scale);
    view.address("place", query && `${query.y.toFixed(3)},${query.x.toFixed(3)}`);
    draw();
  }

  function point(place) {
    pointer = place;
    draw();
  }

  /** From the button at a map that is hardly seen: both get their own scale, and the focus goes to where that is chosen. */
  function own() {
    choose({ scale: "own" });
    group("scale").querySelector("[data-value=own]").focus();
  }

  /** A click holds the place that is asked about; one on the same patch lets go. */
  function pin(place) {
    if (!place) return;
    const [{ maps, view: look }] = sides;
    const { queries } = maps.layers[look.layer] ?? state.value.layers[look.layer];
    const held = chosen.query && patchAt(queries, chosen.query).patch === patchAt(queries, place).patch;
    choose({ query: held ? null : place });
  }

  function key(event, side) {
    const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey || !side.map) return;
    if (move) {
      const { rows, cols } = askedLayout(side);
      const from = pointer ?? chosen.query ?? { y: 0.5, x: 0.5 };
      const { row, col } = patchAt({ rows, cols }, from);
      const limit = (value, count) => Math.min(count - 1, Math.max(0, value));
      pointer = placeOf({ rows, cols }, limit(row + move[0], rows), limit(col + move[1], cols));
      draw();
    } else if (event.key === "Enter") pin(pointer);
    else if (event.key === "Escape") choose({ query: null });
    else return;
    event.preventDefault();
  }

  /** Draws once in the next frame, however often it is called. */
  function draw() {
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      if (view.open && view.result && shown().length) paint();
    });
  }

  function paint() {
    const tall = Math.max(200, window.innerHeight * (window.innerWidth < 560 ? 0.36 : 0.46));
    const peaks = shown().map((side) => {
      side.fit(tall);
      return side.look(chosen, pointer);
    });
    const shared = Math.max(...peaks);
    const own = chosen.scale === "own";
    shown().forEach((side, n) => side.paint(own ? peaks[n] : shared, words(own ? "stage.own" : "stage.shared")));
    clearTimeout(speech);
    if (pointer) speech = setTimeout(() => (find(".spoken").textContent = spoken()), 300);
  }

  function spoken() {
    const told = shown().filter((side) => side.map && side.pointer);
    return told.map((side) => `${side.find("h2").textContent}: ${words("stage.spoken", hereWords(side.map, side.pointer))}`).join("; ");
  }

  return {
    options: () => ({ by, model: by === "model" ? model : "", list: !models }),
    second,
    begin,
    clear() {
      sides[1].maps?.close();
      pointer = null;
      for (const side of sides) side.clear();
    },
    show,
    draw,
  };
});
