// Answers of the server: a record, a line on what is being done, or a sentence on what went wrong.

async function take(value) {
  if (value && !value.busy && !value.raw) state.posed = 0;
  if (!value || value === "" || (value.ticket ?? 0) !== state.ticket) return;
  if (value.raw) return rawArrived(value.raw);
  if (state.answered === state.ticket) return; // Gradio may ask once more what was at hand meanwhile
  if (value.busy) return busy(doingWords(value));
  if (value.gone && sendAgain()) return;
  if (value.error) {
    const sentence = await inWords(value.error);
    if ((value.ticket ?? 0) !== state.ticket || state.answered === state.ticket) return;
    return fail(sentence, { code: value.code, retry: value.retry });
  }
  const { ticket } = state;
  state.answered = ticket;
  inWords(value.no_rollout).then((sentence) => (value.no_rollout = sentence)); // long before anybody asks for one
  close();
  if (state.spare) recent.keep(state.spare.maps);
  state.spare = null;
  const before = state.value;
  Object.assign(state, { value, model: value.model });
  state.source.example = value.example ?? null;
  const old = state.view;
  state.view = { ...startView(value.layers.length), ...(old ? kept(old, before.layers, value.layers) : {}) };
  if (state.wanted) applyAddress(state.view, state.wanted, value.layers);
  state.wanted = null;
  const known = recent.take(value);
  state.maps = known ?? new Maps(value, (layer) => arrived(layer, ticket), () => {
    if (ticket === state.ticket) fail(words("asked.unbrought"), { retry: true });
  });
  const first = known ? Promise.resolve() : state.maps.start(state.view.layer);
  busy(words("asked.bringing"));
  // The person's own file is on the stage already: the server's copy of it can wait until the map is seen.
  const own = Boolean(stage.photo.src === state.preview && stage.photo.naturalWidth);
  if (!own) await brought(value.photo.url);
  if (ticket !== state.ticket) return;
  state.pictured = true;
  stage.photo.onload = null;
  if (own) {
    stage.fit(value);
    first.then(() => brought(value.photo.url)).then(() => ticket === state.ticket && (stage.photo.src = value.photo.url));
  } else stage.show(value.photo.url, value.width, value.height);
  present(value);
}

/** What stands beside the stage, and then the map, once it is here. */
function present(value) {
  door.mark(state.source, value.photo.url);
  answer(value);
  sizeButtons();
  sheet.shape = value.width / value.height;
  reveal();
}

/** Loads a picture, so that it is there at once when it is shown. */
function brought(url) {
  const picture = new Image();
  picture.src = url;
  return picture.decode().catch(() => {});
}

/** What stays chosen from one record to the next. */
function kept(old, before, layers) {
  const layer = Math.min(old.layer, layers.length - 1);
  const head = typeof old.head === "number" && old.head >= layers[layer].heads ? "mean" : old.head;
  const { method, direction, fusion, residual, discard, opacity, colours, smooth, scale } = old;
  const chosen = old.first > 0 || old.last < before.length - 1; // else it was the whole record: it stays the whole
  const range = chosen && old.last < layers.length ? { first: old.first, last: old.last } : {};
  const query = old.query?.token && layers[layer].queries.prefix.includes(old.query.token) ? old.query : null;
  return { method, direction, fusion, residual, discard, opacity, colours, smooth, scale, layer, head, query, ...range };
}

function arrived(layer, ticket) {
  if (ticket !== state.ticket || !state.maps) return;
  reveal();
  views.get(state.open)?.draw();
}

/** How much of the record is here. */
function tellLoaded() {
  const { loaded, count } = state.maps;
  find(".origin .loading").textContent = loaded < count ? words("map.loading", { loaded, count }) : "";
  root.dataset.loaded = loaded === count ? "all" : String(loaded);
}

/** Shows the result once the photo and the layer in view are both here. */
function reveal() {
  if (!state.maps) return;
  tellLoaded();
  if (!state.pictured) return;
  if (root.dataset.state === "busy" || root.dataset.state === "waiting") {
    if (!state.maps.layers[state.view.layer]) return;
    settle(state.value.opening ? "example" : "ready");
    address();
    if (state.value.opening && !state.met) demonstrate();
  }
  controls.show(state.view, state.value.layers);
  stage.fit();
  draw();
}

