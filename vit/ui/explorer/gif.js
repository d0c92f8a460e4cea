// Pictures to an endless GIF. One palette serves all frames and each pixel has its own fixed threshold between two of
// its colours, so that what doesn't move doesn't flicker, and a photo keeps its soft slopes.

const GIF_COLOURS = 255; // and one that stands for "as before"
// The 8 × 8 thresholds of Bayer, −½ … ½.
const THRESHOLDS = Float32Array.from({ length: 64 }, (_, n) => {
  let value = 0;
  for (let bit = 0, x = n & 7, y = n >> 3; bit < 3; bit++, x >>= 1, y >>= 1) value = 4 * value + 2 * ((x ^ y) & 1) + (y & 1);
  return (value + 0.5) / 64 - 0.5;
});

/** `frames`: ImageData of one size. `pause`: seconds each is shown. The file's bytes. */
function gifBytes(frames, pause) {
  const [{ width, height }] = frames;
  const { palette, step } = gifPalette(frames);
  const nearest = new Int16Array(32768).fill(-1); // by 5 bits a channel
  const out = [];
  const shorts = (...numbers) => numbers.forEach((number) => out.push(number & 255, number >> 8));
  out.push(...[..."GIF89a"].map((letter) => letter.charCodeAt(0)));
  shorts(width, height);
  out.push(0xf7, 0, 0, ...palette.flat(), ...Array(3 * (256 - palette.length)).fill(0));
  out.push(0x21, 0xff, 11, ...[..."NETSCAPE2.0"].map((letter) => letter.charCodeAt(0)), 3, 1, 0, 0, 0); // for ever
  let before = null;
  for (const frame of frames) {
    const codes = gifCodes(frame, palette, step, nearest);
    const kept = before ? codes.map((code, pixel) => (code === before[pixel] ? GIF_COLOURS : code)) : codes;
    before = codes;
    out.push(0x21, 0xf9, 4, 0x05);
    shorts(Math.round(100 * pause));
    out.push(GIF_COLOURS, 0, 0x2c);
    shorts(0, 0, width, height);
    out.push(0, 8);
    const data = lzw(kept);
    for (let start = 0; start < data.length; start += 255) {
      const block = data.slice(start, start + 255);
      out.push(block.length);
      for (const byte of block) out.push(byte);
    }
    out.push(0);
  }
  out.push(0x3b);
  return Uint8Array.from(out);
}

/** A frame's pixels as places in the palette, each with its threshold within one step of the palette. */
function gifCodes({ data, width, height }, palette, step, nearest) {
  const codes = new Uint8Array(width * height);
  const clip = (value) => (value < 0 ? 0 : value > 255 ? 255 : value) >> 3;
  for (let pixel = 0, at = 0; pixel < codes.length; pixel++, at += 4) {
    const shift = step * THRESHOLDS[(((pixel / width) & 7) << 3) | (pixel % width & 7)];
    const key = (clip(data[at] + shift) << 10) | (clip(data[at + 1] + shift) << 5) | clip(data[at + 2] + shift);
    if (nearest[key] < 0) nearest[key] = closest(palette, (key >> 10) * 8 + 4, ((key >> 5) & 31) * 8 + 4, (key & 31) * 8 + 4);
    codes[pixel] = nearest[key];
  }
  return codes;
}

function closest(palette, red, green, blue) {
  let [best, least] = [0, Infinity];
  palette.forEach(([r, g, b], number) => {
    const far = 2 * (r - red) ** 2 + 4 * (g - green) ** 2 + 3 * (b - blue) ** 2; // the eye sees green best
    if (far < least) [best, least] = [number, far];
  });
  return best;
}

/**
 * Median cut over all frames. A colour counts by the root of how often it occurs: the few bright pixels of the heat then
 * get their share of the palette beside the many of the photo. `step`: grey levels from one colour to the next, about.
 */
function gifPalette(frames) {
  const counts = new Uint32Array(32768);
  const sums = [0, 1, 2].map(() => new Float64Array(32768));
  for (const { data } of frames) {
    for (let at = 0; at < data.length; at += 4) {
      const key = ((data[at] >> 3) << 10) | ((data[at + 1] >> 3) << 5) | (data[at + 2] >> 3);
      counts[key]++;
      for (let channel = 0; channel < 3; channel++) sums[channel][key] += data[at + channel];
    }
  }
  const colours = [];
  counts.forEach((count, key) => {
    if (count) colours.push({ weight: Math.sqrt(count), rgb: sums.map((sum) => sum[key] / count) });
  });
  const boxes = [measured(colours)];
  while (boxes.length < GIF_COLOURS) {
    const widest = boxes.reduce((most, box) => (box.spread > most.spread ? box : most));
    if (widest.spread <= 0) break;
    widest.colours.sort((one, other) => one.rgb[widest.channel] - other.rgb[widest.channel]);
    let [half, sum] = [widest.weight / 2, 0];
    let cut = widest.colours.findIndex(({ weight }) => (sum += weight) >= half) + 1;
    cut = Math.min(widest.colours.length - 1, Math.max(1, cut));
    boxes.splice(boxes.indexOf(widest), 1, measured(widest.colours.slice(0, cut)), measured(widest.colours.slice(cut)));
  }
  const [wide, weight] = ["spread", "weight"].map((name) => boxes.reduce((sum, box) => sum + box[name], 0));
  const step = Math.max(8, Math.sqrt((12 * wide) / weight)); // an even step s has the variance s² / 12; 8 is 5 bits' own
  return { palette: boxes.map(({ mean }) => mean.map(Math.round)), step };
}

/** A box of colours: its weight, its mean, and along which channel it is widest. */
function measured(colours) {
  const weight = colours.reduce((sum, colour) => sum + colour.weight, 0);
  const mean = [0, 1, 2].map((c) => colours.reduce((sum, { weight: w, rgb }) => sum + w * rgb[c], 0) / weight);
  const wide = mean.map((m, c) => colours.reduce((sum, { weight: w, rgb }) => sum + w * (rgb[c] - m) ** 2, 0));
  const spread = colours.length > 1 ? Math.max(...wide) : 0;
  return { colours, weight, mean, spread, channel: wide.indexOf(spread) };
}

/** The compression of GIF for codes of 8 bits: each new run of codes gets a number; at 4,096 the list starts anew. */
function lzw(codes) {
  const out = [];
  const [clear, end] = [256, 257];
  const known = new Int16Array(4096 * 256);
  let [held, bits, width, next] = [0, 0, 9, end + 1];
  const put = (code) => {
    held |= code << bits;
    for (bits += width; bits >= 8; bits -= 8, held >>>= 8) out.push(held & 255);
  };
  put(clear);
  let run = codes[0];
  for (let at = 1; at < codes.length; at++) {
    const longer = (run << 8) | codes[at];
    if (known[longer]) {
      run = known[longer];
      continue;
    }
    put(run);
    run = codes[at];
    if (next === 4096) {
      put(clear);
      known.fill(0);
      [width, next] = [9, end + 1];
    } else {
      if (next === 1 << width) width++;
      known[longer] = next++;
    }
  }
  put(run);
  put(end);
  if (bits) out.push(held & 255);
  return Uint8Array.from(out);
}
