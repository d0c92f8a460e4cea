// The start: examples in their strip, a small one on the stage, and the first value as soon as it comes.

if (props.alone) root.dataset.alone = "";
door.examples(props.examples ?? []);
settle("waiting");
if (props.examples?.length) {
  const [{ thumb, width, height }] = props.examples;
  stage.show(thumb, width, height);
}
busy("opening");
watch("value", receive);
receive();
