// What each step has to look at and to play with before its prediction, none of which gives the answer away:
//   play(lesson)     an element that stands above the question until it is answered
//   ground(lesson)   what is over the photo meanwhile, as a step's map in steps.js has it

const BEFORE = {
  embedding: {
    play({ photo, size, rows, cols, row, col }) {
      const { canvas, pixels } = patchPicture(photo, size, rows, cols, row, col);
      const [red, green, blue] = pixels;
      const told = { another: words("lesson.another"), row: row + 1, col: col + 1, across: canvas.width, down: canvas.height, red, green, blue };
      return make("div", {}, make("div", { className: "patch" }, canvas, make("p", { className: "small" }, words("lesson.embedding.pixels", told))));
    },
    ground: () => ({}),
  },
  qkv: {
    /** Arrows to three of the patches that are asked, or the window of those that are; which fits is not said. */
    ground(lesson) {
      const { rows, cols, row, col } = lesson;
      if (windowed()) {
        const looks = lesson.looks(0);
        if (!looks) return { below: words("stage.bring_layer", { layer: 1 }) };
        const { values } = looks[0];
        const patches = new Set([...values.keys()].filter((patch) => values[patch] > 0));
        return { marks: [{ ...looks[0], patches, weight: 1 }], below: words("lesson.qkv.window", { another: words("lesson.another") }) };
      }
      const places = [[0.15, 0.2], [0.3, 0.85], [0.85, 0.6], [0.8, 0.1]].map(([y, x]) => [Math.floor(y * rows), Math.floor(x * cols)]);
      const arrows = places.filter(([down, across]) => down !== row || across !== col).slice(0, 3);
      return { arrows, below: words("lesson.qkv.asks", { another: words("lesson.another") }) };
    },
  },
  softmax: {
    play: () => make("div", {}, handSoftmax(1)),
    ground(lesson) {
      const looks = lesson.looks(0);
      const head = Math.min(lesson.head, (looks?.length ?? 1) - 1);
      if (!looks) return { below: words("stage.bring_layer", { layer: 1 }) };
      return { ...looks[head], peak: looks[head].most, below: words("lesson.heads.below", { layer: 1, head: head + 1, most: percent(looks[head].most) }) };
    },
  },
  heads: {
    play() {
      const shape = state.value.width / state.value.height;
      const tiles = Array.from({ length: state.value.layers[0].heads }, (_, head) => {
        const tile = make("i");
        tile.style.aspectRatio = shape;
        return make("span", { className: "tile" }, tile, words("map.head", { number: head + 1 }));
      });
      return make("div", {}, make("div", { className: "many" }, ...tiles));
    },
    /** The patch with those that touch it. */
    ground({ rows, cols, row, col }) {
      const patches = new Set();
      for (let down = Math.max(0, row - 1); down <= Math.min(rows - 1, row + 1); down++) {
        for (let across = Math.max(0, col - 1); across <= Math.min(cols - 1, col + 1); across++) patches.add(down * cols + across);
      }
      return { marks: [{ rows, cols, patches, weight: 1 }], below: words("lesson.heads.around", { another: words("lesson.another") }) };
    },
  },
  layers: {
    play(lesson) {
      const count = state.value.layers.length;
      const tell = (layer) => words("controls.of", { number: layer, count });
      const change = (layer) => lesson.look({ layer: layer - 1 });
      return make("div", {}, slider(words("controls.layer"), { min: 1, max: count, step: 1, value: lesson.toy.layer + 1 }, tell, change));
    },
    ground: (lesson) => lesson.readout(Math.min(lesson.toy.layer, state.value.layers.length - 1)),
  },
  prediction: {
    play({ numbers }) {
      const rows = numbers.logits.slice(0, 5).map(([label, logit]) => [label, digits(logit)]);
      return make("div", {}, table(["class", "logit"].map((name) => words(`lesson.prediction.${name}`)), rows));
    },
    ground: (lesson) => lesson.readout(state.value.layers.length - 1),
  },
  truth: {
    /** A person paints out patches, in attention's order or by chance; what becomes of the share is the question. */
    play(lesson) {
      const group = make("div", { className: "choice", role: "radiogroup", "aria-label": words("lesson.truth.order") });
      group.append(...["raw", "chance"].map((name) => {
        const button = make("button", { type: "button", role: "radio" }, words(`lesson.truth.${name}`));
        button.dataset.value = name;
        return button;
      }));
      radios(group, (order) => lesson.look({ order }))(lesson.toy.order);
      const change = (share) => lesson.look({ share });
      return make("div", {}, make("div", { className: "set" }, group),
        slider(words("lesson.truth.painted"), { min: 0, max: 1, step: 0.05, value: lesson.toy.share }, percent, change));
    },
    ground(lesson) {
      const { order, share } = lesson.toy;
      const map = lesson.readout(state.value.layers.length - 1);
      if (!map.values) return map;
      const { rows, cols, values } = map;
      const rank = order === "raw" ? (patch) => -values[patch] : shuffled;
      const patches = [...values.keys()].sort((a, b) => rank(a) - rank(b)).slice(0, Math.round(share * values.length));
      return { hidden: { rows, cols, patches }, below: words("lesson.truth.hidden", { count: patches.length, all: values.length }) };
    },
  },
};

/** An order of the patches like one by chance, and always the same. */
function shuffled(patch) {
  return (Math.sin(patch + 1) * 43758.5453) % 1;
}
