// The start: words, the examples in their strip, a small one on the stage, the first value as soon as it comes, and the
// view that the address names.

if (props.alone) root.dataset.alone = "";
root.lang = LANGUAGE;
fillWords(root);
root.toggleAttribute("data-present", state.wanted.present === "1");
document.body.classList.toggle("present", state.wanted.present === "1");
fillWords(document.querySelector("#tools") ?? root);
door.examples(props.examples ?? []);
settle("waiting");
if (props.examples?.length) {
  const [{ thumb, width, height }] = props.examples;
  stage.show(thumb, width, height);
}
busy(words("asked.opening"));
openView(state.wanted.view ?? "explore");
watch("value", receive);
receive();
