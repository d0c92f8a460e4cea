// Elements and numbers as every view makes them. Text goes in by textContent alone.

/** An element with properties (or attributes, where it has no such property) and children; texts stay texts. */
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

/** A number in three digits. */
function three(value) {
  const size = Math.abs(value);
  return decimal(value.toFixed(size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2));
}

/**
 * Makes a group of radio buttons one choice: `pick(value)` is called for the one chosen by pointer or arrow keys.
 * Returns the function that marks a value as chosen.
 */
function radios(group, pick) {
  const mark = (value) => {
    for (const button of group.querySelectorAll("[role=radio]")) {
      const chosen = button.dataset.value === value;
      button.setAttribute("aria-checked", chosen);
      button.tabIndex = chosen ? 0 : -1;
    }
  };
  const choose = (button) => {
    mark(button.dataset.value);
    pick(button.dataset.value);
  };
  group.addEventListener("click", (event) => {
    const button = event.target.closest("[role=radio]");
    if (button) choose(button);
  });
  group.addEventListener("keydown", (event) => {
    const move = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!move) return;
    event.preventDefault();
    const buttons = [...group.querySelectorAll("[role=radio]")];
    const next = buttons.at((buttons.indexOf(event.target) + move) % buttons.length);
    choose(next);
    next.focus();
  });
  return mark;
}
