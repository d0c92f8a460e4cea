// Elements and numbers as every view makes them. Text goes in by textContent alone.

function make(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** A table; `best` is the row to stand out, `texts` the columns that are no numbers. Cells are texts or elements. */
function table(head, rows, best = -1, texts = [0]) {
  const cells = (tag, row) => row.map((cell, n) => make(tag, { className: texts.includes(n) ? "words" : "", ...(tag === "th" && { scope: "col" }) }, cell));
  const body = rows.map((row, number) => make("tr", { className: number === best ? "best" : "" }, ...cells("td", row)));
  return make("div", { className: "roll" }, make("table", {}, make("thead", {}, make("tr", {}, ...cells("th", head))), make("tbody", {}, ...body)));
}

/** A number in three digits, with a true minus. */
function three(value) {
  const size = Math.abs(value);
  return value.toFixed(size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2).replace("-", "−");
}
