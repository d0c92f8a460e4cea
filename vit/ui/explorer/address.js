// The address holds what is shown: ?view=&photo=&model=&layer=&head=&query=&method=, counted from 0, and opens to it. The
// photo is an example's name where it is not the one that the page opens with; a person's own has no address. What rollout
// is told (first, last, fusion, residual, discard), the direction and the looks are in it where they are not the default.

const SHARES = { residual: 0.95, discard: 0.95, opacity: 1 }; // each from 0 to this
const NAMED = ["method", "direction", "scale", "colours", "fusion"]; // each is one of CHOICES
const TOLD = ["direction", "first", "last", "fusion", "residual", "discard", "opacity", "colours", "smooth", "scale"];

function readAddress() {
  return Object.fromEntries(new URLSearchParams(window.location.search));
}

/** The view that an address asks for, as far as this record has it. */
function applyAddress(view, wanted, layers) {
  const number = (text, limit) => (/^\d+$/.test(text ?? "") && Number(text) < limit ? Number(text) : null);
  for (const name of NAMED) if (CHOICES[name].includes(wanted[name])) view[name] = wanted[name];
  for (const [name, most] of Object.entries(SHARES)) {
    if (/^[01](\.\d+)?$/.test(wanted[name] ?? "")) view[name] = Math.min(most, Number(wanted[name]));
  }
  if (["true", "false"].includes(wanted.smooth)) view.smooth = wanted.smooth === "true";
  const first = number(wanted.first, layers.length) ?? view.first;
  const last = number(wanted.last, layers.length) ?? view.last;
  if (first <= last) Object.assign(view, { first, last });
  view.layer = number(wanted.layer, layers.length) ?? view.layer;
  const { heads, queries, keys } = layers[view.layer];
  if (FUSIONS.includes(wanted.head)) view.head = wanted.head;
  view.head = number(wanted.head, heads) ?? view.head;
  const [row, col] = (wanted.query ?? "").split(",");
  if ([...queries.prefix, ...keys.prefix].includes(wanted.query)) view.query = { token: wanted.query };
  else if (number(row, queries.rows) !== null && number(col, queries.cols) !== null) {
    view.query = placeOf(queries, Number(row), Number(col));
  }
}

/** The view in the words of the address; what is as usual has none. */
function addressOf(view, layers) {
  const told = { method: view.method, layer: String(view.layer), head: String(view.head) };
  const usual = startView(layers.length);
  for (const name of TOLD) if (view[name] !== usual[name]) told[name] = String(view[name]);
  if (view.query?.token) told.query = view.query.token;
  else if (view.query) {
    const { row, col } = patchAt(layers[view.layer].queries, view.query);
    told.query = `${row},${col}`;
  }
  return told;
}

function writeAddress(model, view, layers) {
  const usual = Object.fromEntries([...TOLD, "query"].map((name) => [name, null]));
  const { example } = state.source;
  const photo = example === props.examples?.[0]?.name ? null : example;
  setAddress({ ...usual, photo, model, ...addressOf(view, layers) });
}

const unwritten = {};
let addressTimer = 0;

/** Writes values into the address, null takes one out. In a moment: browsers limit how often an address may change. */
function setAddress(values) {
  Object.assign(unwritten, values);
  clearTimeout(addressTimer);
  addressTimer = setTimeout(() => keepAddress("replaceState"), 150);
}

/** Values that a person may want to step back from, with the browser's own button. */
function stepAddress(values) {
  clearTimeout(addressTimer);
  keepAddress("replaceState"); // what is not written yet belongs to the step before
  Object.assign(unwritten, values);
  keepAddress("pushState");
}

function keepAddress(how) {
  try {
    window.history[how](window.history.state, "", addressNow());
  } catch {
    // A page in a notebook's frame has no address of its own.
  }
  for (const name of Object.keys(unwritten)) delete unwritten[name];
}

/** The page's address with what is not written yet in it; whatever else it holds stays. */
function addressNow() {
  const address = new URL(window.location.href);
  for (const [name, value] of Object.entries(unwritten)) {
    if (value === null) address.searchParams.delete(name);
    else address.searchParams.set(name, value);
  }
  return address;
}
