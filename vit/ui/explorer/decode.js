// Bytes to maps. The file is described at the top of pack.py: row maxima, then codes round(255·sqrt(weight / maximum)).
// Every number that leaves this file is a true, linear share of attention.

const LINEAR = Float32Array.from({ length: 256 }, (_, code) => (code / 255) ** 2);
// Of a layer with weights below zero: the top bit is the minus.
const SIGNED = Float32Array.from({ length: 256 }, (_, code) => (code < 128 ? 1 : -1) * ((code & 127) / 127) ** 2);

const FUSED_KEPT = 4; // fused matrices that each layer keeps

/** Where the slots of one side of a layer sit: token numbers 0 … prefix−1 are the prefix, then patches row by row. */
class Layout {
  constructor(side, windows, bytes) {
    const { rows, cols, prefix, readout, slots } = side;
    Object.assign(this, { rows, cols, prefix, readout, slots, windows });
    const stored = (at, length) => {
      const Kind = at.bytes === 2 ? Int16Array : Int32Array;
      return new Kind(bytes.slice(at.offset, at.offset + length * at.bytes));
    };
    const patches = side.rows * side.cols;
    this.tokens = side.tokens && stored(side.tokens, windows * side.slots); // null: slot n of the only window is token n
    this.cells = side.cells && stored(side.cells, patches); // null: every patch is a token of its own
    this.count = side.prefix.length + (this.cells ? Math.max(...this.cells) + 1 : patches);
  }

  /** The token that covers a patch, counted row by row from 0. */
  tokenOf(patch) {
    return this.prefix.length + (this.cells ? this.cells[patch] : patch);
  }

  /** The patches that a token covers: itself, a run of them, or none for a prefix token. */
  patchesOf(token) {
    const cell = token - this.prefix.length;
    if (cell < 0) return new Set();
    return new Set(this.cells ? [...this.cells.keys()].filter((patch) => this.cells[patch] === cell) : [cell]);
  }

  /** Of values by token those of the patches, row by row. */
  onPatches(values) {
    const own = values.subarray(this.prefix.length);
    return this.cells ? Float32Array.from(this.cells, (cell) => own[cell]) : own;
  }

  /** The slots that hold a token, as window · slots + slot: one, several (overlapping windows) or none. */
  slotsOf(token) {
    if (!this.tokens) return token < this.slots ? [token] : [];
    if (!this.index) {
      this.index = Array.from({ length: this.count }, () => []);
      this.tokens.forEach((held, slot) => held >= 0 && this.index[held].push(slot));
    }
    return this.index[token] ?? [];
  }

  /** How many tokens have a slot here: fewer than `count` where a pool's one query stands for a grid. */
  get askers() {
    return this.tokens ? new Set(this.tokens.filter((token) => token >= 0)).size : this.slots;
  }

  tokenAt(slot) {
    return this.tokens ? this.tokens[slot] : slot;
  }
}

/** One layer's attention, read in place from its codes. */
class Layer {
  constructor(entry, layouts, bytes) {
    this.name = entry.name;
    this.signed = entry.signed; // whether weights may be below zero
    this.linear = entry.signed ? SIGNED : LINEAR;
    this.heads = entry.heads;
    this.windows = entry.windows;
    this.queries = new Layout(entry.queries, entry.windows, layouts);
    this.keys = new Layout(entry.keys, entry.windows, layouts);
    const rows = entry.windows * entry.heads * this.queries.slots;
    this.largest = new Float32Array(bytes, 0, rows);
    this.codes = new Uint8Array(bytes, 4 * rows);
    this.cache = new Map(); // what was worked out from this layer, such as the attention received
    this.fused = new Map(); // heads fused, for the last few choices
  }

  remember(key, work) {
    if (!this.cache.has(key)) this.cache.set(key, work());
    return this.cache.get(key);
  }

  /** As `remember`, for matrices as large as a head's: only those that were asked for last, a slider asks for many. */
  rememberFused(key, work) {
    const made = this.fused.get(key) ?? work();
    this.fused.delete(key); // the newest stands last
    this.fused.set(key, made);
    if (this.fused.size > FUSED_KEPT) this.fused.delete(this.fused.keys().next().value);
    return made;
  }

  /** Adds factor × the row of one query slot (window · slots + slot) to `into`, by key token. */
  addRow(head, slot, factor, into) {
    const window = Math.floor(slot / this.queries.slots);
    const row = (window * this.heads + head) * this.queries.slots + (slot % this.queries.slots);
    const scale = this.largest[row] * factor;
    const keys = this.keys.slots;
    const start = row * keys;
    const { tokens } = this.keys;
    const first = window * keys;
    for (let key = 0; key < keys; key++) {
      const token = tokens ? tokens[first + key] : key;
      if (token >= 0) into[token] += scale * this.linear[this.codes[start + key]];
    }
  }

