// The views of the navigation line: which is open. Explore is the first of them; what the others are is in view.js.

/** Whether there is a photo with its record to ask about. */
function usable() {
  return Boolean(state.maps) && ["ready", "example"].includes(root.dataset.state);
}

/** What becomes of the page's photo and model, told to every view: "empty", "waiting" with a line, "refused" with one. */
function tellViews(name, line) {
  for (const view of views.values()) {
    if (name === "empty") view.stale();
    else if (name !== "usable") view.settle(name, line);
    else if (!view.result) view.settle("empty");
  }
  if (name === "usable") views.get(state.open)?.come();
}

/** Runs a script that came later within this one, so that it sees what is declared here. Gradio runs this one alike. */
function runHere(script) {
  return eval(script);
}

/** Shows a view. `step` writes its name into the address: stepAddress where a person chose it. */
function openView(name, step = setAddress) {
  const known = name === "explore" || views.has(name);
  const before = views.get(state.open);
  state.open = known ? name : "explore";
  if (before && !before.open) before.leave();
  root.dataset.view = state.open;
  for (const tab of root.querySelectorAll("[role=tab]")) {
    const chosen = tab.dataset.view === state.open;
    tab.setAttribute("aria-selected", chosen);
    tab.tabIndex = chosen ? 0 : -1;
    if (chosen) tab.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
  for (const panel of root.querySelectorAll("[role=tabpanel]")) panel.hidden = panel.id !== `view-${state.open}`;
  step({ view: state.open === "explore" ? null : state.open });
  if (state.open !== "explore") return views.get(state.open).come();
  stage.fit();
  draw();
}

for (const panel of root.querySelectorAll(".view[data-state]")) {
  const view = new View(panel);
  views.set(view.name, view);
}
const tabs = find("[role=tablist]");
// Where the line is longer than a phone is wide, its ends fade out on the sides to which it goes on.
const fadeTabs = () => {
  tabs.classList.toggle("before", tabs.scrollLeft > 4);
  tabs.classList.toggle("after", tabs.scrollLeft + tabs.clientWidth < tabs.scrollWidth - 4);
};
tabs.addEventListener("scroll", fadeTabs, { passive: true });
new ResizeObserver(fadeTabs).observe(tabs);
tabs.addEventListener("click", (event) => {
  const tab = event.target.closest("[role=tab]");
  if (tab && tab.dataset.view !== state.open) openView(tab.dataset.view, stepAddress);
});
tabs.addEventListener("keydown", (event) => {
  const all = [...tabs.children];
  const at = all.indexOf(event.target);
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  const tab = all[(to + all.length) % all.length];
  openView(tab.dataset.view, stepAddress);
  tab.focus();
});
// A step back goes to the view before, with the photo and the model of now: the address follows what is shown.
window.addEventListener("popstate", () => {
  if (!root.isConnected) return;
  openView(readAddress().view ?? "explore", () => {});
  address();
});
