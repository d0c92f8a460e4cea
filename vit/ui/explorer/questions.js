// Questions to the server: a photo and a model. There are no others.

function askFile(file) {
  begin({ file: null, example: null, kept: file }, URL.createObjectURL(file), words("asked.sending"));
  ask();
}

/** Asks about the photo and the model that are chosen: first whether the answer is at hand, then for the work. */
async function ask(event = "ask") {
  const { ticket, source } = state;
  const value = await atHand();
  if (ticket !== state.ticket) return;
  if (value) take({ ...value, ticket, example: source.example });
  else if (source.kept && !source.file) send(event);
  else pose(event);
}

const STUCK = 2000; // milliseconds

/** Gives the question to Gradio, which holds it back until the one before is answered; not behind one that takes long. */
function pose(event) {
  const stuck = state.posed && Date.now() - state.posed > STUCK;
  state.posed = Date.now();
  trigger(stuck ? "again" : event);
}

/** The answer, if the server has it ready: it knows a photo by its file's SHA-256, so the file stays here. Else null. */
async function atHand() {
  const { source, model } = state;
  try {
    const photo = source.example ? `example:${source.example}` : source.kept.size <= MOST_HASHED && (await sha256(source.kept));
    return photo && model ? await server.known([photo, model]) : null;
  } catch {
    return null; // a page that isn't served safely works out no SHA-256, and a busy server may know nothing: it is asked
  }
}

