// Which patches to hide: those on which a map is highest.

/** The patches of a grid on which a map is highest, or as many by chance. */
function highest(of, count, grid) {
  const all = grid.rows * grid.cols;
  const values = new Float32Array(all);
  if (of === "random") values.forEach((_, patch) => (values[patch] = Math.random()));
  else {
    const map = mapOf(of);
    values.forEach((_, patch) => {
      const row = Math.floor(((Math.floor(patch / grid.cols) + 0.5) * map.rows) / grid.rows);
      const col = Math.floor((((patch % grid.cols) + 0.5) * map.cols) / grid.cols);
      values[patch] = map.values[row * map.cols + col];
    });
  }
  return new Set([...values.keys()].sort((a, b) => values[b] - values[a]).slice(0, count));
}

function mapOf(of) {
  if (of === "explore" && state.map) return state.map;
  const { layers } = state.maps;
  const last = layers.length - 1;
  const made = of === "rollout" ? rolloutMap(layers, { ...startView(layers.length), last }, null) : receivedMap(layers[last], "mean");
  return { rows: made.layout.rows, cols: made.layout.cols, values: made.shares.subarray(made.layout.prefix.length) };
}
