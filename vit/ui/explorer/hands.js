// What a person's hands do: pointer, keys, buttons. Each changes the view and draws; none asks the server.

function set(name, value) {
  if (["layer", "head", "method"].includes(name)) play(false); // a person's choice is not overrun
  change(name, value);
}

function change(name, value) {
  const { view } = state;
  if (!view) return;
  if (name === "query") {
    view.query = value === "pointer" ? null : value === "patch" ? view.query : { token: value };
  } else view[name] = value;
  if (name === "first") view.last = Math.max(view.last, value);
  if (name === "last") view.first = Math.min(view.first, value);
  if (name === "layer") {
    state.maps?.want(value);
    const { heads } = state.value.layers[value];
    if (typeof view.head === "number" && view.head >= heads) view.head = "mean";
  }
  controls.show(view, state.value.layers);
  address();
  draw();
}

function openCell(layer, head) {
  if (state.view.method === "rollout") set("method", "raw");
  set("layer", layer);
  set("head", head);
}

function point(place) {
  state.pointer = place;
  if (place && state.map) {
    state.met = true; // the invitation has been understood: it covers the map no more
    find(".invite").hidden = true;
  }
  draw();
}

/** Pins the patch at a place; on the pinned patch itself it lets go. */
function pin(place) {
  const { view } = state;
  if (!view || !place || !state.map) return;
  const layout = askedLayout();
  const next = patchAt(layout, state.pointer ?? place); // a click is told in whole pixels, pointing more finely
  const held = view.query && !view.query.token ? patchAt(layout, view.query) : null;
  view.query = held?.patch === next.patch ? null : placeOf(layout, next.row, next.col);
  set("pinned", Boolean(view.query));
}

/** A finger points by its first tap and pins by a second one on the same patch. */
function tap(place) {
  if (!state.map || !place) return;
  const { patch } = patchAt(askedLayout(), place);
  if (patch === state.tapped) pin(place);
  state.tapped = patch === state.tapped ? null : patch;
}

function askedLayout({ view, maps, value } = state) {
  const layer = maps?.layers[view.method === "rollout" ? view.last : view.layer];
  const entry = value.layers[view.layer];
  if (!layer) return entry.queries;
  return view.direction === "by" && view.method === "raw" ? layer.keys : layer.queries;
}

function stageKey(event) {
  const { view } = state;
  const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
  if (!view || !state.map || event.ctrlKey || event.metaKey || event.altKey) return;
  if (move) {
    const layout = askedLayout();
    const pinned = view.query && !view.query.token;
    const from = pinned ? view.query : state.pointer;
    const { row, col } = from ? patchAt(layout, from) : { row: layout.rows >> 1, col: layout.cols >> 1 };
    const limit = (value, count) => Math.min(count - 1, Math.max(0, value));
    const to = from
      ? placeOf(layout, limit(row + move[0], layout.rows), limit(col + move[1], layout.cols))
      : placeOf(layout, row, col);
    if (pinned) {
      view.query = to;
      set("pinned", true);
    }
    point(to);
  } else if (event.key === "Enter") pin(state.pointer);
  else if (event.key === " ") play(!state.playing);
  else return;
  event.preventDefault();
}

/** Whether a key is pressed together with one that gives it another use. Many keyboards write brackets with Alt or AltGr. */
function isShortcut({ key, ctrlKey, altKey, metaKey }) {
  const written = "[]".includes(key) && altKey; // AltGr is Ctrl and Alt to some systems
  return metaKey || (!written && (ctrlKey || altKey));
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input:not([type=range]), textarea, select, [contenteditable]");
  if (typing || isShortcut(event) || !root.isConnected || !root.offsetParent) return;
  if (root.querySelector("dialog[open]")) return;
  const { view } = state;
  if (event.key === "?") help();
  else if (event.key === "Escape" && root.dataset.state === "error" && state.spare) back();
  else if (state.open !== "explore") return;
  else if (event.key === "Escape" && (view?.query || state.playing)) {
    play(false);
    set("query", "pointer");
  }
  else if ("[],.".includes(event.key) && view && state.map) {
    const { layers } = state.value;
    if (event.key === "[") set("layer", Math.max(0, view.layer - 1));
    if (event.key === "]") set("layer", Math.min(layers.length - 1, view.layer + 1));
    const heads = ["mean", ...Array(layers[view.layer].heads).keys()];
    const at = Math.max(0, heads.indexOf(view.head)); // max and min stand with the mean
    if (event.key === ",") set("head", heads[Math.max(0, at - 1)]);
    if (event.key === ".") set("head", heads[Math.min(heads.length - 1, at + 1)]);
  } else return;
  event.preventDefault();
});

root.addEventListener("click", (event) => {
  const act = event.target.closest("[data-act]")?.dataset.act;
  if (act === "choose") door.choose();
  if (act === "camera") door.camera();
  if (act === "take") door.take();
  if (act === "close-camera") find("dialog.camera").close();
  if (act === "play") play(!state.playing);
  if (act === "help") help();
  if (act === "close-help") find("dialog.help").close();
  if (act === "again") again();
  if (act === "back") back();
});

function help() {
  find("dialog.help").showModal();
  find("[data-act=close-help]").focus();
}

function play(on) {
  clearInterval(state.playing);
  state.playing = 0;
  if (on && state.maps) {
    if (state.view.method === "rollout") set("method", "raw");
    const step = () => change("layer", (state.view.layer + 1) % state.value.layers.length);
    if (state.view.layer === state.value.layers.length - 1) step();
    state.playing = setInterval(step, 700);
  }
  find(".play").setAttribute("aria-pressed", Boolean(on && state.playing));
}

function address() {
  if (root.dataset.state === "ready" || root.dataset.state === "example") {
    writeAddress(state.value.model, state.view, state.value.layers);
  }
}
