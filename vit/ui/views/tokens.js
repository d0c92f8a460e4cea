// The Tokens view: one photo, four ways to look at its tokens, layer by layer; every way follows the pointer.
// What is small is here for all layers at once; vectors and colours come for the layer in view.

const REST = 40; // milliseconds without a movement

class Tokens {
  constructor(view) {
    this.view = view;
    const parts = Object.keys(PAINTED);
    const asked = view.wanted.tokens;
    this.look = {
      part: parts.includes(asked) ? asked : "norms", block: null, k: 5, outliers: "show", centred: false, token: "patch", opacity: 0.8,
      scale: { norms: "own", lens: "wide", alike: "own" },
    };
    this.wantedBlock = /^\d+$/.test(view.wanted.after ?? "") ? Number(view.wanted.after) : null;
    this.board = new Board(view, {
      point: (place) => this.point(place), leave: () => this.leave(), pin: (place) => this.pin(place),
      move: (down, across) => this.move(down, across), free: () => this.pin(null, false),
    });
    this.sides = new Sides(view, (layer) => this.set("block", this.blocks.findIndex((each) => each.layer === layer)));
    this.own = new Own(view);
    this.knobs = new Knobs(view, this);
    this.clear();
  }

  clear() {
    const { block } = this.look;
    if (this.blocks && block < this.blocks.length - 1) this.wantedBlock = block; // the layer stays from photo to photo
    Object.assign(this, { blocks: null, lens: null, why: {}, place: { y: 0.5, x: 0.5 }, pointed: null, pinned: false, map: {}, target: null });
    this.look.block = null;
    this.board.clear();
    this.own.clear();
  }

  set(name, value) {
    if (name === "kind") this.own.choose(value);
    else if (name === "target") this.target = value;
    else if (name === "scale") this.look.scale[this.look.part] = value;
    else this.look[name] = value;
    this.view.address("tokens", this.look.part === "norms" ? null : this.look.part);
    if (this.blocks?.length) this.view.address("after", this.look.block === this.blocks.length - 1 ? null : this.look.block);
    this.draw();
    this.bring();
  }

  /** What the server is to be asked for next, or null if all that is looked at is here. */
  missing() {
    const { look, blocks, lens, target } = this;
    if (!blocks) return { want: "photo" };
    if (lens && target !== null && lens.target !== target) return { want: "lens", target };
    const block = blocks[look.block];
    const needs = { colours: block && !block.colours, alike: block && !block.vectors.has(look.centred) }[look.part];
    return needs ? { want: "layer", block: look.block, centred: look.centred } : null;
  }

  bring() {
    if (this.missing()) this.view.ask({ quiet: true });
  }

  async show(result) {
    const { view } = this;
    const buffer = await view.bytes(result.file).catch(() => null);
    if (view.result !== result) return; // another photo, or a later answer: what still lacks is asked for again
    if (!buffer) {
      if (!view.asking) view.settle("error", words("views.gone")); // else the bytes were let go for a newer question
      return;
    }
    if (result.want === "photo") this.showPhoto(result, buffer);
    if (result.want !== "layer") this.showLens(result.lens, buffer);
    if (result.want === "layer") {
      const block = this.blocks[result.block];
      const { width, one, values } = result.vectors;
      block.vectors.set(result.centred, { width, one, values: numbersAt(buffer, values) });
      const { why, pixels, explained } = result.colours;
      block.colours = why ? { why } : { pixels: numbersAt(buffer, pixels), explained };
    }
    view.draw();
    this.bring();
  }

  showPhoto(result, buffer) {
    const { norms, lens } = result;
    this.why = { norms: norms.why, colours: norms.why, alike: norms.why, lens: lens.why };
    this.blocks = (norms.blocks ?? []).map((block) => new Block(block, buffer));
    const last = this.blocks.length - 1;
    this.look.block = Math.min(last, this.wantedBlock ?? last);
    this.wantedBlock = null;
    const { query } = state.view;
    if (query && !query.token) Object.assign(this, { place: { ...query }, pinned: true });
    this.board.show(state.value);
    this.own.show(result, buffer);
  }

