// Maps to pixels, by the formula of vit/render: interpolate linear values, scale by the peak, colour, fade out to zero.

const PAINT_SIDE = 640; // a smooth map is painted no finer than this; the browser enlarges it

/** The colours of a map: of one with values on both sides of zero, always those that diverge. */
function coloursOf(map, look) {
  return map.signed ? DIVERGING : look.colours;
}

/** 256 ready pixels for a colour map: opaque, or with zero transparent and full opacity from half the peak on. */
function pixelTable(name, opacity) {
  const table = colourTable(name);
  const bytes = new Uint8ClampedArray(1024);
  for (let code = 0; code < 256; code++) {
    for (let channel = 0; channel < 3; channel++) bytes[4 * code + channel] = table[3 * code + channel];
    const size = name !== DIVERGING ? code : code === 127 || code === 128 ? 0 : Math.abs(2 * code - 255);
    bytes[4 * code + 3] = opacity === null ? 255 : 255 * opacity * Math.min(1, (2 * size) / 255);
  }
  return new Uint32Array(bytes.buffer);
}

/**
 * Values of a grid as pixels, bilinear between patch centres; at the grid's own size that is one pixel a patch.
 * `signed` puts zero in the middle of the table.
 */
function heatPixels(values, rows, cols, width, height, peak, table, signed = false) {
  const pixels = new Uint32Array(width * height);
  const zero = signed ? 127.5 : 0;
  const scale = peak > 0 ? (255 - zero) / peak : 0;
  const left = new Int32Array(width);
  const right = new Int32Array(width);
  const across = new Float32Array(width);
  for (let x = 0; x < width; x++) {
    const u = Math.min(cols - 1, Math.max(0, ((x + 0.5) * cols) / width - 0.5));
    left[x] = Math.floor(u);
    right[x] = Math.min(cols - 1, left[x] + 1);
    across[x] = u - left[x];
  }
  const line = new Float32Array(cols);
  for (let y = 0, pixel = 0; y < height; y++) {
    const v = Math.min(rows - 1, Math.max(0, ((y + 0.5) * rows) / height - 0.5));
    const above = Math.floor(v);
    const below = Math.min(rows - 1, above + 1);
    const down = v - above;
    for (let col = 0; col < cols; col++) {
      const start = values[above * cols + col];
      line[col] = (start + down * (values[below * cols + col] - start)) * scale + zero;
    }
    for (let x = 0; x < width; x++, pixel++) {
      const start = line[left[x]];
      const code = start + across[x] * (line[right[x]] - start) + 0.5;
      pixels[pixel] = table[code > 255 ? 255 : code < 0 ? 0 : code | 0];
    }
  }
  return new ImageData(new Uint8ClampedArray(pixels.buffer), width, height);
}

/** Paints a map on a canvas: smooth at the canvas's size on screen, or one pixel a patch for blocks. */
function paintHeat(canvas, map, look) {
  const { rows, cols } = map;
  let [width, height] = [cols, rows];
  if (look.smooth) {
    const shrink = Math.min(1, PAINT_SIDE / Math.max(look.width, look.height));
    [width, height] = [look.width, look.height].map((side) => Math.max(1, Math.round(side * shrink)));
  }
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  canvas.classList.toggle("blocks", !look.smooth);
  const table = pixelTable(coloursOf(map, look), look.opacity);
  const pixels = heatPixels(map.values, rows, cols, width, height, look.peak, table, map.signed);
  canvas.getContext("2d").putImageData(pixels, 0, 0);
  quieten(canvas, look.opacity);
}

function clearCanvas(canvas) {
  canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
  quieten(canvas, 0);
}

const USUAL_OPACITY = 0.8; // from which on the photo below is as quiet as it gets
const QUIET = { colour: 0.65, light: 0.18 }; // what a photo under heat gives up, so that the heat is the only loud colour

/** How quiet a photo is under heat of an opacity, 0 … 1. */
function quietness(opacity) {
  return Math.min(1, opacity / USUAL_OPACITY);
}

/** The photo right below a canvas of heat; explorer.css does the rest. A canvas that lies on no photo changes nothing. */
function quieten(canvas, opacity) {
  const photo = canvas.previousElementSibling;
  if (photo?.tagName !== "IMG") return;
  const share = String(quietness(opacity));
  if (photo.style.getPropertyValue("--quiet-share") !== share) photo.style.setProperty("--quiet-share", share);
}

/** The same on a canvas that holds the photo, for files. */
function paintQuiet(pen, width, height, opacity) {
  const share = quietness(opacity);
  pen.save();
  for (const [mode, colour, amount] of [["saturation", "#808080", QUIET.colour], ["source-over", "#000", QUIET.light]]) {
    Object.assign(pen, { globalCompositeOperation: mode, fillStyle: colour, globalAlpha: amount * share });
    pen.fillRect(0, 0, width, height);
  }
  pen.restore();
}

/** Outlines groups of patches on a canvas over the photo: light lines with a dark edge, seen on any picture. */
function paintMarks(canvas, layers, look) {
  const sharp = window.devicePixelRatio || 1;
  const width = Math.round(look.width * sharp);
  const height = Math.round(look.height * sharp);
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, width, height);
  for (const { rows, cols, patches, weight } of layers) {
    const path = outline(patches, rows, cols, width, height);
    for (const [colour, extra] of [["rgba(0, 0, 0, 0.6)", 2], ["#fff", 0]]) {
      pen.lineCap = "square";
      pen.lineWidth = (weight + extra) * sharp;
      pen.strokeStyle = colour;
      pen.stroke(path);
    }
  }
}

function outline(patches, rows, cols, width, height) {
  const path = new Path2D();
  const line = (row, col, toRow, toCol) => {
    path.moveTo((col / cols) * width, (row / rows) * height);
    path.lineTo((toCol / cols) * width, (toRow / rows) * height);
  };
  for (const patch of patches) {
    const row = Math.floor(patch / cols);
    const col = patch % cols;
    if (!patches.has(patch - cols)) line(row, col, row, col + 1);
    if (!patches.has(patch + cols)) line(row + 1, col, row + 1, col + 1);
    if (col === 0 || !patches.has(patch - 1)) line(row, col, row + 1, col);
    if (col === cols - 1 || !patches.has(patch + 1)) line(row, col + 1, row + 1, col + 1);
  }
  return path;
}

/** The colour bar: the map itself at full opacity. */
function paintBar(element, name) {
  const table = colourTable(name);
  const stops = Array.from({ length: 18 }, (_, n) => `rgb(${table.slice(45 * n, 45 * n + 3).join(" ")})`);
  element.style.background = `linear-gradient(to right, ${stops.join(", ")})`;
}

/** The lower end of the colour bar. */
function leastWords({ signed }, peak) {
  return signed ? percent(-peak) : "0";
}

/** A share of attention for people: three digits and the unit. */
function percent(share) {
  if (share < 0) return `−${percent(-share)}`;
  const value = 100 * share;
  if (value === 0) return "0%";
  if (value < 0.001) return `< ${decimal(0.001)}%`;
  return `${decimal(value.toFixed(value >= 9.95 ? 1 : value >= 0.995 ? 2 : 3))}%`;
}
