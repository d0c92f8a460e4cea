// Elements of the page, made by hand: what a label or a file name says goes in as text alone, never as HTML.

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