  showLens(lens, buffer) {
    if (lens.why) return;
    this.lens = { target: lens.target };
    this.target = lens.target;
    this.names = new Map(lens.classes);
    this.blocks.forEach((block, n) => {
      const found = lens.blocks[n];
      const arrays = found && ["classes", "sure", "followed"].map((name) => [name, numbersAt(buffer, found[name])]);
      block.lens = found && { ...found, ...Object.fromEntries(arrays) };
    });
    const select = this.view.find("[data-set=target]");
    select.replaceChildren(...lens.classes.map(([number, label]) => new Option(label, number)));
    select.value = lens.target;
  }

  get block() {
    return this.blocks[this.look.block];
  }

  /** The token that is asked about: the patch under the hand, or one that is no patch. */
  get asked() {
    const at = this.block.layout.prefix.indexOf(this.look.token);
    return at >= 0 ? at : tokenAt(this.block, this.place);
  }

  point(place) {
    this.pointed = place;
    if (!this.pinned) this.place = place;
    this.soon();
  }

  leave() {
    this.pointed = null;
    this.soon();
  }

  /** Pins the patch at a place, or the one that is asked about; a second time it lets go. */
  pin(place, on = !this.pinned) {
    if (!this.block) return;
    this.pinned = on;
    if (place) this.place = place;
    this.soon();
  }

  move(down, across) {
    if (!this.block) return;
    const { layout } = this.block;
    const { row, col } = patchAt(layout, this.place);
    const limit = (value, count) => Math.min(count - 1, Math.max(0, value));
    this.place = placeOf(layout, limit(row + down, layout.rows), limit(col + across, layout.cols));
    this.pointed = null;
    this.soon();
  }

  /** In the next frame, however often it is called: the map and its line. Plots and tables come when the hand rests. */
  soon() {
    this.frame ||= requestAnimationFrame(() => this.draw(true));
  }

  draw(moving = false) {
    cancelAnimationFrame(this.frame);
    clearTimeout(this.rest);
    this.frame = 0;
    if (!this.blocks || !state.maps || !this.view.open) return;
    const { look, view } = this;
    const why = this.why[look.part];
    for (const part of view.findAll("[data-part]")) part.hidden = part.dataset.part !== look.part;
    for (const each of view.findAll("[data-part] > :not(h2, .quiet)")) each.hidden = Boolean(why);
    this.board.fit();
    this.map = why ? { why } : this.mapNow();
    view.find(".board .why").hidden = !this.map.why;
    view.find(".board .why").textContent = this.map.why ?? "";
    this.board.paint(this.map, look.opacity);
    this.knobs.show();
    this.own.point(this.place);
    if (why || !this.block) return view.find(".told").replaceChildren();
    this.board.mark(this.marks());
    this.tell();
    if (moving) this.rest = setTimeout(() => this.draw(), REST);
    else this.sides[look.part](this);
  }

  mapNow() {
    const { rows, cols } = this.block.layout;
    return { ...PAINTED[this.look.part](this), rows, cols };
  }

  /** Outlined: the patch that is asked about, what is read, and patches of outlying norm. */
  marks() {
    const { block, look, place, pointed, pinned } = this;
    const { layout } = block;
    const grid = { rows: layout.rows, cols: layout.cols };
    const around = (where) => layout.patchesOf(tokenAt(block, where));
    const marks = look.part === "norms" ? [{ ...grid, patches: new Set(block.outliers(look.k).flatMap((token) => [...layout.patchesOf(token)])), weight: 1 }] : [];
    if (look.part !== "alike" || this.asked >= block.first) marks.push({ ...grid, patches: around(place), weight: 2 });
    if (pinned && pointed) marks.push({ ...grid, patches: around(pointed), weight: 1 });
    return marks;
  }

  /** What the patch that is read has, for the eye and, a moment later, for the ear. */
  tell() {
    const line = this.sides.here(this, (this.pinned && this.pointed) || this.place);
    const hand = TOUCH || this.board.touched ? "" : words(this.pinned ? "tokens.pinned" : "tokens.loose");
    this.view.find(".told").textContent = `${line} ${hand}`;
    clearTimeout(this.speech);
    this.speech = setTimeout(() => (this.view.find(".heard").textContent = line), 300);
  }
}

addView("tokens", (view) => {
  const tokens = new Tokens(view);
  return {
    options: () => tokens.missing() ?? { want: "photo" },
    clear: () => tokens.clear(),
    show: (result) => tokens.show(result),
    draw: () => tokens.draw(),
  };
});
