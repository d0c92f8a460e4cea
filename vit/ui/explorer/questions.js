// Questions to the server: a photo and a model. There are no others.

function askFile(file) {
  begin({ file: null, example: null, kept: file }, URL.createObjectURL(file), "sending the photo");
  send();
}

/** Uploads the photo that is kept here, and asks. */
async function send(event = "ask") {
  const { source, ticket } = state;
  try {
    const sent = await upload(source.kept);
    if (ticket !== state.ticket) return;
    source.file = { path: sent.path, url: sent.url, orig_name: source.kept.name, meta: { _type: "gradio.FileData" } };
    busy("reading the photo");
    trigger(event);
  } catch (error) {
    if (ticket !== state.ticket) return;
    const large = /413|size|large/i.test(String(error?.message ?? error));
    if (large) fail("This file is larger than the server takes; choose a smaller one.");
    else fail("The photo didn’t reach the server.", true);
  }
}

/** The server has cleaned the photo up: once for each question, it is sent again. False if there is none to send. */
function sendAgain() {
  if (!state.source.kept || state.source.again) return false;
  state.source.again = true;
  busy("sending the photo again");
  send();
  return true;
}

function askExample(name, thumb) {
  begin({ file: null, example: name, kept: null }, thumb, "reading the photo");
  trigger("ask");
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
      if (ticket === state.ticket && root.dataset.state === "busy") fail("The server didn’t answer.", true);
    }
  }, PATIENCE);
}

/** The same question once more. */
function again() {
  if (!state.ticket && !state.value) return window.location.reload(); // the opening itself went wrong
  begin({ ...state.source, again: false }, null, "asking again");
  if (state.source.kept && !state.source.file) send("again");
  else trigger("again");
}

/** A new photo, or with `picture` null the same photo through another model: the old map goes at once. */
function begin(source, picture, words) {
  state.ticket++;
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
  door.markExample(source.example);
  busy(words);
  listenFor(state.ticket);
}

/** What Gradio's listeners send along: see vit/ui/explore.py. */
window.attentionExplorer = {
  question: () => [state.source.file, JSON.stringify({ ticket: state.ticket, example: state.source.example })],
  otherModel: (model) => {
    begin({ ...state.source, again: false }, null, "loading " + model);
    return window.attentionExplorer.question();
  },
  /** The list's model after the opening: the one that was opened, unless something else was asked meanwhile. */
  openedModel: (value, model) => (state.ticket === 0 && value?.opening && value.model ? value.model : model),
  rawQuestion: () => [...window.attentionExplorer.question(), state.value?.model ?? ""],
  rawFailed: () => say("The server didn’t answer; try again in a moment."),
  failed: () => fail("The server didn’t answer.", true),
  help,
};
