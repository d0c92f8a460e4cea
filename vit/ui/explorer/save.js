// Pictures for files: what is on the screen with a colour bar, its numbers, and words on where it is from.

const PAPER = { ink: "#222", quiet: "#5b5e64", accent: "#3d7be0", empty: "#e2e2df" }; // files are light, whatever the theme

/**
 * The photo with a map over it and the legend below, as a canvas of the given width; `marks` is a canvas, or null.
 * `look` is a view with `peak` and `scale`: {least, most, kind}, the words at the colour bar.
 */
function figureOf(photo, marks, map, look, caption, untrained, width = photo.naturalWidth) {
  const height = Math.max(1, Math.round((width * photo.naturalHeight) / photo.naturalWidth));
  const page = sheetOfPaper(width, height, coloursOf(map, look), look.scale, caption);
  page.pen.drawImage(photo, 0, 0, width, height);
  paintQuiet(page.pen, width, height, look.opacity);
  const heat = document.createElement("canvas");
  paintHeat(heat, map, { ...look, width, height });
  page.pen.imageSmoothingEnabled = look.smooth;
  page.pen.drawImage(heat, 0, 0, width, height);
  if (marks) page.pen.drawImage(marks, 0, 0, width, height);
  if (untrained) stamp(page.pen, page.unit);
  return page.canvas;
}

/** The sheet of all heads, drawn on a canvas, with its legend below. */
function figureOfSheet(drawn, colours, scale, caption, untrained) {
  const margin = Math.round(drawn.width / 40);
  const page = sheetOfPaper(drawn.width + 2 * margin, drawn.height + margin, colours, scale, caption);
  page.pen.drawImage(drawn, margin, margin / 2);
  if (untrained) stamp(page.pen, page.unit);
  return page.canvas;
}

/** White paper for a picture of the given size, with a colour bar, the words at its ends and a caption below. */
function sheetOfPaper(width, height, colours, scale, caption) {
  const unit = Math.max(12, Math.round(width / 50)); // text that suits the picture's size
  const canvas = document.createElement("canvas");
  const pen = canvas.getContext("2d");
  const font = `${Math.round(0.9 * unit)}px system-ui, sans-serif`;
  pen.font = font;
  const lines = wrapped(pen, caption, width - 2 * unit);
  Object.assign(canvas, { width, height: Math.round(height + (2.2 + 1.4 * lines.length) * unit) });
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, width, canvas.height);
  pen.font = font;
  const table = colourTable(colours);
  const bar = Math.round(width * 0.3);
  const left = Math.round(1.5 * unit + pen.measureText(scale.least).width);
  for (let x = 0; x < bar; x++) {
    const code = Math.round((255 * x) / (bar - 1));
    pen.fillStyle = `rgb(${table.slice(3 * code, 3 * code + 3).join(" ")})`;
    pen.fillRect(left + x, height + 0.7 * unit, 1, 0.8 * unit);
  }
  pen.fillStyle = PAPER.ink;
  pen.textBaseline = "middle";
  pen.fillText(scale.least, unit, height + 1.1 * unit);
  pen.fillText(`${scale.most} · ${scale.kind}`, left + bar + 0.6 * unit, height + 1.1 * unit);
  lines.forEach((line, number) => pen.fillText(line, unit, height + (2.5 + 1.4 * number) * unit));
  return { canvas, pen, unit };
}

/** A sentence in lines no wider than the paper; a word that is too long stands alone. */
function wrapped(pen, sentence, width) {
  const lines = [];
  for (const word of sentence.split(" ")) {
    const longer = lines.length ? `${lines[lines.length - 1]} ${word}` : word;
    if (lines.length && pen.measureText(longer).width <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** Maps of random weights say so on the picture itself. */
function stamp(pen, unit) {
  pen.font = `600 ${Math.round(1.2 * unit)}px system-ui, sans-serif`;
  pen.textBaseline = "top";
  const sentence = words("stage.untrained");
  pen.fillStyle = "rgba(18, 19, 21, 0.86)";
  pen.fillRect(unit, unit, pen.measureText(sentence).width + 1.2 * unit, 2.2 * unit);
  pen.fillStyle = "#ffd479";
  pen.fillText(sentence, 1.6 * unit, 1.5 * unit);
}

/** Hands a file to the person. */
function saveBlob(blob, name) {
  const link = document.createElement("a");
  Object.assign(link, { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
