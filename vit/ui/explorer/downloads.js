// What can be taken along: the view as PNG, all layers as GIF, the sheet, the explorer itself as one HTML file, the raw
// weights, and the address. Only the raw weights are asked of the server.

const GIF_WIDTH = 640;
const GIF_PAUSE = 0.5; // seconds a layer
const SHEET_SHARP = 3; // pixels of the saved sheet for one on the screen
const MOST_IN_FILE = 150e6; // bytes of maps: a browser reads no more than that comfortably from one file

const downloads = { png: savePng, gif: saveGif, sheet: saveSheet, html: saveHtml, npz: saveRaw, link: copyLink };

root.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-save]");
  if (!button || !state.map) return;
  button.disabled = true;
  try {
    await downloads[button.dataset.save]();
  } catch {
    say(words("save.failed"));
  }
  button.disabled = !state.map;
});

/** A few words beside the buttons, and the same for the ear. */
function say(line) {
  find(".told-save").textContent = line;
  clearTimeout(state.said);
  state.said = setTimeout(() => (find(".told-save").textContent = ""), 6000);
}

/** A file's name, of letters, digits, dots and underscores only, whatever the photo and the model are called. */
function fileName(about, ending) {
  const photo = state.source.example ?? state.source.kept?.name.replace(/\.[^.]*$/, "") ?? "";
  return `${`${photo} ${state.value.model} ${about}`.trim().replace(/[^\p{L}\p{N}_.]+/gu, "-").slice(0, 120)}.${ending}`;
}

function blobOf(canvas) {
  return new Promise((done, fail) => canvas.toBlob((blob) => (blob ? done(blob) : fail(new Error("no picture")))));
}

async function savePng() {
  const look = { ...state.view, peak: state.peak, scale: state.scale };
  const canvas = figureOf(stage.photo, stage.marks, state.map, look, originWords(), state.value.untrained);
  const name = fileName(mapWords(state.map), "png"); // of now, whatever is chosen while the picture is written
  saveBlob(await blobOf(canvas), name);
}

/** Every layer in turn on one scale, by the method, head and query of the view. */
async function saveGif() {
  if (!allHere()) return;
  const { view, value, ticket } = state;
  const steps = value.layers.map((_, layer) => stepOf(view, layer));
  const shown = steps.map((step) => ({ step, map: mapOf(step, view.query ?? state.pointer) })).filter(({ map }) => map.values);
  const peak = Math.max(...shown.map(({ map }) => extent(map.values)));
  const width = Math.min(GIF_WIDTH, Math.max(320, stage.photo.naturalWidth));
  const marks = document.createElement("canvas");
  const asked = { ...state, pointer: null }; // the query is outlined, not what is under the pointer at the moment
  const frames = [];
  for (const { map, step } of shown) {
    say(words("save.drawing", { number: frames.length + 1, count: shown.length }));
    await new Promise((done) => setTimeout(done)); // the page stays awake
    if (ticket !== state.ticket) return say(""); // another photo or model: of this one there is nothing to draw any more
    const scale = { least: leastWords(map, peak), most: percent(peak), kind: words("save.all_layers") };
    paintMarks(marks, marksOf(map, { ...asked, view: step }), stage);
    const canvas = figureOf(stage.photo, marks, map, { ...step, peak, scale }, originWords(map, step), value.untrained, width);
    frames.push(canvas.getContext("2d", { willReadFrequently: true }).getImageData(0, 0, canvas.width, canvas.height));
  }
  const height = Math.min(...frames.map((frame) => frame.height)); // a longer caption may have taken one line more
  const even = frames.map((frame) => new ImageData(frame.data.slice(0, 4 * frame.width * height), frame.width, height));
  const encode = await gifEncoder();
  say("");
  if (ticket !== state.ticket) return;
  saveBlob(new Blob([encode(even, GIF_PAUSE)], { type: "image/gif" }), fileName(`${words(`controls.${view.method}`)} ${words("save.gif_name")}`, "gif"));
}

/** What writes an animation: fetched when it is first needed; a self-contained page has it inside. */
async function gifEncoder() {
  if (props.alone) return gifBytes;
  state.encoder ??= runHere(`(() => {\n${await server.encoder()}\nreturn gifBytes;\n})()`);
  return state.encoder;
}

/** The view of one layer: of a rollout, the one that ends there. */
function stepOf(view, layer) {
  return view.method === "rollout" ? { ...view, first: Math.min(view.first, layer), last: layer } : { ...view, layer, head: headAt(view, layer) };
}

