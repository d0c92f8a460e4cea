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
  return { values: shares.subarray(prefix.length), outside: shares.subarray(0, prefix.length), rows, cols, layout, ...rest };
}

/**
 * Where a scale for many maps ends: the value that one patch in two hundred exceeds. With the very largest, one head that
 * looks at a single patch would leave all others black.
 */
function sharedEnd(maps) {
  const most = Math.max(0, ...maps.map((map) => largest(map.values)));
  if (most === 0) return 0;
  const counts = new Uint32Array(SHARED_STEPS + 1);
  let total = 0;
  for (const { values } of maps) {
    total += values.length;
    for (const value of values) counts[Math.ceil(SHARED_STEPS * Math.sqrt(value / most))]++;
  }
  let step = SHARED_STEPS;
  for (let above = counts[step]; step > 1 && above <= total / 200; above += counts[step]) step--;
  return most * (step / SHARED_STEPS) ** 2;
}

function largest(values) {
  let most = 0;
  for (const value of values) if (value > most) most = value;
  return most;
}

/** The map that the view asks for, or words that say why there is none yet. */
function mapNow() {
  const { view, maps } = state;
  if (view.method === "rollout") {
    const missing = maps.layers.slice(view.first, view.last + 1).filter((layer) => !layer).length;
    if (missing) return { words: `bringing ${missing} more layers` };
  } else if (!maps.layers[view.layer]) return { words: `bringing layer ${view.layer + 1}` };
  return mapOf(view, view.query ?? state.pointer);
}

