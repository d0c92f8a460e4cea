// The first seconds: nobody has pointed yet, so a square goes over the photo by itself and its map follows. A person's
// first move ends it, it goes over the photo once, and who asks for less motion never sees it.

const DEMO_REST = 1500; // milliseconds before the first place
const DEMO_PACE = 850; // and at each
const DEMO_PLACES = [[0.4, 0.35], [0.42, 0.62], [0.8, 0.3], [0.72, 0.82], [0.22, 0.5]]; // across and down

function demonstrate() {
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (still || root.dataset.state !== "example" || state.view.query || state.view.method === "received") return;
  const moves = ["pointermove", "pointerdown", "keydown", "wheel", "focusin", "visibilitychange"];
  const places = [...DEMO_PLACES];
  const show = (place) => {
    state.demo = Boolean(place);
    state.pointer = place;
    draw();
  };
  const end = () => {
    clearTimeout(timer);
    for (const move of moves) document.removeEventListener(move, end, true);
    if (state.demo) show(null);
  };
  const step = () => {
    const next = places.shift();
    if (!next || !state.map || state.open !== "explore" || root.dataset.state !== "example") return end();
    show({ x: next[0], y: next[1] });
    timer = setTimeout(step, DEMO_PACE);
  };
  let timer = setTimeout(step, DEMO_REST);
  for (const move of moves) document.addEventListener(move, end, true);
}
