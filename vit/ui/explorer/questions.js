// Questions to the server: a photo and a model. There are no others.

async function askFile(file) {
  begin({ file: null, example: null }, URL.createObjectURL(file), "sending the photo");
  const { ticket } = state;
  try {
    const sent = await upload(file);
    if (ticket !== state.ticket) return;
    state.source.file = { path: sent.path, url: sent.url, orig_name: file.name, meta: { _type: "gradio.FileData" } };
    busy("reading the photo");
    trigger("ask");
  } catch (error) {
    const large = /413|size|large/i.test(String(error?.message ?? error));
    fail(large ? "This file is larger than the server takes; choose a smaller one." : "The photo didn’t reach the server; try again.");
  }
}

function askExample(name, thumb) {
  begin({ file: null, example: name }, thumb, "reading the photo");
  trigger("ask");
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
}

/** What Gradio's listeners send along: see vit/ui/explore.py. */
window.attentionExplorer = {
  question: () => [state.source.file, JSON.stringify({ ticket: state.ticket, example: state.source.example })],
  otherModel: (model) => {
    begin(state.source, null, "loading " + model);
    return window.attentionExplorer.question();
  },
  failed: () => fail("The server didn’t answer; wait a moment and try again."),
  help: () => find("dialog.help").showModal(),
};
