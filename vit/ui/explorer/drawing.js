// From the view to the picture: the stage, the sheet, the tooltip, and the words that say what is shown.

const SHARED_STEPS = 400; // of the root of a weight, by which the end of the shared scale is found

let asked = 0;

/** Draws once in the next frame, however often it is called. */
function draw() {
  asked ||= requestAnimationFrame(() => {
    asked = 0;
    if (state.maps && state.pictured && ["ready", "example"].includes(root.dataset.state)) paint();
  });
}

function patchMap({ shares, layout, ...rest }) {
  const { rows, cols, prefix } = layout;
  return { values: layout.onPatches(shares), outside: shares.subarray(0, prefix.length), rows, cols, layout, ...rest };
}

/**
 * Where a scale for many maps ends: the distance from zero that one patch in two hundred exceeds. With the very largest,
 * one head that looks at a single patch would leave all others black.
 */
function sharedEnd(maps) {
  const most = Math.max(0, ...maps.map((map) => extent(map.values)));
  if (most === 0) return 0;
  const counts = new Uint32Array(SHARED_STEPS + 1);
  let total = 0;
  for (const { values } of maps) {
    total += values.length;
    for (const value of values) counts[Math.ceil(SHARED_STEPS * Math.sqrt(Math.abs(value) / most))]++;
  }
  let step = SHARED_STEPS;
  for (let above = counts[step]; step > 1 && above <= total / 200; above += counts[step]) step--;
  return most * (step / SHARED_STEPS) ** 2;
}

function largest(values) {
  let most = -Infinity;
  for (const value of values) if (value > most) most = value;
  return most;
}

function placeOfLargest(values) {
  return values.indexOf(largest(values));
}

/** Where a map's colours end: its largest distance from zero. */
function extent(values) {
  let most = 0;
  for (const value of values) most = Math.max(most, Math.abs(value));
  return most;
}

const WEAK = 0.25; // of a shared scale: a map that stays below looks like none

/** The map that the view asks for, or words that say why there is none yet. */
function mapNow(side = state) {
  const { view, maps, value, pointer } = side;
  if (view.method === "rollout") {
    const missing = value.no_rollout ? 0 : maps.layers.slice(view.first, view.last + 1).filter((layer) => !layer).length;
    if (missing) return { words: words("stage.bring_layers", { count: missing }) };
  } else if (!maps.layers[view.layer]) return { words: words("stage.bring_layer", { layer: view.layer + 1 }) };
  return mapOf(view, view.query ?? pointer, side);
}

/** The map of a view whose layers are here, or words that say why there can be none. */
function mapOf(view, query, { maps, value } = state) {
  const { layers } = maps;
  if (view.method === "rollout") {
    if (value.no_rollout) return { words: value.no_rollout };
    try {
      return patchMap(rolloutMap(layers, view, query));
    } catch (error) {
      return { words: error.message };
    }
  }
  const layer = layers[view.layer];
  return patchMap(view.method === "received" ? receivedMap(layer, view.head) : rawMap(layer, view.head, query, view.direction));
}

function sheetMaps() {
  const { view, maps } = state;
  const query = view.query ?? state.pointer;
  const direction = view.method === "raw" ? view.direction : "to";
  return maps.layers.map((layer) => layer && Array.from({ length: layer.heads }, (_, head) =>
    patchMap(view.method === "received" ? receivedMap(layer, head) : rawMap(layer, head, query, direction))));
}