/** Of a file, in hexadecimal digits; worked out once. */
async function sha256(file) {
  if (!digests.has(file)) {
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
    digests.set(file, [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join(""));
  }
  return digests.get(file);
}

const MOST_HASHED = 64e6; // bytes: the server takes no larger file
const digests = new WeakMap();

/** Uploads the photo that is kept here, and asks. */
async function send(event = "ask") {
  const { ticket } = state;
  if (!(await uploadKept()) || ticket !== state.ticket) return;
  busy(words("asked.reading"));
  pose(event);
}

/** Brings the kept photo to the server; false if there is none, if that failed (`wrong` says so), or if it is old. */
async function uploadKept(wrong = fail) {
  const { source, ticket } = state;
  if (!source.kept) return false;
  try {
    source.sending ??= sendFile(source.kept); // who asks meanwhile waits for the same
    const sent = await source.sending;
    source.sending = null;
    if (ticket !== state.ticket) return false;
    source.file = sent;
    return true;
  } catch (error) {
    source.sending = null;
    if (ticket !== state.ticket) return false;
    wrong(whyUnsent(error), { retry: !isTooLarge(error) });
    return false;
  }
}

/** Whether the server has the photo, or is brought it now: a record that was at hand is shown without. */
async function photoIsThere(wrong) {
  return !state.source.kept || Boolean(state.source.file) || uploadKept(wrong);
}

/** Brings a File to the server, and says it in Gradio's words. */
async function sendFile(file) {
  const { path, url } = await upload(file);
  return { path, url, orig_name: file.name, meta: { _type: "gradio.FileData" } };
}

function isTooLarge(error) {
  return /413|size|large/i.test(String(error?.message ?? error));
}

function whyUnsent(error) {
  return words(isTooLarge(error) ? "asked.large" : "asked.unsent");
}

/** The server has cleaned the photo up: once for each question, it is sent again. False if there is none to send. */
function sendAgain() {
  if (!state.source.kept || state.source.again) return false;
  state.source.again = true;
  busy(words("asked.again"));
  send();
  return true;
}

function askExample(name, thumb) {
  begin({ file: null, example: name, kept: null }, thumb, words("asked.reading"));
  ask();
}

const PATIENCE = 5000; // milliseconds without a word before the page looks whether the server is still there

/** While an answer is awaited and nothing is heard: Gradio waits for a server that is gone without an end. */
function listenFor(ticket) {
  clearTimeout(state.patience);
  state.patience = setTimeout(async () => {
    if (ticket !== state.ticket || root.dataset.state !== "busy") return;
    try {
      await fetch(window.location.pathname, { method: "HEAD", cache: "no-store" });
      listenFor(ticket); // it is there, and busy
    } catch {
      if (ticket === state.ticket && root.dataset.state === "busy") fail(words("asked.unheard"), { retry: true });
    }
  }, PATIENCE);
}

/** A question came back without an answer: the server takes no more of them just now, or it isn't there. */
async function whyUnheard() {
  try {
    const { ok } = await fetch("healthz", { cache: "no-store" });
    return words(ok ? "asked.full" : "asked.unheard");
  } catch {
    return words("asked.unheard");
  }
}

/** The same question once more. */
function again() {
  if (!state.ticket && !state.value) return window.location.reload(); // the opening itself went wrong
  askAnew("again", words("views.asking"));
}

/** The photo as it is, asked about once more: through another model, or since it may go well this time. */
function askAnew(event, line) {
  begin({ ...state.source, again: false, sending: null }, null, line);
  ask(event);
}

// Gradio's list says its model also when somebody merely passes through it: what was picked in it is a question.
let picked = false;
document.addEventListener("pointerdown", ({ target }) => (picked = Boolean(target.closest("#model [role=option]"))), true);
document.addEventListener("keydown", ({ key, target }) => (picked = key === "Enter" && target.matches("#model input")), true);

function otherModel(model) {
  if (picked && model) {
    state.model = model;
    askAnew("ask", words("asked.loading", { model }));
  }
  picked = false;
}

/** A new photo, or with `picture` null the same photo through another model: the old map goes at once. */
function begin(source, picture, line) {
  state.ticket++;
  spare();
  state.source = source;
  close();
  if (picture) {
    if (state.preview) URL.revokeObjectURL(state.preview);
    state.preview = picture.startsWith("blob:") ? picture : null;
    stage.photo.onload = () => {
      if (stage.photo.src === picture) stage.fit({ width: stage.photo.naturalWidth, height: stage.photo.naturalHeight });
    };
    stage.photo.src = picture;
    clearAnswer();
  }
  door.mark(source);
  busy(line);
  listenFor(state.ticket);
}

/** Keeps what is shown whole: should the next question go wrong, there is a way back to it. */
function spare() {
  const { value, maps, view, source } = state;
  if (!maps || maps.loaded < maps.count) return;
  state.spare = { value, maps, view, source };
  state.maps = null; // so that it isn't let go of
}

/** Back to the photo and model that were shown before something went wrong; or the page as it opens without an address. */
function back() {
  if (!state.spare) return window.location.assign(window.location.pathname);
  state.ticket++;
  Object.assign(state, state.spare, { spare: null, model: state.spare.value.model });
  stage.photo.onload = null;
  stage.show(state.value.photo.url, state.value.width, state.value.height);
  state.pictured = true;
  busy(words("asked.bringing"));
  present(state.value);
  trigger("back"); // the list names its model again
}

/** What Gradio's listeners send along: see vit/ui/explore.py. */
window.attentionExplorer = {
  question: () => [state.source.file, JSON.stringify({ ticket: state.ticket, example: state.source.example })],
  otherModel,
  shownModel: () => state.value?.model,
  /** The list's model after the opening: the one that was opened, unless something else was asked meanwhile. */
  openedModel: (value, model) => (state.ticket === 0 && value?.opening && value.model ? value.model : model),
  rawQuestion: () => [...window.attentionExplorer.question(), state.value?.model ?? ""],
  rawFailed: () => say(words("save.unheard")),
  failed: async () => {
    const { ticket } = state;
    if (state.answered === ticket) return; // it was an older question: what is shown was at hand
    const sentence = await whyUnheard();
    if (ticket === state.ticket) fail(sentence, { retry: true });
  },
  viewQuestion: (name) => {
    const { file, asked, second } = views.get(name).question();
    return [file, asked, second];
  },
  viewAnswer: (name, value) => views.get(name)?.answer(value),
  viewFailed: (name) => views.get(name)?.failed(),
  fillWords,
  help,
};
