// The present view as a PNG: the photo, the heat, a colour bar with its numbers, and where the map is from.

function saveView(stage, map, look, caption, untrained, name) {
  const width = stage.photo.naturalWidth;
  const height = stage.photo.naturalHeight;
  const unit = Math.max(12, Math.round(width / 50)); // text that suits the picture's size
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height: height + 4 * unit });
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, width, canvas.height);
  pen.drawImage(stage.photo, 0, 0, width, height);
  const heat = document.createElement("canvas");
  paintHeat(heat, map, { ...look, width, height });
  pen.imageSmoothingEnabled = look.smooth;
  pen.drawImage(heat, 0, 0, width, height);
  if (untrained) stamp(pen, unit);
  const table = colourTable(look.colours);
  const bar = Math.round(width * 0.3);
  for (let x = 0; x < bar; x++) {
    const code = Math.round((255 * x) / (bar - 1));
    pen.fillStyle = `rgb(${table.slice(3 * code, 3 * code + 3).join(" ")})`;
    pen.fillRect(2 * unit + x, height + 0.7 * unit, 1, 0.8 * unit);
  }
  pen.fillStyle = "#222";
  pen.font = `${Math.round(0.9 * unit)}px system-ui, sans-serif`;
  pen.textBaseline = "middle";
  pen.fillText("0", unit, height + 1.1 * unit);
  pen.fillText(percent(look.peak), 2.6 * unit + bar, height + 1.1 * unit);
  pen.fillText(caption, unit, height + 2.8 * unit, width - 2 * unit);
  canvas.toBlob((blob) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
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
