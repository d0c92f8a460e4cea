// The choice that both sides are looked at with, as the address keeps it.

/** What the address holds of the choice; anything else in it is ignored. */
function compareChoice({ how, depth, heads, scale, place }) {
  const found = {};
  const share = (text) => (/^(0(\.\d+)?|1(\.0+)?)$/.test(text ?? "") ? Number(text) : null);
  if (CHOICES.method.includes(how)) found.method = how;
  if (share(depth)) found.share = share(depth);
  if (FUSIONS.includes(heads)) found.head = heads;
  if (/^\d{1,3}$/.test(heads ?? "")) found.head = Number(heads);
  if (CHOICES.scale.includes(scale)) found.scale = scale;
  const [y, x] = (place ?? "").split(",").map(share);
  if (Number.isFinite(y) && Number.isFinite(x) && y !== null && x !== null) found.query = { y, x };
  return found;
}
