// Which patches to hide: those on which a map is highest.

/** The patches of a grid on which a map is highest, or as many by chance; or `words` that say why there is no such map. */
function highest(of, count, grid) {
  const all = grid.rows * grid.cols;
  const values = new Float32Array(all);
  if (of === "random") values.forEach((_, patch) => (values[patch] = Math.random()));
  else {
    const map = of === "explore" ? mapNow() : mapOf({ ...startView(state.value.layers.length), method: of }, null);
    if (!map.values) return { words: map.words };
    values.forEach((_, patch) => {
      const row = Math.floor(((Math.floor(patch / grid.cols) + 0.5) * map.rows) / grid.rows);
      const col = Math.floor((((patch % grid.cols) + 0.5) * map.cols) / grid.cols);
      values[patch] = map.values[row * map.cols + col];
    });
  }
  return { patches: new Set([...values.keys()].sort((a, b) => values[b] - values[a]).slice(0, count)) };
}