function headAt({ head }, layer) {
  return typeof head === "number" && head >= state.value.layers[layer].heads ? "mean" : head;
}

async function saveSheet() {
  if (!allHere()) return;
  const drawn = new Sheet(document.createElement("canvas"), () => {}, () => {});
  const { view, value } = state;
  drawn.lay(value.layers, 600, 720, sheet.shape, SHEET_SHARP);
  const { shared, signed } = state;
  drawn.paint(sheetMaps(), shared, { ...PAPER, ink: PAPER.quiet, colours: view.colours, signed, chosen: null });
  const scale = { least: leastWords(state, shared), most: `${percent(shared)} +`, kind: words("save.all_maps") };
  const caption = `${sheetWords()} · ${weightWords()}`;
  const figure = figureOfSheet(drawn.canvas, coloursOf(state, view), scale, caption, value.untrained);
  const name = fileName(words("sheet.title"), "png");
  saveBlob(await blobOf(figure), name);
}

/** The explorer with these maps inside: the page that vit/ui/shell.py keeps, filled as vit/ui/standalone.py fills it. */
async function saveHtml() {
  if (!allHere()) return;
  const { ticket, maps } = state;
  say(words("save.together"));
  const [shell, photo] = await Promise.all([fetched(state.value.shell.url), fetched(state.value.photo.url)]);
  const [start, middle, end] = (await shell.text()).split(/@(?:value|maps)@/);
  if (ticket !== state.ticket) return say(""); // another photo or model meanwhile: the file would hold both
  const { ticket: _, example, opening, note, shell: __, maps: ___, ...record } = state.value; // what is left is the record's
  const value = { ...record, photo: { url: await dataAddress(photo) }, view: addressOf(state.view, record.layers) };
  const table = JSON.stringify(value).replaceAll("<", "\\u003c"); // no label ends the script that it stands in
  const codes = (await dataAddress(new Blob([await maps.everything()]))).split(",")[1];
  say("");
  if (ticket !== state.ticket) return;
  saveBlob(new Blob([start, table, middle, codes, end], { type: "text/html" }), fileName("explorer", "html"));
}

async function fetched(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`The server answered ${answer.status}.`);
  return answer.blob();
}

/** data:…;base64,… */
function dataAddress(blob) {
  return new Promise((done, fail) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result);
    reader.onerror = () => fail(reader.error);
    reader.readAsDataURL(blob);
  });
}

/** Asks for the weights as they are, float32: the answers come as values with `raw` in them. */
async function saveRaw() {
  say(words("save.packing"));
  if (await photoIsThere(say)) trigger("raw");
}

async function rawArrived({ file, ...value }) {
  if (value.busy) return say(doingWords(value));
  if (value.gone && state.source.kept && !state.rawAgain) {
    state.rawAgain = true; // once
    if (await uploadKept(say)) trigger("raw");
    return;
  }
  state.rawAgain = false;
  if (!file) return say(await withCode(value));
  const name = fileName("attention", "npz"); // of the photo of now, whatever is chosen while the file comes
  const bytes = await fetched(file.url).catch(() => null); // from the address itself it would get the server's name
  say(bytes ? "" : words("save.failed"));
  if (bytes) saveBlob(bytes, name);
}

async function copyLink() {
  const url = addressNow().href;
  try {
    await navigator.clipboard.writeText(url);
    say(words(state.source.example ? "save.copied" : "save.copied_alone"));
  } catch {
    window.prompt(words("save.address"), url); // a page that isn't served safely may not write the clipboard
  }
}

/** What the sheet shows: of all its maps the same but for layer and head. */
function sheetWords() {
  const { method, direction, layer, query } = state.view;
  if (method === "received") return words("save.sheet_received");
  const back = direction === "by" && method === "raw";
  const { words: token } = asking(state.maps.layers[layer][back ? "keys" : "queries"], query ?? state.pointer);
  return words(back ? "save.sheet_to" : "save.sheet_from", { token });
}

function allowDownloads(on) {
  for (const button of root.querySelectorAll("[data-save]")) button.disabled = !on;
}

function allHere() {
  const here = state.maps.loaded === state.maps.count;
  if (!here) say(words("save.coming"));
  return here;
}

/** The HTML button says what it weighs, where that is much. */
function sizeButtons() {
  const bytes = (4 / 3) * mapBytes(state.value.layers);
  const button = find("[data-save=html]");
  button.textContent = bytes > 3e6 ? `HTML ${Math.round(bytes / 1e6)} MB` : "HTML";
  button.hidden = bytes > (4 / 3) * MOST_IN_FILE;
}
