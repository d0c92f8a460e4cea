// Layers to maps: which token asks, heads fused, attention received, rollout. The same numbers as vit/methods.
// A query is null (the readout), {token: "cls"} or {y, x}: a place on the picture, 0 … 1, whatever the layer's grid.

const FUSIONS = ["mean", "max", "min"];

/** The patch of a grid that holds a place of the picture. */
function patchAt(layout, { y, x }) {
  const row = Math.min(layout.rows - 1, Math.max(0, Math.floor(y * layout.rows)));
  const col = Math.min(layout.cols - 1, Math.max(0, Math.floor(x * layout.cols)));
  return { row, col, patch: row * layout.cols + col };
}

/** The middle of a patch, as a place of the picture. */
function placeOf(layout, row, col) {
  return { y: (row + 0.5) / layout.rows, x: (col + 0.5) / layout.cols };
}

/** Who asks on this side of a layer: tokens of equal weight, and how to call them. */
function asking(layout, query) {
  const { prefix } = layout;
  const here = (token) => layout.slotsOf(token).length > 0;
  if (query?.token && prefix.includes(query.token)) {
    return { tokens: [prefix.indexOf(query.token)], words: query.token.toUpperCase() };
  }
  if (query && !query.token) {
    const { row, col, patch } = patchAt(layout, query);
    const token = layout.tokenOf(patch);
    if (here(token)) return { tokens: [token], words: words("map.place", { row: row + 1, col: col + 1 }) };
  }
  const rest = readout(layout);
  return query ? { ...rest, notice: words("map.no_query", { token: rest.words }) } : rest;
}

/** What the answer is read from: the pool's query, CLS (with DIST), another token, else all patches alike. */
function readout({ prefix, count, readout: names }) {
  const tokens = names.map((name) => prefix.indexOf(name));
  if (names.length > 1) return { tokens, words: words("map.both") };
  if (names.length) return { tokens, words: names[0] === "pool" ? words("map.pool") : names[0].toUpperCase() };
  const patches = Array.from({ length: count - prefix.length }, (_, n) => prefix.length + n);
  return { tokens: patches, words: words("map.patches") };
}

/** Heads fused within each slot, as the server does it: mean, max or min over heads, or one head as it is. */
function fusedEntry(layer, head, window, query, key) {
  const { queries, keys, heads } = layer;
  const at = (h) => {
    const row = (window * heads + h) * queries.slots + query;
    return layer.largest[row] * layer.linear[layer.codes[row * keys.slots + key]];
  };
  if (typeof head === "number") return at(head);
  let fused = at(0);
  for (let h = 1; h < heads; h++) {
    const value = at(h);
    fused = head === "mean" ? fused + value : head === "max" ? Math.max(fused, value) : Math.min(fused, value);
  }
  return head === "mean" ? fused / heads : fused;
}

/** A row (direction "to") or a column ("by") of one layer: shares by token, and the layout that they are over. */
function rawMap(layer, head, query, direction) {
  const [asked, answered] = direction === "by" ? [layer.keys, layer.queries] : [layer.queries, layer.keys];
  const { tokens, words: name, notice } = asking(asked, query);
  const work = () => {
    const shares = new Float32Array(answered.count);
    for (const token of tokens) addShares(layer, head, token, direction, 1 / tokens.length, shares);
    return shares;
  };
  // The mean of all patches reads the whole layer: once is enough.
  const shares = tokens.length > 2 ? layer.remember(`rest ${head} ${direction}`, work) : work();
  return { shares, layout: answered, signed: layer.signed, words: name, notice, asked: tokens.length > 2 ? [] : tokens };
}

function addShares(layer, head, token, direction, factor, into) {
  const asked = direction === "by" ? layer.keys : layer.queries;
  const answered = direction === "by" ? layer.queries : layer.keys;
  if (direction !== "by" && typeof head === "number") {
    for (const slot of asked.slotsOf(token)) layer.addRow(head, slot, factor, into);
    return;
  }
  for (const place of asked.slotsOf(token)) {
    const window = Math.floor(place / asked.slots);
    const slot = place % asked.slots;
    for (let other = 0; other < answered.slots; other++) {
      const to = answered.tokenAt(window * answered.slots + other);
      if (to < 0) continue;
      const [query, key] = direction === "by" ? [other, slot] : [slot, other];
      into[to] += factor * fusedEntry(layer, head, window, query, key);
    }
  }
}

/** How much each token is looked at: the mean over all tokens that ask. */
function receivedMap(layer, head) {
  const { queries, keys } = layer;
  const factor = 1 / queries.askers;
  const shares = layer.remember(`received ${head}`, () => {
    const into = new Float32Array(keys.count);
    if (typeof head === "number") {
      for (let token = 0; token < queries.count; token++) {
        for (const slot of queries.slotsOf(token)) layer.addRow(head, slot, factor, into);
      }
      return into;
    }
    const { fused, sums } = fusedMatrix(layer, head, 0);
    for (let row = 0; row < sums.length; row++) {
      if (queries.tokenAt(row) < 0) continue;
      const first = Math.floor(row / queries.slots) * keys.slots;
      for (let key = 0; key < keys.slots; key++) {
        const token = keys.tokenAt(first + key);
        if (token >= 0) into[token] += factor * fused[row * keys.slots + key];
      }
    }
    return into;
  });
  return { shares, layout: keys, signed: layer.signed, words: words("map.all"), asked: [] };
}