  /** Where one query token looks in one head: a share for each key token. */
  row(head, token) {
    const into = new Float32Array(this.keys.count);
    for (const slot of this.queries.slotsOf(token)) this.addRow(head, slot, 1, into);
    return into;
  }

  /** Who looks at one key token in one head: a share for each query token. */
  column(head, token) {
    const into = new Float32Array(this.queries.count);
    const { slots } = this.queries;
    for (const place of this.keys.slotsOf(token)) {
      const window = Math.floor(place / this.keys.slots);
      const key = place % this.keys.slots;
      for (let query = 0; query < slots; query++) {
        const from = this.queries.tokenAt(window * slots + query);
        if (from < 0) continue;
        const row = (window * this.heads + head) * slots + query;
        into[from] += this.largest[row] * this.linear[this.codes[row * this.keys.slots + key]];
      }
    }
    return into;
  }
}

/** How many bytes a record's file has: vit/ui/pack.py. */
function mapBytes(layers) {
  const { offset, length } = layers[layers.length - 1];
  return offset + length + (-length & 3);
}

/** The whole address of a record's file, which is named by its content; a self-contained page has none. */
function addressOfMaps({ maps }) {
  return maps.url ? new URL(maps.url, document.baseURI).href : "";
}

/** All layers of one record. They come by ranged requests: the wanted one alone, so that it is seen soon, then the rest. */
class Maps {
  constructor(value, onLayer, onError) {
    Object.assign(this, { value, onLayer, onError });
    this.layers = value.layers.map(() => null);
    this.queue = value.layers.map((_, index) => index);
    this.stop = new AbortController();
    this.whole = value.maps.bytes ? Promise.resolve(value.maps.bytes) : null; // a self-contained page holds them
    this.layouts = value.tokens_length ? this.bytes(0, value.tokens_length) : Promise.resolve(new ArrayBuffer(0));
  }

  get count() {
    return this.layers.length;
  }

  get size() {
    return mapBytes(this.value.layers);
  }

  get address() {
    return addressOfMaps(this.value);
  }

  /** Lets go of what was worked out from the layers. */
  forget() {
    for (const layer of this.layers) {
      layer.cache.clear();
      layer.fused.clear();
    }
  }

  get loaded() {
    return this.layers.filter(Boolean).length;
  }

  /** Brings everything, beginning with the given layer; the others two at a time. Resolves with the first. */
  async start(first) {
    this.want(first);
    await this.next();
    this.work();
    this.work();
  }

  /** Puts a layer at the head of the queue, if it isn't here or under way. */
  want(index) {
    const at = this.queue.indexOf(index);
    if (at > 0) this.queue.unshift(...this.queue.splice(at, 1));
  }

  close() {
    this.queue = [];
    this.stop.abort();
  }

  async work() {
    while (this.queue.length) await this.next();
  }

  async next() {
    const index = this.queue.shift();
    const entry = this.value.layers[index];
    try {
      const [layouts, bytes] = await Promise.all([this.layouts, this.bytes(entry.offset, entry.length)]);
      this.layers[index] = new Layer(entry, layouts, bytes);
    } catch (error) {
      if (!this.stop.signal.aborted) this.onError(error);
      return this.close();
    }
    this.onLayer(index);
  }

  /** The file that the server has, put together again from what has come. */
  async everything() {
    const file = new Uint8Array(mapBytes(this.value.layers));
    file.set(new Uint8Array(await this.layouts));
    this.layers.forEach(({ largest, codes }, index) => {
      const { offset } = this.value.layers[index];
      file.set(new Uint8Array(largest.buffer, largest.byteOffset, largest.byteLength), offset);
      file.set(codes, offset + largest.byteLength);
    });
    return file;
  }

  async bytes(offset, length) {
    if (this.whole) return (await this.whole).slice(offset, offset + length);
    const headers = { Range: `bytes=${offset}-${offset + length - 1}` };
    const answer = await fetch(this.value.maps.url, { headers, signal: this.stop.signal });
    if (!answer.ok) throw new Error(`The server answered ${answer.status}.`);
    if (answer.status === 206) return answer.arrayBuffer();
    this.whole = answer.arrayBuffer(); // a proxy that knows no ranges sent everything
    return (await this.whole).slice(offset, offset + length);
  }
}