function paint() {
  const { view, value } = state;
  const cells = sheetMaps();
  const shared = sharedEnd(cells.flatMap((row) => row ?? []));
  sheet.lay(value.layers, find(".sheet .scroll").clientWidth || 300, roomForSheet(), sheet.shape);
  state.signed = cells.some((row) => row?.[0].signed); // one scale for all: with one such layer it has two sides
  sheet.paint(cells, shared, { ...sheetLook(), signed: state.signed, chosen: view.method === "rollout" ? null : view });
  state.shared = shared;
  if (!sheet.pointed) tellSheet(null);
  const map = mapNow();
  state.map = map.values ? map : null;
  allowDownloads(Boolean(state.map));
  paintBar(find(".bar"), coloursOf(map, view));
  find(".legend .words").textContent = find(".legend .words").title = legendWords(map);
  find(".origin .words").textContent = originWords();
  if (!map.values) {
    clearCanvas(stage.heat);
    clearCanvas(stage.marks);
    stage.tooltip(null);
    for (const part of ["least", "most", "kind"]) find(`.legend .${part}`).textContent = "";
    return;
  }
  const own = view.scale === "own" || view.method === "rollout";
  state.peak = own ? extent(map.values) : shared;
  paintHeat(stage.heat, map, { ...view, width: stage.width, height: stage.height, peak: state.peak });
  const weak = !own && extent(map.values) < WEAK * state.peak;
  const kind = words(own ? "stage.own" : weak ? "stage.weak" : "stage.shared");
  state.scale = { least: leastWords(map, state.peak), most: percent(state.peak) + (own ? "" : " +"), kind };
  for (const [part, line] of Object.entries(state.scale)) find(`.legend .${part}`).textContent = line;
  const marks = marksOf(map);
  paintMarks(stage.marks, marks, { width: stage.width, height: stage.height });
  tell(map, marks);
}

/** How tall the sheet may be: what is left of the window below the answer, so that it stays in sight with the photo. */
function roomForSheet() {
  const above = find(".sheet .scroll").getBoundingClientRect().top + window.scrollY;
  const beside = find(".side").offsetTop < find(".legend").offsetTop; // else all stands in one column
  return Math.max(260, Math.min(720, window.innerHeight - (beside ? above + find(".origin").offsetHeight + 28 : 386)));
}

/** The sheet's ink, from the theme. */
function sheetLook() {
  const style = getComputedStyle(root);
  const ink = (name) => style.getPropertyValue(name).trim();
  return { colours: state.view?.colours ?? "inferno", ink: ink("--quiet"), empty: ink("--line"), accent: ink("--mark") };
}

/** Beside the sheet's title: the cell that is pointed at, else what the sheet shows and where its colours end. */
function tellSheet(line) {
  find(".told").textContent = line ?? words("sheet.scale", { least: leastWords(state, state.shared), most: percent(state.shared) });
}

/** What is outlined: the query's window, the query, and the patch that is read or looked at most. */
function marksOf(map, shown = state) {
  const { view, maps, pointer } = shown;
  const marks = [];
  const layout = askedLayout(shown);
  const [token] = map.asked;
  const windows = view.method === "raw" && token !== undefined && windowPatches(layout, token);
  const { rows, cols } = layout;
  if (windows) marks.push({ rows, cols, patches: windows, weight: 1 });
  if (token >= layout.prefix.length && maps) {
    marks.push({ rows, cols, patches: layout.patchesOf(token), weight: 2 });
  }
  // While the map follows, the patch that is looked at most; else the one that is read.
  if (pointer) {
    const reads = view.query || view.method === "received";
    const patch = reads ? patchAt(map.layout, pointer).patch : placeOfLargest(map.values);
    marks.push({ rows: map.rows, cols: map.cols, patches: new Set([patch]), weight: 1 });
  }
  return marks;
}

/** From where to where what is outlined around a place reaches down: the tooltip stands clear of it. */
function outlinedAt(place, marks) {
  const span = { top: place.y, bottom: place.y };
  for (const { rows, cols, patches } of marks) {
    if (!patches.has(patchAt({ rows, cols }, place).patch)) continue;
    const lines = [...patches].map((patch) => Math.floor(patch / cols));
    const [first, last] = [Math.min(...lines), Math.max(...lines)];
    if (last - first > rows / 2) continue; // a shifted window that holds both ends of the picture
    span.top = Math.min(span.top, first / rows);
    span.bottom = Math.max(span.bottom, (last + 1) / rows);
  }
  return span;
}

