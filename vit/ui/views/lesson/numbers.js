// The lesson's numbers: vectors out of the server's file, and the few sums that a lesson does with them.

/** The server's answer with its file: vector(name, …place) gives one row of an array, such as vector("keys", head, token). */
class Numbers {
  constructor(result, buffer) {
    Object.assign(this, result);
    this.all = new Float32Array(buffer);
    this.tokens = result.prefix.length + result.rows * result.cols;
  }

  vector(name, ...place) {
    const { offset, shape } = this.arrays[name];
    const length = shape.at(-1);
    const row = place.reduce((at, index, axis) => at * (axis ? shape[axis] : 1) + index, 0);
    return this.all.subarray(offset + row * length, offset + (row + 1) * length);
  }

  get heads() {
    return this.arrays.queries.shape[0];
  }

  /** One token's scores with every key of the first layer: q · k / √width. */
  scores(head, token) {
    const query = this.vector("queries", head, token);
    return Float32Array.from({ length: this.tokens }, (_, key) => dot(query, this.vector("keys", head, key)) / Math.sqrt(query.length));
  }

  /** How alike a place's position embedding is to every other patch's: cosines. */
  alike(token) {
    const here = this.vector("places", token);
    const first = this.prefix.length;
    return Float32Array.from({ length: this.rows * this.cols }, (_, patch) => {
      const there = this.vector("places", first + patch);
      return dot(here, there) / Math.sqrt(dot(here, here) * dot(there, there));
    });
  }
}

/** A number as it is written with so many decimals. */
function cut(value, decimals = 2) {
  return Number(value.toFixed(decimals));
}

function digits(value, decimals = 3) {
  return decimal(value.toFixed(decimals));
}

function dot(left, right) {
  let sum = 0;
  for (let n = 0; n < left.length; n++) sum += left[n] * right[n];
  return sum;
}

/** e to each score divided by the temperature, as shares of their sum. */
function softmax(scores, temperature = 1) {
  const most = Math.max(...scores);
  const powers = Array.from(scores, (score) => Math.exp((score - most) / temperature));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

// Four tokens, small enough to check by hand. Width 4, so that √width is 2.
const FOUR = { query: [2, 1, 0, 0], keys: { A: [1, 0, 0, 1], B: [0, 1, 2, 0], C: [2, 1, 0, 1], D: [0, 0, 1, 0] } };
const FOUR_SCORES = Object.values(FOUR.keys).map((key) => dot(FOUR.query, key) / 2);
