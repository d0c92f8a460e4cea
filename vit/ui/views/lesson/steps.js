// The steps. Each has a key for its words, and functions of the lesson (see lesson.js):
//   fill      what its words name in braces
//   options   the predictions to choose from, [{text, right}]
//   example   what stands above the question; what goes away with the answer is in before.js
//   figure    what the answer shows, an element
//   map       what the answer paints over the photo, {values, rows, cols, peak}, and the line below it
//   still     no patch is followed in it
//   asks      the server works its answer out when the step is opened: see closing.js
//   own       what needs our own network's insides: "all" of the step, or its "figure"

const STEPS = [
  {
    key: "patches",
    fill: ({ rows, cols, size, prefix }) => {
      const [height, width] = size;
      const [down, across] = [height / rows, width / cols];
      const names = prefix.map((name) => name.toUpperCase()).join(", ");
      const others = words(windowed() ? "lesson.patches.window" : "lesson.patches.all");
      return { rows, cols, width, height, down, across, names, others, count: rows * cols, tokens: rows * cols + prefix.length, numbers: 3 * down * across };
    },
    options: ({ rows, cols }) => numbersToChoose(rows * cols, [rows + cols, rows * cols * 2, Math.round((rows * cols) / 4)]),
    figure(lesson) {
      const { row, col, rows, cols, size, prefix } = lesson;
      const { canvas, pixels } = patchPicture(lesson.photo, size, rows, cols, row, col);
      const mean = [0, 1, 2].map((channel) => {
        let sum = 0;
        for (let n = channel; n < pixels.length; n += 4) sum += pixels[n];
        return Math.round((4 * sum) / pixels.length);
      });
      const [red, green, blue] = mean;
      const told = make("p", {}, words("lesson.patches.mean", { row: row + 1, col: col + 1, red, green, blue }));
      const extra = [prefix.length && words("lesson.patches.extra", this.fill(lesson)), state.value.top.length && words("lesson.patches.reads", { reads: reads() })];
      return make("div", {}, make("p", {}, extra.filter(Boolean).join(" ")), make("div", { className: "patch" }, canvas, told));
    },
    map: () => ({ grid: true, below: words("lesson.point") }),
  },
  {
    key: "embedding",
    own: "all",
    fill: (lesson) => ({ ...STEPS[0].fill(lesson), long: lesson.numbers.vector("patches", 0).length, row: lesson.row + 1, col: lesson.col + 1 }),
    options: () => ["no", "yes", "row"].map((name) => ({ text: words(`lesson.embedding.${name}`), right: name === "no" })),
    figure({ numbers, token, row, col, rows, cols }) {
      const [patch, place] = [numbers.vector("patches", token), numbers.vector("places", token)];
      const sum = patch.map((value, n) => cut(value) + cut(place[n])); // what is shown adds up
      const peak = Math.max(...[...patch, ...place].map(Math.abs));
      const alike = numbers.alike(token);
      const near = [], far = [];
      alike.forEach((cosine, n) => {
        const away = Math.max(Math.abs(Math.floor(n / cols) - row), Math.abs((n % cols) - col));
        if (away) (away === 1 ? near : far).push(cosine);
      });
      const mean = (list) => three(list.reduce((a, b) => a + b, 0) / list.length);
      return make(
        "div", {},
        strip(words("lesson.embedding.patch"), patch, peak),
        strip(words("lesson.embedding.place"), place, peak),
        strip(words("lesson.embedding.sum"), sum, peak),
        make("p", {}, words("lesson.embedding.alike", { near: mean(near), far: mean(far) })),
      );
    },
    map({ numbers, token, rows, cols, row, col }) {
      const values = numbers.alike(token).map((cosine) => Math.max(0, cosine));
      values[row * cols + col] = 0; // with itself it is always 1, and would outshine the others
      return { values, rows, cols, peak: largest(values), below: words("lesson.embedding.below", { most: three(largest(values)) }) };
    },
  },
  {
    key: "qkv",
    own: "figure",
    example: () => make("div", {}, handKeys()),
    fill: () => ({}),
    options: () => Object.keys(FOUR.keys).map((text, n) => ({ text, right: n === placeOfLargest(FOUR_SCORES) })),
    figure(lesson) {
      const { numbers, head, token } = lesson;
      const scores = numbers.scores(head, token);
      const best = placeOfLargest(scores);
      const [query, key, value] = [numbers.vector("queries", head, token), numbers.vector("keys", head, best), numbers.vector("values", head, best)];
      const sum = cut(dot(query, key));
      const first = [0, 1, 2, 3].map((n) => cut(cut(query[n]) * cut(key[n]))); // as who has only what is shown works it out
      const rest = sum - first.reduce((a, b) => a + b, 0);
      const tell = (number) => digits(number, 2);
      const rows = first.map((product, n) => [String(n + 1), tell(query[n]), tell(key[n]), tell(product)]);
      const peak = Math.max(...[...query, ...key, ...value].map(Math.abs));
      return make(
        "div", {},
        make("p", {}, words("lesson.qkv.before", { asker: lesson.name(token), best: lesson.name(best), long: query.length })),
        headButtons(numbers.heads, head, (to, focus) => lesson.set({ head: to }, focus)),
        table(
          ["", words("lesson.qkv.query"), words("lesson.qkv.key"), words("lesson.qkv.product")],
          [...rows, [`5 … ${query.length}`, "", "", tell(rest)], [words("lesson.qkv.total"), "", "", tell(sum)], [`÷ √${query.length}`, "", "", tell(sum / Math.sqrt(query.length))]],
          6,
        ),
        strip(words("lesson.qkv.query"), query, peak),
        strip(words("lesson.qkv.key"), key, peak),
        strip(words("lesson.qkv.value"), value, peak),
        make("p", {}, words("lesson.qkv.then")),
      );
    },
    map(lesson) {
      const scores = lesson.numbers.scores(lesson.head, lesson.token).slice(lesson.prefix.length);
      const least = Math.min(...scores);
      const values = scores.map((score) => score - least);
      const told = { least: three(least), most: three(largest(scores)), head: lesson.head + 1 };
      return { values, rows: lesson.rows, cols: lesson.cols, peak: largest(values), below: words("lesson.qkv.below", told) };
    },
  },
  {
    key: "softmax",
    own: "figure",
    fill: () => ({ scores: words("lesson.softmax.list", Object.fromEntries(FOUR_SCORES.map((score, n) => [["a", "b", "c", "d"][n], decimal(score)]))) }),
    options: () => ["grows", "same", "shrinks"].map((name) => ({ text: words(`lesson.softmax.${name}`), right: name === "grows" })),
    hand: (lesson) => make("div", {}, handSoftmax(lesson.temperature)),
    figure(lesson) {
      const told = (value) => three(value);
      const change = (temperature) => lesson.soften(temperature);
      const settings = { min: 0.25, max: 4, step: 0.05, value: lesson.temperature };
      const own = lesson.numbers
        ? [make("p", {}, words("lesson.softmax.real")), headButtons(lesson.numbers.heads, lesson.head, (to, focus) => lesson.set({ head: to }, focus))]
        : [];
      return make("div", {}, slider(words("lesson.softmax.temperature"), settings, told, change), make("div", { className: "soft" }, this.hand(lesson)), ...own);
    },
    map(lesson) {
      const { numbers, head, token, rows, cols, prefix, temperature } = lesson;
      const shares = softmax(numbers.scores(head, token), temperature);
      const values = Float32Array.from(shares.slice(prefix.length));
      const best = shares.indexOf(Math.max(...shares));
      const told = { temperature: three(temperature), most: percent(shares[best]), best: lesson.name(best) };
      const layer = state.maps.layers[0];
      const record = layer && layer.row(head, token)[best];
      const checked = layer && temperature === 1 ? " " + words("lesson.softmax.checked", { share: percent(record) }) : "";
      return { values, rows, cols, peak: largest(values), below: words("lesson.softmax.below", told) + checked };
    },
  },
  {
    key: "heads",
    fill: (lesson) => ({ heads: state.value.layers[0].heads, near: lesson.looks(0)?.filter((look) => look.near).length ?? "…", row: lesson.row + 1, col: lesson.col + 1 }),
    options(lesson) {
      const near = lesson.looks(0)?.filter((look) => look.near).length;
      return Array.from({ length: state.value.layers[0].heads + 1 }, (_, n) => ({ text: String(n), right: n === near }));
    },
    figure(lesson) {
      const looks = lesson.looks(lesson.layer);
      const change = (layer) => lesson.set({ layer: layer - 1 }, "input[type=range]");
      const count = state.value.layers.length;
      const tell = (layer) => words("controls.of", { number: layer, count });
      const set = slider(words("controls.layer"), { min: 1, max: count, step: 1, value: lesson.layer + 1 }, tell, change);
      if (!looks) return make("div", {}, set, make("p", {}, words("stage.bring_layer", { layer: lesson.layer + 1 })));
      const chosen = Math.min(lesson.head, looks.length - 1);
      const buttons = looks.map((look, head) => {
        const canvas = make("canvas", { width: look.cols, height: look.rows });
        canvas.style.aspectRatio = lesson.photo.naturalWidth / lesson.photo.naturalHeight;
        const pixels = heatPixels(look.values, look.rows, look.cols, look.cols, look.rows, look.most, pixelTable("inferno", null));
        canvas.getContext("2d").putImageData(pixels, 0, 0);
        const place = words("stage.top", { row: look.row + 1, col: look.col + 1, share: percent(look.most) });
        const button = make("button", { type: "button" }, canvas, make("span", {}, words("map.head", { number: head + 1 })), make("span", { className: "quiet" }, place));
        button.setAttribute("aria-pressed", head === chosen);
        button.addEventListener("click", () => lesson.set({ head }, `.many button:nth-child(${head + 1})`));
        return button;
      });
      return make("div", {}, set, make("div", { className: "many" }, ...buttons), make("p", { className: "small" }, words("lesson.heads.own")));
    },
    map(lesson) {
      const looks = lesson.looks(lesson.layer);
      const look = looks?.[Math.min(lesson.head, looks.length - 1)];
      if (!look) return { below: words("stage.bring_layer", { layer: lesson.layer + 1 }) };
      const told = { layer: lesson.layer + 1, head: Math.min(lesson.head, looks.length - 1) + 1, most: percent(look.most) };
      return { ...look, peak: look.most, below: words("lesson.heads.below", told) };
    },
  },
  {
    key: "layers",
    own: "all",
    still: true,
    fill: ({ numbers }) => ({ depth: numbers.lens.length - 1, label: numbers.lens.at(-1)[0], reads: reads() }),
    options({ numbers }) {
      const right = settledAfter(numbers.lens);
      return numbers.lens.map((_, n) => ({ text: n ? String(n) : words("lesson.layers.none"), right: n === right }));
    },
    figure({ numbers }) {
      const head = ["layer", "says", "final", "length", "attention", "mlp"].map((name) => words(`lesson.layers.${name}`));
      const rows = numbers.lens.map(([label, , final], n) => {
        const [before, attention, mlp] = numbers.lengths[n] ?? [null, null, null];
        const parts = [before, attention, mlp].map((length) => (length === null ? "" : three(length)));
        return [n ? String(n) : words("lesson.layers.start"), label, shareBar(final), ...parts];
      });
      const shift = rows.map((row, n) => [...row.slice(0, 3), ...(n ? rows[n - 1].slice(3) : ["", "", ""])]); // what the layer itself did
      return make("div", {}, table(head, shift, settledAfter(numbers.lens), [0, 1]), make("p", { className: "small" }, words("lesson.layers.caveat")));
    },
    map: (lesson) => lesson.readout(Math.max(0, settledAfter(lesson.numbers.lens) - 1)),
  },
  {
    key: "prediction",
    own: "all",
    still: true,
    fill({ numbers }) {
      const [first, second] = numbers.logits.map(([label]) => label);
      const [most, less, gap] = largestLogits(numbers);
      return { first, second, most: digits(most), less: digits(less), gap: digits(gap), times: three(Math.exp(gap)), count: numbers.logits.length, reads: reads() };
    },
    options({ numbers }) {
      const [most, less, gap] = largestLogits(numbers);
      const right = Math.exp(gap);
      const others = [gap, less > 0 ? most / less : 2 * gap, 10 * right];
      return numbersToChoose(right, others, (value) => words("lesson.prediction.times", { value: three(value) }));
    },
    figure({ numbers }) {
      const shares = softmax(numbers.logits.map(([, logit]) => logit));
      const rows = numbers.logits.slice(0, 10).map(([label, logit], n) => [label, digits(logit), shareBar(shares[n])]);
      return make("div", {}, table(["class", "logit", "share"].map((name) => words(`lesson.prediction.${name}`)), rows, 0), make("p", { className: "small" }, words("lesson.prediction.caveat", { count: numbers.logits.length })));
    },
    map: (lesson) => lesson.readout(state.value.layers.length - 1),
  },
  CLOSING_STEP,
];