/** Attention followed from the query back through layers `last` … `first`: vit/methods/rollout.py in the browser. */
function rolloutMap(layers, { first, last, fusion, residual, discard }, query) {
  const top = layers[last].queries;
  const { tokens, words: name, notice } = asking(top, query);
  let shares = new Float32Array(top.count);
  for (const token of tokens) shares[token] = 1 / tokens.length;
  let layout = top;
  for (let number = last; number >= first; number--) {
    shares = carry(shares, layout, layers[number].queries);
    [shares, layout] = rolloutStep(layers[number], shares, fusion, residual, discard);
  }
  return { shares, layout, words: name, notice, asked: tokens.length > 2 ? [] : tokens };
}

/** A row vector through one layer: shares · rownorm((1 − residual) · A + residual · I). */
function rolloutStep(layer, shares, fusion, residual, discard) {
  const { queries, keys } = layer;
  const pool = queries.prefix.length === 1 && queries.prefix[0] === "pool"; // its query is no token of the stream
  const keep = pool ? 0 : residual;
  const { fused, sums } = fusedMatrix(layer, fusion, discard);
  const attended = new Float32Array(keys.count);
  const kept = new Float32Array(queries.count);
  for (let row = 0; row < sums.length; row++) {
    const token = queries.tokenAt(row);
    if (token < 0 || shares[token] === 0) continue;
    const norm = (1 - keep) * sums[row] + keep;
    if (norm <= 0) continue;
    const share = shares[token] / norm;
    kept[token] += keep * share;
    const window = Math.floor(row / queries.slots);
    for (let key = 0; key < keys.slots; key++) {
      const to = keys.tokenAt(window * keys.slots + key);
      if (to >= 0) attended[to] += (1 - keep) * share * fused[row * keys.slots + key];
    }
  }
  if (pool) return [attended, keys];
  const carried = carry(attended, keys, queries);
  for (let token = 0; token < kept.length; token++) {
    kept[token] += carried[token] + (queries.slotsOf(token).length ? 0 : shares[token]); // who doesn't ask stays as it is
  }
  return [kept, queries];
}

/** All heads fused, (windows · queries, keys), the lowest share set to 0, and what each row then sums to. */
function fusedMatrix(layer, fusion, discard) {
  return layer.rememberFused(`${fusion} ${discard}`, () => {
    const { queries, keys, windows, heads } = layer;
    const block = queries.slots * keys.slots;
    const fused = new Float32Array(windows * block);
    for (let window = 0; window < windows; window++) {
      for (let head = 0; head < heads; head++) {
        const matrix = window * heads + head;
        for (let entry = 0; entry < block; entry++) {
          const largest = layer.largest[matrix * queries.slots + Math.floor(entry / keys.slots)];
          const weight = largest * layer.linear[layer.codes[matrix * block + entry]];
          const at = window * block + entry;
          if (head === 0) fused[at] = weight;
          else if (fusion === "mean") fused[at] += weight;
          else fused[at] = fusion === "max" ? Math.max(fused[at], weight) : Math.min(fused[at], weight);
        }
      }
    }
    const count = fusion === "mean" ? heads : 1;
    const sums = new Float32Array(windows * queries.slots);
    for (let entry = 0; entry < fused.length; entry++) {
      const key = Math.floor(entry / block) * keys.slots + (entry % keys.slots);
      fused[entry] = keys.tokenAt(key) < 0 ? 0 : fused[entry] / count;
    }
    dropLowest(fused, discard);
    for (let entry = 0; entry < fused.length; entry++) sums[Math.floor(entry / keys.slots)] += fused[entry];
    return { fused, sums };
  });
}

function dropLowest(fused, share) {
  let left = Math.floor(share * fused.length);
  if (!left) return;
  const limit = fused.slice().sort()[left - 1];
  for (const value of fused) if (value < limit) left--;
  for (let entry = 0; entry < fused.length; entry++) {
    if (fused[entry] < limit) fused[entry] = 0;
    else if (fused[entry] === limit && left > 0) {
      fused[entry] = 0;
      left--;
    }
  }
}

/** Shares brought to another layout: prefix by name; a patch or a run that stands for n finer ones gives each 1/n. */
function carry(shares, held, wanted) {
  const same = held.rows === wanted.rows && held.cols === wanted.cols;
  if (same && held.prefix.join() === wanted.prefix.join() && !held.cells) return shares;
  if (wanted.rows % held.rows || wanted.cols % held.cols) {
    const grid = ({ rows, cols }) => `${rows} × ${cols}`;
    throw new Error(words("map.no_grid", { held: grid(held), wanted: grid(wanted) }));
  }
  const carried = new Float32Array(wanted.count);
  held.prefix.forEach((name, number) => {
    const at = wanted.prefix.indexOf(name);
    if (at >= 0) carried[at] = shares[number];
  });
  const patches = held.onPatches(shares).slice();
  if (held.cells) {
    const sizes = new Float32Array(held.count); // of a run, how many patches it has
    for (const cell of held.cells) sizes[cell]++;
    held.cells.forEach((cell, patch) => (patches[patch] /= sizes[cell]));
  }
  const down = wanted.rows / held.rows;
  const across = wanted.cols / held.cols;
  for (let row = 0; row < wanted.rows; row++) {
    for (let col = 0; col < wanted.cols; col++) {
      const parent = Math.floor(row / down) * held.cols + Math.floor(col / across);
      carried[wanted.prefix.length + row * wanted.cols + col] = patches[parent] / (down * across);
    }
  }
  return carried;
}

/** The patches of the window that a token sits in, or null where there is only one window. */
function windowPatches(layout, token) {
  const [place] = layout.windows > 1 ? layout.slotsOf(token) : [];
  if (place === undefined) return null;
  const start = Math.floor(place / layout.slots) * layout.slots;
  const patches = new Set();
  for (let slot = start; slot < start + layout.slots; slot++) {
    for (const patch of layout.patchesOf(layout.tokens[slot])) patches.add(patch);
  }
  return patches;
}
