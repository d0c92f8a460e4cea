// The tokens after each block, out of the server's files: vit/ui/views/tokens.py. The same numbers as vit/measures.

const KINDS = { f4: Float32Array, i4: Int32Array, i2: Int16Array, u1: Uint8Array };

/** An array of numbers where the server says that it lies in its file. */
function numbersAt(buffer, { kind, offset, length }) {
  return new KINDS[kind](buffer, offset, length);
}

/** One block: where its tokens sit, how long they are, and what else of it has been brought so far. */
class Block {
  constructor({ layer, layout, norms, median, deviation }, buffer) {
    Object.assign(this, { layer, median, deviation });
    this.layout = new Layout(layout, 1, buffer);
    this.norms = numbersAt(buffer, norms);
    this.lens = null; // what its tokens are taken for, or null where they can't be read
    this.vectors = new Map(); // centred or not -> {width, values}, the tokens at length 1
    this.colours = null; // {pixels, explained} or {why}
  }

  get first() {
    return this.layout.prefix.length;
  }

  threshold(k) {
    return this.median + k * this.deviation;
  }

  /** The patch tokens above the threshold, the longest first. */
  outliers(k) {
    const limit = this.threshold(k);
    const tokens = Array.from({ length: this.norms.length - this.first }, (_, n) => this.first + n);
    return tokens.filter((token) => this.norms[token] > limit).sort((a, b) => this.norms[b] - this.norms[a]);
  }

  /** The norms of the patches; `rule` clips the outliers to the longest of the others, or leaves them out. */
  lengths(k, rule) {
    const { layout, norms } = this;
    const limit = rule === "show" ? Infinity : this.threshold(k);
    const others = norms.subarray(this.first).filter((norm) => norm <= limit);
    const [least, most] = span(others);
    const kept = norms.map((norm) => (norm <= limit ? norm : rule === "clip" ? most : least));
    return { values: layout.onPatches(kept), least, most };
  }

  /** Cosines of all tokens with one, as the server's measure has them. */
  cosines(token, centred) {
    const { width, values, one } = this.vectors.get(centred);
    const here = Float32Array.from(values.subarray(token * width, (token + 1) * width), (value) => value / one ** 2);
    return Float32Array.from({ length: this.layout.count }, (_, other) => {
      let sum = 0;
      for (let n = 0, at = other * width; n < width; n++, at++) sum += here[n] * values[at];
      return Math.max(-1, Math.min(1, sum));
    });
  }
}

/** The lowest and the highest of some numbers; without any, 0 and 0. */
function span(values) {
  let [least, most] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < least) least = value;
    if (value > most) most = value;
  }
  return least <= most ? [least, most] : [0, 0];
}

/** What a part paints of a block: values with the ends of its colours, ready pixels, a sentence why not, or nothing yet. */
const PAINTED = {
  norms({ blocks, block, look }) {
    const all = look.scale.norms === "wide" ? blocks : [block];
    const spans = all.map((each) => each.lengths(look.k, look.outliers));
    const most = Math.max(...spans.map((each) => each.most));
    const found = { ...block.lengths(look.k, look.outliers), most };
    if (look.scale.norms === "wide") return { ...found, least: 0 };
    if (look.outliers !== "show") return { ...found, least: spans[0].least }; // what the others are like among themselves
    // Only what stands out is to glow: from the median up, and at least as far as an outlier begins.
    return { ...found, least: block.median, most: Math.max(most, block.threshold(look.k)), from: "median" };
  },

  lens({ blocks, block, look }) {
    if (!block.lens) return { why: words("tokens.narrow", { layer: block.layer + 1 }) };
    const values = block.layout.onPatches(block.lens.followed);
    const all = look.scale.lens === "wide" ? blocks.filter((each) => each.lens) : [block];
    return { values, least: 0, most: Math.max(...all.map((each) => span(each.lens.followed.subarray(each.first))[1])) };
  },

  colours({ block }) {
    return block.colours ?? {};
  },

  alike({ block, look, asked }) {
    if (!block.vectors.has(look.centred)) return {};
    const cosines = block.cosines(asked, look.centred);
    const others = cosines.filter((_, token) => token >= block.first && token !== asked);
    const [least, most] = look.scale.alike === "wide" ? [-1, 1] : span(others);
    return { values: block.layout.onPatches(cosines), least, most, signed: look.scale.alike === "wide", cosines };
  },
};