/** The map of a view whose layers are here, or words that say why there can be none. */
function mapOf(view, query) {
  const { layers } = state.maps;
  if (view.method === "rollout") {
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
  const room = Math.max(260, Math.min(720, window.innerHeight - 386)); // so that the sheet stays in sight with the photo
  sheet.lay(value.layers, find(".sheet .scroll").clientWidth || 300, room, sheet.shape);
  sheet.paint(cells, shared, { ...sheetLook(), chosen: view.method === "rollout" ? null : view });
  state.shared = shared;
  if (!sheet.pointed) tellSheet(null);
  const map = mapNow();
  state.map = map.values ? map : null;
  allowDownloads(Boolean(state.map));
  paintBar(find(".bar"), view.colours);
  find(".legend .words").textContent = find(".legend .words").title = legendWords(map);
  find(".origin .words").textContent = originWords();
  if (!map.values) {
    clearCanvas(stage.heat);
    clearCanvas(stage.marks);
    stage.tooltip(null);
    find(".legend .most").textContent = find(".legend .kind").textContent = "";
    return;
  }
  const own = view.scale === "own" || view.method === "rollout";
  state.peak = own ? largest(map.values) : shared;
  paintHeat(stage.heat, map, { ...view, width: stage.width, height: stage.height, peak: state.peak });
  find(".legend .most").textContent = percent(state.peak) + (own ? "" : " +");
  find(".legend .kind").textContent = own ? "own scale" : "shared scale";
  const marks = marksOf(map);
  paintMarks(stage.marks, marks, { width: stage.width, height: stage.height });
  tell(map, marks);
}

/** The sheet's ink, from the theme. */
function sheetLook() {
  const style = getComputedStyle(root);
  const ink = (name) => style.getPropertyValue(name).trim();
  return { colours: state.view?.colours ?? "inferno", ink: ink("--quiet"), empty: ink("--line"), accent: ink("--mark") };
}

/** Beside the sheet's title: the cell that is pointed at, else what the sheet shows and where its colours end. */
function tellSheet(words) {
  find(".told").textContent = words ?? `layers × heads, one scale: 0 to ${percent(state.shared)} and more`;
}

/** What is outlined: the query's window, the query, and the patch that is read. */
function marksOf(map) {
  const { view, maps, pointer } = state;
  const marks = [];
  const layout = askedLayout();
  const [token] = map.asked;
  const windows = view.method === "raw" && token !== undefined && windowPatches(layout, token);
  const { rows, cols } = layout;
  if (windows) marks.push({ rows, cols, patches: windows, weight: 1 });
  if (token >= layout.prefix.length && maps) {
    marks.push({ rows, cols, patches: new Set([token - layout.prefix.length]), weight: 2 });
  }
  if (pointer && (view.query || view.method === "received")) {
    const read = patchAt(map.layout, pointer);
    const patches = new Set([read.row * map.cols + read.col]);
    marks.push({ rows: map.rows, cols: map.cols, patches, weight: 1 });
  }
  return marks;
}

/** From where to where what is outlined around a place reaches down: the tooltip stands clear of it. */
function outlinedAt(place, marks) {
  const span = { top: place.y, bottom: place.y };
  for (const { rows, cols, patches } of marks) {
    if (!patches.has(patchAt({ rows, cols, prefix: [] }, place).token)) continue;
    const lines = [...patches].map((patch) => Math.floor(patch / cols));
    const [first, last] = [Math.min(...lines), Math.max(...lines)];
    if (last - first > rows / 2) continue; // a shifted window that holds both ends of the picture
    span.top = Math.min(span.top, first / rows);
    span.bottom = Math.max(span.bottom, (last + 1) / rows);
  }
  return span;
}

/** The tooltip at the pointer, and the same for the ear. */
function tell(map, marks) {
  const { view, pointer } = state;
  if (!pointer) return stage.tooltip(null);
  const { row, col } = patchAt(map.layout, pointer);
  const weight = map.values[row * map.cols + col];
  let rank = 1;
  for (const value of map.values) if (value > weight) rank++;
  const follows = !view.query && view.method !== "received";
  const top = map.values.indexOf(largest(map.values));
  const most = `row ${Math.floor(top / map.cols) + 1}, col ${(top % map.cols) + 1} · ${percent(map.values[top])}`;
  const first = `${percent(weight)} · row ${row + 1}, col ${col + 1} (rank ${rank})`;
  const verb = view.direction === "by" && view.method === "raw" ? "looked at most by" : "looks most at";
  stage.tooltip({ ...pointer, ...outlinedAt(pointer, marks) }, first, follows ? `${verb} ${most}` : `${view.direction === "by" && view.method === "raw" ? "to" : "from"} ${map.words}`);
  const words = `row ${row + 1}, column ${col + 1}: ${percent(weight)}, rank ${rank} of ${map.values.length}${follows ? `; ${verb} ${most}` : ""}`;
  clearTimeout(state.speech);
  state.speech = setTimeout(() => (find(".spoken").textContent = words), 300);
}

function legendWords(map) {
  if (!map.values) return map.words;
  const names = map.layout.prefix.map((name) => name.toUpperCase()).join(", ");
  const outside = map.outside.reduce((sum, share) => sum + share, 0);
  return [
    mapWords(map),
    outside > 0.0005 ? `${percent(outside)} on ${names}` : "",
    map.notice ?? "",
  ].filter(Boolean).join(" · ");
}

/** What is shown: method, layer, head, query. */
function mapWords(map, view = state.view) {
  const head = typeof view.head === "number" ? `head ${view.head + 1}` : `${view.head} of all heads`;
  if (view.method === "rollout") {
    const { first, last, fusion, residual, discard } = view;
    const layers = first === last ? `layer ${first + 1}` : `layers ${first + 1} to ${last + 1}`;
    const kept = residual === 0.5 ? "" : `, residual ${Math.round(100 * residual)}%`;
    const dropped = discard === 0 ? "" : `, lowest ${Math.round(100 * discard)}% left out`;
    return `rollout of ${layers}, ${fusion} of all heads${kept}${dropped}, from ${map.words}`;
  }
  if (view.method === "received") return `attention received in layer ${view.layer + 1}, ${head}`;
  return `attention of layer ${view.layer + 1}, ${head}, ${view.direction === "by" ? "to" : "from"} ${map.words}`;
}

function originWords(map = state.map, view = state.view) {
  return `${weightWords()}${map ? ` · ${mapWords(map, view)}` : ""}`;
}

function weightWords() {
  const { model, provenance, about } = state.value;
  return `weights: ${[model, provenance, about].filter(Boolean).join(", ")}`;
}