/** What the sentences on a place of a map are made of: its share, where it is, and how many are larger. */
function hereWords(map, place) {
  const { row, col, patch } = patchAt(map.layout, place);
  let rank = 1;
  for (const value of map.values) if (value > map.values[patch]) rank++;
  return { share: percent(map.values[patch]), row: row + 1, col: col + 1, rank, count: map.values.length };
}

/** The tooltip at the pointer, and the same for the ear. */
function tell(map, marks) {
  const { view, pointer } = state;
  if (!pointer || state.demo) return stage.tooltip(null); // what nobody asked for is only seen
  const here = hereWords(map, pointer);
  const follows = !view.query && view.method !== "received";
  const top = placeOfLargest(map.values);
  const best = { row: Math.floor(top / map.cols) + 1, col: (top % map.cols) + 1, share: percent(map.values[top]) };
  const back = view.direction === "by" && view.method === "raw";
  const most = words(back ? "stage.most_by" : "stage.most_at", { place: words("stage.top", best) });
  const second = follows ? most : words(back ? "stage.to" : "stage.from", { token: map.words });
  const seen = { left: (best.col - 1) / map.cols, right: best.col / map.cols, top: (best.row - 1) / map.rows, bottom: best.row / map.rows };
  stage.tooltip({ ...pointer, ...outlinedAt(pointer, marks) }, words("stage.share", here), second, follows, seen);
  const spoken = [words("stage.spoken", here), ...(follows ? [most] : [])].join("; ");
  clearTimeout(state.speech);
  state.speech = setTimeout(() => (find(".spoken").textContent = spoken), 300);
}

function legendWords(map, shown = state) {
  if (!map.values) return map.words;
  const names = map.layout.prefix.map((name) => name.toUpperCase()).join(", ");
  const outside = map.outside.reduce((sum, share) => sum + share, 0);
  const { view, pointer } = shown;
  const waits = !view.query && !pointer && view.method !== "received"; // the query is only the one to begin with
  return [
    mapWords(map, shown) + (waits ? `, ${words("stage.until")}` : ""),
    Math.abs(outside) > 0.0005 ? words("stage.outside", { share: percent(outside), tokens: names }) : "",
    map.notice ?? "",
  ].filter(Boolean).join(" · ");
}

/** What is shown: method, layer, head, query. */
function mapWords(map, { view, value } = state) {
  const token = map.words;
  const head = typeof view.head === "number" ? words("map.head", { number: view.head + 1 }) : words(`map.${view.head}`);
  if (view.method === "rollout") {
    const { first, last, fusion, residual, discard } = view;
    const layers = first === last ? words("map.one_layer", { layer: first + 1 }) : words("map.layers", { first: first + 1, last: last + 1 });
    const kept = residual === 0.5 ? "" : words("map.kept", { share: Math.round(100 * residual) });
    const dropped = discard === 0 ? "" : words("map.dropped", { share: Math.round(100 * discard) });
    return words("map.rollout", { layers, heads: words(`map.${fusion}`), kept, dropped, token });
  }
  const kind = value.layers[view.layer].softmax ? "" : ` · ${words("map.no_softmax")}`;
  if (view.method === "received") return words("map.received", { layer: view.layer + 1, head }) + kind;
  return words(view.direction === "by" ? "map.raw_to" : "map.raw_from", { layer: view.layer + 1, head, token }) + kind;
}

function originWords(map = state.map, view = state.view) {
  return map ? `${weightWords()} · ${mapWords(map, { view, value: state.value })}` : weightWords();
}

function weightWords({ model, provenance, about } = state.value) {
  const [kind, name] = provenance.split(/:(.*)/);
  const from = kind in sections.weights ? words(`weights.${kind}`, { name }) : provenance;
  return words("map.weights", { weights: [model, from, about.replace(/(\d)\.(\d)/, `$1${DECIMAL_SIGN}$2`)].filter(Boolean).join(", ") });
}
