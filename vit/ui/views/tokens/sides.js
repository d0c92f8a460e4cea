// What stands beside the map, part by part: the numbers in words, by layer as lines, and as a table.

/** A patch or another token, for a sentence. */
function tokenWords({ layout }, token) {
  if (token < layout.prefix.length) return layout.prefix[token].toUpperCase();
  const patch = token - layout.prefix.length;
  if (layout.cells) return words("tokens.run", { number: patch + 1 });
  return words("map.place", { row: Math.floor(patch / layout.cols) + 1, col: (patch % layout.cols) + 1 });
}

class Sides {
  constructor(view, openLayer) {
    this.view = view;
    const open = (point) => openLayer(point.x - 1);
    this.plots = { norms: new Plot(this.part("norms", ".by-layer"), open), lens: new Plot(this.part("lens", ".by-layer"), open) };
  }

  part(name, selector) {
    return this.view.find(`[data-part=${name}] ${selector}`);
  }

  tell(name, line) {
    this.part(name, ".summary").textContent = line;
  }

  /** Lines over the layers with a point for each layer; `series` is [{name, values, dashed?, colour?}], null where there is none. */
  lines(name, { blocks, block }, { label, y, series }) {
    const numbers = blocks.map((each) => each.layer + 1);
    const points = [];
    const lines = series.map(({ name: title, values, dashed, colour, ring, words: told }) => {
      const at = numbers.map((x, n) => [x, values[n]]).filter(([, value]) => value !== null);
      at.forEach(([x, value]) => points.push({
        x, y: value, colour, ring, title: `${title}, ${words("tokens.after", { layer: x })}`, words: told(value),
      }));
      return { at, name: title, dashed, colour };
    });
    const ends = { from: 0, to: y.to ?? (1.05 * Math.max(...points.map((point) => point.y)) || 1) };
    const here = { at: [[block.layer + 1, 0], [block.layer + 1, ends.to]], quiet: true };
    this.plots[name].draw({
      label, height: 220, points, lines: [here, ...lines], y: { name: y.name, ...ends },
      x: { name: words("tokens.layer"), from: numbers[0], to: Math.max(numbers.at(-1), numbers[0] + 1), whole: true },
    });
  }

  norms(tokens) {
    const { blocks, block, look, place } = tokens;
    const { k } = look;
    const above = block.outliers(k);
    const told = {
      layer: block.layer + 1, count: block.norms.length - block.first, median: three(block.median), threshold: three(block.threshold(k)),
      prefix: block.layout.prefix.map((name, n) => `, ${name.toUpperCase()} ${three(block.norms[n])}`).join(""),
      most: three(span(block.norms.subarray(block.first))[1]), above: above.length,
      which: above.slice(0, 5).map((token) => tokenWords(block, token)).join("; ") + (above.length > 5 ? " …" : ""),
    };
    const which = ["tokens.norms_none", "tokens.norms_one"][above.length] ?? "tokens.norms_above";
    this.tell("norms", `${words("tokens.norms_told", told)} ${words(which, told)}`);
    const series = [
      { name: words("tokens.median"), values: blocks.map((each) => each.median), words: three },
      { name: words("tokens.largest_norm"), values: blocks.map((each) => span(each.norms.subarray(each.first))[1]), words: three, dashed: true },
      { name: words("tokens.this_patch"), values: blocks.map((each) => each.norms[tokenAt(each, place)]), words: three, colour: "var(--mark)", ring: true },
    ];
    this.lines("norms", tokens, { label: words("tokens.norms_by_layer"), y: { name: words("tokens.norm") }, series });
    tableBelow(this.part("norms", ".below"), [words("tokens.layer"), ...series.map(({ name }) => name), words("tokens.above")], () =>
      blocks.map((each, n) => [String(each.layer + 1), ...series.map(({ values }) => three(values[n])), String(each.outliers(k).length)]));
  }

