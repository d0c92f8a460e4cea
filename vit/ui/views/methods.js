// Methods: several maps of the photo side by side, for one class or two, and the truth check when it is asked for.

addView("methods", (view) => {
  const pickers = {
    target: new ClassPicker(view.find("[data-class=target]"), false, (number) => choose({ target: number })),
    against: new ClassPicker(view.find("[data-class=against]"), true, (number) => choose({ against: number })),
  };
  const large = new Large(view.find(".large"));
  const truth = new Truth(view.find(".truth"));
  const [doing, wrong] = [".doing", ".wrong"].map((part) => view.find(part)); // where they were asked for
  const number = (text) => (/^\d{1,6}$/.test(text ?? "") ? Number(text) : null);
  let chosen = { target: number(view.wanted.target), against: number(view.wanted.against) };
  let asked = null; // what is under way: "maps", "slow" or "check"
  let shown = null; // the answer with the maps, whose numbers are here
  let labels = [];
  let pictures = []; // [canvas, map]: what is painted again when sizes or colours change

  /** A question beside what is shown, with a line on how it goes where it was asked. */
  function ask(what, slot = view.find(`[data-for=${what}]`)) {
    asked = what;
    wrong.hidden = true;
    slot.append(doing, wrong);
    doing.querySelector("span").textContent = words("views.asking");
    doing.hidden = false;
    busy(true);
    if (what !== "maps") doing.querySelector("button").focus(); // the button that was pressed is gone
    view.ask({ quiet: true });
  }

  function busy(is) {
    for (const part of view.findAll(".maps")) part.toggleAttribute("data-old", is && asked === "maps");
    Object.assign(view.find("[data-act=check]"), { disabled: is, hidden: is && asked === "check" });
    for (const button of view.findAll("[data-act=slow]")) Object.assign(button, { disabled: is, hidden: is && asked === "slow" });
    for (const { select, search } of Object.values(pickers)) select.disabled = search.disabled = is && asked !== "maps";
  }

  /** The question has its answer, or there will be none. */
  function done() {
    const again = doing.contains(document.activeElement) && view.find(`[data-act=${asked}]`);
    asked = null;
    doing.hidden = true;
    busy(false);
    if (again) again.focus();
  }

  function choose(changed) {
    chosen = { ...chosen, target: chosen.target ?? shown.target, ...changed };
    if (chosen.against === chosen.target) chosen.against = null;
    truth.clear();
    pick();
    ask("maps");
  }

  function pick() {
    const target = chosen.target ?? shown?.target ?? null;
    pickers.target.show(target, chosen.against);
    pickers.against.show(chosen.against, target);
  }

  function told(line, error) {
    if (line !== null && !error) return (doing.querySelector("span").textContent = line);
    if (shown) chosen = { target: shown.target, against: shown.against };
    pick();
    done();
    wrong.textContent = line ?? "";
    wrong.hidden = !error;
  }

  async function show(result) {
    if (result.check) {
      truth.show(result.check, new Map(shown.methods.map(({ name, title }) => [name, title])));
      return done();
    }
    const slow = asked === "slow";
    const [buffer, names] = await Promise.all([view.bytes(result.file), view.bytes(result.labels)]);
    const numbers = new Float32Array(buffer);
    const methods = result.methods.map((method) => ({ ...method, maps: mapsOf(method, numbers) }));
    const before = shown?.methods.filter(({ name }) => shown.slow.includes(name)) ?? []; // kept: no class changes them
    shown = { ...result, methods: slow ? [...shown.methods, ...methods] : [...methods, ...before] };
    chosen = { target: chosen.target === null ? null : result.target, against: result.against };
    if (!slow) {
      labels = JSON.parse(new TextDecoder().decode(names));
      for (const picker of Object.values(pickers)) picker.know(labels, state.value.top);
    }
    view.address("target", shown.target === state.value.top[0]?.[0] ? null : shown.target);
    view.address("against", shown.against);
    pick();
    const waited = doing.contains(document.activeElement);
    cards();
    done();
    if (waited) view.find(`[data-method=${methods[0].name}]`).querySelector("button")?.focus();
    paint();
  }

  function cards() {
    const [one, other] = [shown.target, shown.against].map((number) => (number === null ? "" : labels[number]));
    const two = shown.against !== null;
    const heads = two ? [one, other, words("methods.minus", { one, other })] : [];
    pictures = [];
    for (const kind of ["class", "any"]) {
      const section = view.find(`[data-kind=${kind}]`);
      const methods = shown.methods.filter(({ of_a_class }) => of_a_class === (kind === "class"));
      const made = methods.map((method) => {
        const card = methodCard(method, heads, (map, title) => large.open(method, map, title));
        card.dataset.method = method.name;
        card.querySelectorAll("canvas").forEach((canvas, n) => pictures.push([canvas, method.maps[n]]));
        return card;
      });
      const waiting = kind === "any" ? shown.slow.filter((name) => !shown.methods.some((method) => method.name === name)) : [];
      section.querySelector(".cards").replaceChildren(...made, ...waiting.map(slowCard));
      section.querySelector(".cards").classList.toggle("two", two && kind === "class");
    }
    view.find("[data-kind=class] h2").textContent = one ? words(two ? "methods.for_two" : "methods.for_class", { one, other }) : words("methods.no_class");
    view.find(".pickers").hidden = view.find(".truth").hidden = !labels.length;
  }

  /** While nothing is known but the photo. */
  function begin() {
    const frames = Array.from({ length: 4 }, () => make("article", { className: "card" }, make("h3", {}, " "), emptyMap()));
    for (const part of view.findAll(".cards")) part.replaceChildren(...frames.map((frame) => frame.cloneNode(true)));
  }

  /** A method that takes seconds: worked out when it is asked for. */
  function slowCard(name) {
    const button = make("button", { type: "button" }, words("views.begin"));
    button.dataset.act = "slow";
    button.addEventListener("click", () => ask("slow", frame));
    const [title, means] = ["name", "means"].map((what) => kindWords({ name }, what));
    const frame = make("div", { className: "slow" }, button, make("p", { className: "quiet" }, words("methods.slow")));
    frame.style.aspectRatio = state.value.width / state.value.height;
    return make("article", { className: "card" }, make("h3", {}, title), frame, make("p", { className: "means" }, means));
  }

  function paint() {
    for (const [canvas, map] of pictures) paintCard(canvas, map);
    large.draw();
  }

  view.find("[data-act=check]").addEventListener("click", () => {
    truth.clear();
    ask("check");
  });
  view.find("[data-act=cancel]").addEventListener("click", () => view.stop());
  // What the address asked for may be no class of this model: the second try is for the likeliest.
  view.find(".sorry button").addEventListener("click", () => shown || (chosen = { target: null, against: null }));

  return {
    show,
    told,
    begin,
    leave: () => asked === "check" && view.stop(), // it keeps the server busy for long
    options() {
      const names = shown?.methods.filter(({ why, same }) => !why && !same).map(({ name }) => name);
      const which = { slow: shown?.slow, check: names }[asked];
      return { do: asked === "check" ? "check" : "maps", ...chosen, ...(which && { methods: which }) };
    },
    clear() {
      large.close();
      if (shown) chosen = { target: null, against: null }; // else it is what the address asks for
      shown = null;
      pictures = [];
      done();
      wrong.hidden = true;
      truth.clear();
      for (const part of view.findAll(".cards")) part.replaceChildren();
    },
    draw: paint,
  };
});
