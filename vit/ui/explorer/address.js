// The address holds what is shown: ?view=&model=&layer=&head=&query=&method=, counted from 0, and opens to it.
// What rollout and direction are told (first, last, fusion, residual, discard, direction) is in it where it is not the default.

const SHARES = ["residual", "discard"];
const TOLD = ["direction", "first", "last", "fusion", ...SHARES];

function readAddress() {
  return Object.fromEntries(new URLSearchParams(window.location.search));
}

/** The view that an address asks for, as far as this record has it. */
function applyAddress(view, wanted, layers) {
  const number = (text, limit) => (/^\d+$/.test(text ?? "") && Number(text) < limit ? Number(text) : null);
  if (CHOICES.method.includes(wanted.method)) view.method = wanted.method;
  if (CHOICES.direction.includes(wanted.direction)) view.direction = wanted.direction;
  if (FUSIONS.includes(wanted.fusion)) view.fusion = wanted.fusion;
  for (const name of SHARES) if (/^0(\.\d+)?$/.test(wanted[name] ?? "")) view[name] = Math.min(0.95, Number(wanted[name]));
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

function writeAddress(model, view, layers) {
  const usual = startView(layers.length);
  const told = Object.fromEntries(TOLD.map((name) => [name, view[name] === usual[name] ? null : view[name]]));
  let query = view.query?.token ?? null;
  if (view.query && !view.query.token) {
    const { row, col } = patchAt(layers[view.layer].queries, view.query);
    query = `${row},${col}`;
  }
  setAddress({ model, layer: view.layer, head: view.head, method: view.method, ...told, query });
}

const unwritten = {};
let addressTimer = 0;

/** Writes values into the address, null takes one out. In a moment: browsers limit how often an address may change. */
function setAddress(values) {
  Object.assign(unwritten, values);
  clearTimeout(addressTimer);
  addressTimer = setTimeout(() => {
    const address = new URL(window.location.href);
    for (const [name, value] of Object.entries(unwritten)) {
      if (value === null) address.searchParams.delete(name);
      else address.searchParams.set(name, value);
      delete unwritten[name];
    }
    window.history.replaceState(window.history.state, "", address);
  }, 150);
}
