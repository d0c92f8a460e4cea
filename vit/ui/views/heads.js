// Heads: four looks at all heads, each a measure or two. What a choice needs anew is asked for by itself.

addView("heads", (view) => {
  const ALL = ["distance", "entropy", "prefix", "sinks", "similarity"];
  const WAIT = 250; // milliseconds: a slider that is drawn asks once
  let wanted = new Set(ALL); // what the next question asks for
  let found = {}; // each measure's answer
  let timer = 0;

  const shape = new Scatter(view.find(".shape"), ["entropy", "distance", "both"]);
  const shares = new Scatter(view.find(".shares"), ["sinks", "prefix"]);
  const photo = new SinkPhoto(view.find(".sunk"), () => later("sinks", shares.section));
  const similarity = new Similarity(view.find(".alike"), () => later("similarity", similarity.section));
  const parts = [shape, shares, photo, similarity];

  function later(name, section) {
    wanted.add(name);
    for (const part of section.querySelectorAll(".figure, .said")) part.dataset.old = ""; // dimmed until the answer fits again
    clearTimeout(timer);
    timer = setTimeout(() => {
      timer = 0;
      view.ask({ quiet: true });
    }, WAIT);
  }

  /** A measure's file as numbers; of none, none. */
  async function numbers(name, result) {
    return result[name]?.file ? new Float32Array(await view.bytes(result[name].file)) : null;
  }

  return {
    options: () => ({ wanted: [...wanted], times: photo.times, layer: similarity.wanted(), kind: similarity.kind }),
    clear() {
      clearTimeout(timer);
      timer = 0;
      wanted = new Set(ALL);
      found = {};
      for (const part of parts) part.found = null;
      similarity.scope = photo.layer = photo.cursor = null;
    },
    async show(result) {
      const [received, matrix] = await Promise.all(["sinks", "similarity"].map((name) => numbers(name, result)));
      if (view.result !== result) return;
      for (const name of ALL.filter((each) => result[each])) {
        found[name] = result[name];
        if (!timer) wanted.delete(name); // else it is about to be asked for once more
      }
      if (result.distance || result.entropy) shape.show(found);
      if (result.sinks || result.prefix) shares.show(found);
      if (result.sinks) photo.show(result.sinks, received);
      if (result.similarity) similarity.show(result.similarity, matrix);
      if (!wanted.size) for (const part of view.findAll("[data-old]")) delete part.dataset.old;
    },
    draw() {
      for (const part of parts) if (part.found) part.draw();
    },
  };
});