function answer(value) {
  find(".stamp").hidden = !value.untrained;
  inWords(value.note ?? "").then((note) => state.value === value && state.maps && (find(".origin .note").textContent = note));
  showClasses(find(".answer"), value);
}

/** The likeliest classes of a record, and which are all, in a part of the page that has a list and a line for them. */
function showClasses(part, value) {
  const list = part.querySelector("ol");
  list.replaceChildren(
    ...value.top.map(([, label, share]) => {
      const item = document.createElement("li");
      const [name, bar, number] = ["span", "i", "span"].map((tag) => document.createElement(tag));
      name.textContent = label;
      name.title = label;
      name.className = "label";
      bar.style.setProperty("--share", share);
      number.textContent = percent(share);
      number.className = "number";
      item.append(name, bar, number);
      return item;
    }),
  );
  const { knows } = value;
  part.querySelector(".knows").textContent = knows.length ? words("answer.knows", { count: knows.length, classes: knows.join(", ") }) : "";
  if (!value.top.length) list.textContent = words("answer.none");
}

function clearAnswer() {
  find(".answer ol").replaceChildren();
  find(".answer .knows").textContent = "";
}

function settle(name) {
  root.dataset.state = name;
  find(".busy").hidden = name !== "busy" && name !== "waiting";
  find(".message").hidden = name !== "error";
  find(".invite").hidden = name !== "example" || state.met || Boolean(state.view?.query);
  const shown = name === "ready" || name === "example";
  for (const part of [find(".controls"), find(".side")]) part.inert = !shown;
  if (shown) tellViews("usable");
}

function busy(line) {
  if (root.dataset.state !== "waiting" || state.ticket) settle("busy");
  find(".busy span").textContent = line;
  tellViews("waiting", line);
}

/** A sentence with the code under which the server's log explains it. */
async function withCode({ error, code }) {
  const sentence = await inWords(error);
  return code ? `${sentence} (${code})` : sentence;
}

/** A sentence of the server's in the visitor's language, if it is known in it. */
async function inWords(sentence) {
  if (LANGUAGE === "en" || props.alone || !sentence) return sentence;
  return (await server.in_words([sentence, LANGUAGE]).catch(() => "")) || sentence;
}

/**
 * `retry`: whether asking the same once more may help; else another photo or model has to be chosen. `code`: under which
 * the server's log explains it, for whoever runs the server.
 */
function fail(sentence, { retry = false, code = "" } = {}) {
  close();
  clearAnswer();
  find(".message p").textContent = sentence;
  find(".message .code").textContent = code ? words("asked.code", { code }) : "";
  find(".message .code").hidden = !code;
  if (state.spare) stage.show(state.spare.value.photo.url, state.spare.value.width, state.spare.value.height); // dimmed
  find("[data-act=again]").hidden = !retry;
  const opening = !state.spare && state.ticket === 0 && Boolean(window.location.search); // what the address named
  find("[data-act=back]").hidden = !state.spare && !opening;
  find("[data-act=back]").textContent = words(state.spare ? "asked.back" : "asked.usual");
  settle("error");
  tellViews("refused", sentence);
}

/** Lets go of the record that was shown: no old map under a new photo. */
function close() {
  state.maps?.close();
  clearTimeout(state.speech);
  Object.assign(state, { maps: null, map: null, pointer: null, tapped: null, pictured: false });
  play(false);
  tellViews("empty");
  clearCanvas(stage.heat);
  clearCanvas(stage.marks);
  stage.tooltip(null);
  find(".stamp").hidden = true;
  sheet.clear(sheetLook());
  allowDownloads(false);
  find(".origin .loading").textContent = "";
  find(".told").textContent = "";
  for (const part of [".legend .words", ".legend .most", ".legend .kind", ".origin .words", ".origin .note"]) find(part).textContent = "";
}
