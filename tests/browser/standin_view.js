addView("standin", (view) => ({
  options: () => ({ lines: Number(view.wanted.lines ?? 0), wrong: view.wanted.wrong === "1" }),
  clear() {
    view.find(".told").textContent = "";
  },
  async show(result) {
    const size = new TextDecoder().decode(await view.bytes(result.file));
    view.find(".told").textContent = `${result.layers} layers, ${size}`;
  },
}));