function handKeys() {
  const row = (list) => `(${list.join(", ")})`;
  const rows = Object.entries(FOUR.keys).map(([name, key]) => [name, row(key)]);
  return make("div", {}, make("p", {}, words("lesson.qkv.hand", { query: row(FOUR.query) })), table(["", words("lesson.qkv.key")], rows));
}

function handSoftmax(temperature) {
  const shares = softmax(FOUR_SCORES, temperature);
  const rows = Object.keys(FOUR.keys).map((name, n) => {
    const score = FOUR_SCORES[n] / temperature;
    return [name, three(FOUR_SCORES[n]), three(Math.exp(score)), shareBar(shares[n])];
  });
  const power = temperature === 1 ? "e^s" : `e^(s / ${three(temperature)})`;
  return table(["", words("lesson.softmax.score"), power, words("lesson.softmax.share")], rows, placeOfLargest(shares));
}

/** After how many layers the classifier, asked early, names what it names at the end, and stays with it. */
function settledAfter(lens) {
  let layer = lens.length - 1;
  while (layer > 0 && lens[layer - 1][0] === lens.at(-1)[0]) layer--;
  return layer;
}

/** What the classifier reads after the last layer. */
function reads() {
  const names = state.value.layers.at(-1).queries.readout;
  if (!names.length) return words("lesson.reads.patches");
  return names[0] === "pool" ? words("lesson.reads.pool") : names.map((name) => name.toUpperCase()).join(" & ");
}

/** Whether a token looks only at those in its window. */
function windowed() {
  return state.value.layers[0].windows > 1;
}

/** The two largest logits and their difference, as written: who has only the page comes to the same. */
function largestLogits({ logits }) {
  const [most, less] = logits.map(([, logit]) => cut(logit, 3));
  return [most, less, most - less];
}

/** A right number among wrong ones, in order, no two written alike. */
function numbersToChoose(right, others, write = String) {
  const texts = new Map();
  for (const value of [right, ...others]) if (!texts.has(write(value))) texts.set(write(value), value);
  return [...texts].sort((a, b) => a[1] - b[1]).map(([text, value]) => ({ text, right: value === right }));
}