  lens(tokens) {
    const { blocks, block, place, lens, names } = tokens;
    const read = blocks.filter((each) => each.lens);
    const name = names.get(lens.target);
    const whole = readout({ ...state.value.layers.at(-1).queries, count: 0 }).words;
    if (block.lens) {
      const { answers, share, rank, classes } = block.lens;
      const [label, sure] = answers[0];
      const patches = classes.subarray(block.first);
      const agree = percent(patches.filter((each) => each === lens.target).length / patches.length);
      this.tell("lens", words("tokens.lens_told", { layer: block.layer + 1, whole, label, sure: percent(sure), name, share: percent(share), rank, agree }));
    } else this.tell("lens", words("tokens.narrow", { layer: block.layer + 1 }));
    const [here, from] = [words("tokens.this_patch"), words("tokens.lens_whole", { whole })];
    const series = [
      { name: from, values: blocks.map((each) => each.lens?.share ?? null), words: percent },
      { name: here, values: blocks.map((each) => each.lens?.followed[tokenAt(each, place)] ?? null), words: percent, colour: "var(--mark)", dashed: true, ring: true },
    ];
    const y = { name: words("tokens.probability"), to: 1 };
    this.lines("lens", tokens, { label: words("tokens.lens_by_layer", { name }), y, series });
    const rows = read.map((each) => {
      const token = tokenAt(each, place);
      const [label, sure] = each.lens.answers[0];
      return [String(each.layer + 1), label, percent(sure), names.get(each.lens.classes[token]), percent(each.lens.sure[token])];
    });
    const head = [words("tokens.layer"), from, "", here, ""];
    this.part("lens", ".answers").replaceChildren(table(head, rows, read.indexOf(block), [0, 1, 3]));
  }

  colours({ block }) {
    const { explained } = block.colours ?? {};
    if (!explained) return this.tell("colours", "");
    const [red, green, blue] = explained.map((share) => percent(share));
    const all = percent(explained.reduce((sum, share) => sum + share, 0));
    this.tell("colours", words("tokens.colours_told", { layer: block.layer + 1, all, red, green, blue }));
  }

  alike({ block, map, asked }) {
    const below = this.part("alike", ".below");
    if (!map.cosines) {
      this.tell("alike", "");
      return below.replaceChildren();
    }
    const { cosines } = map;
    const order = [...cosines.keys()].filter((token) => token !== asked).sort((a, b) => cosines[b] - cosines[a]);
    const patches = order.filter((token) => token >= block.first);
    if (!patches.length) return this.tell("alike", "");
    const told = {
      layer: block.layer + 1, token: tokenWords(block, asked), other: tokenWords(block, patches[0]), cosine: three(cosines[patches[0]]),
      least: three(cosines[patches.at(-1)]), most: three(cosines[patches[0]]),
    };
    this.tell("alike", words("tokens.alike_told", told));
    tableBelow(below, [words("tokens.token"), words("tokens.cosine")], () => order.map((token) => [tokenWords(block, token), three(cosines[token])]));
  }

  /** What the patch at a place has in the map that is painted, in a sentence. */
  here({ block, look, map, lens, names, asked }, place) {
    const token = tokenAt(block, place);
    const told = { token: tokenWords(block, token), layer: block.layer + 1 };
    if (look.part === "norms") {
      const norm = block.norms[token];
      const patches = block.norms.subarray(block.first);
      const outlier = norm > block.threshold(look.k) ? words("tokens.outlier") : "";
      const rank = 1 + patches.filter((other) => other > norm).length;
      return words("tokens.norms_here", { ...told, norm: three(norm), place: rank, count: patches.length, outlier });
    }
    if (look.part === "lens") {
      if (!block.lens) return "";
      const { classes, sure, followed } = block.lens;
      const taken = { label: names.get(classes[token]), sure: percent(sure[token]) };
      const here = words("tokens.lens_here", { ...told, ...taken });
      if (classes[token] === lens.target) return here; // its share is said already
      return `${here} ${words("tokens.lens_followed", { name: names.get(lens.target), share: percent(followed[token]) })}`;
    }
    if (look.part === "colours" && map.pixels) {
      const { patch } = patchAt(block.layout, place);
      const [red, green, blue] = map.pixels.subarray(3 * patch, 3 * patch + 3).map((code) => Math.round(code / 2.55));
      return words("tokens.colours_here", { ...told, red, green, blue });
    }
    if (look.part === "alike" && map.cosines) {
      const key = token === asked ? "tokens.alike_from" : "tokens.alike_here";
      return words(key, { ...told, asked: tokenWords(block, asked), cosine: three(map.cosines[token]) });
    }
    return map.why ? "" : words("tokens.bringing", told);
  }
}

/** The token that covers a place of the picture. */
function tokenAt({ layout }, place) {
  return layout.tokenOf(patchAt(layout, place).patch);
}
