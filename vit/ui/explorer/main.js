// The start: a small example on the stage, then words, the examples in their strip, the view that the address names, and
// the first value as soon as it comes.

if (props.alone) root.dataset.alone = "";
root.lang = LANGUAGE;
root.toggleAttribute("data-touch", TOUCH);
root.toggleAttribute("data-present", state.wanted.present === "1");
document.body.classList.toggle("present", state.wanted.present === "1");
settle("waiting");
if (props.examples?.length) {
  const [{ thumb, width, height }] = props.examples;
  stage.show(thumb, width, height);
}
bringWords().then(() => {
  fillWords(root);
  fillWords(document.querySelector("#tools") ?? root);
  root.dataset.worded = "";
  door.examples(props.examples ?? []);
  busy(words("asked.opening"));
  openView(state.wanted.view ?? "explore");
  watch("value", () => take(props.value));
  take(props.value);
});
