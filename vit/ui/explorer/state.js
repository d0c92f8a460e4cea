// What is shown and what has been asked, in one place, and the parts that show it.

const root = element.querySelector(".explorer");
const find = (selector) => root.querySelector(selector);
const state = {
  value: null, // the record that is shown: pack.py's table
  model: null, // the name of the model that is asked
  maps: null,
  view: null,
  pointer: null, // the place under the pointer, or null
  map: null, // what the stage shows: {values, rows, cols, …}
  ticket: 0, // counts questions; an answer to an older one is not shown
  posed: 0, // when the question that is under way was given to Gradio
  answered: null, // the ticket whose record is shown, or on its way
  source: { file: null, example: null, kept: null }, // the photo that is asked about, and the File itself
  wanted: { ...props.value?.view, ...readAddress() }, // a self-contained page brings its view along
  peak: 0, // where the stage's colours end
  scale: null, // {least, most, kind}: the words at the colour bar
  shared: 0, // where the sheet's colours end
  signed: false, // whether they begin below zero
  encoder: null, // of animations, once one was asked for
  playing: 0,
  open: "explore", // the view in sight
  met: false, // whether somebody has pointed at a map
  demo: false, // whether the square that goes over the photo at the start is on its way
  spare: null, // what was shown before the question that is under way or went wrong: {value, maps, view, source}
};

const RECENT_BYTES = 64e6; // of maps that were shown before
const recent = new Recent(RECENT_BYTES);
const controls = new Controls(find(".controls"), set);
const door = new Door(root, askFile, askExample);
const stage = new Stage(root, { point, pin, tap, key: stageKey, resize: () => draw() });
const sheet = new Sheet(find(".sheet canvas"), openCell, tellSheet);
