"""The truth check: does the class's probability depend on the patches that a map puts first?"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from vit.attention import Heatmap
from vit.errors import MethodError
from vit.measures.curves import ORDERS, TESTS, Curves, Faithfulness
from vit.measures.orders import blurred, on_grid, order_of, patch_of_pixel, places, random_orders
from vit.tokens import Grid, whole_number

Predict = Callable[[Tensor], Tensor]  # pixels (n, 3, height, width), as the model is fed, to probabilities (n, classes)
Progress = Callable[[int, int], None]  # pictures predicted so far, and in all; what it raises stops the check


def faithfulness(
    heats: Sequence[Heatmap],
    pixels: Tensor,
    predict: Predict,
    target: int,
    *,
    grid: Grid | None = None,
    steps: int = 20,
    orders: int = ORDERS,
    seed: int = 0,
    backwards: bool = True,
    blur: float = 1 / 14,
    batch: int = 16,
    progress: Progress | None = None,
) -> list[Faithfulness]:
    """Deletion and insertion by patches in each map's order, against random orders and the reversed one.

    Deletion starts at the picture and sets patches to zero (of normalised pixels: the model's mean colour); a map is
    right if the probability of class ``target`` falls fast. Insertion starts at a blurred picture and puts the sharp
    patches back; a map is right if it rises fast. The area under either curve is the test's number. Petsiuk et al.
    2018, "RISE", https://arxiv.org/abs/1806.07421. Such areas alone hardly tell a method from chance (Wu et al. 2024,
    "SaCo", https://arxiv.org/abs/2404.01415), so each stands against ``orders`` random ones: the same for all maps.

    ``pixels`` is ``(1, 3, height, width)`` as the model is fed. All maps are tested on one ``grid``, by default the
    coarsest among them: random orders of smaller pieces hurt a picture more, so pieces must have one size to compare.
    ``steps`` equal parts of the patches are exchanged one after the other, at most one patch a step. ``blur`` is
    the sigma as a share of the shorter side; 1/14, 16 pixels of 224, hides a patch (RISE's own, 11 pixels wide, leaves
    half of the probability in place). ``batch`` pictures go through ``predict`` at a time. Ties: see ``order_of``.

    Misleads: a picture with grey squares is one that the model never learned from, so a fall may be surprise rather
    than evidence; and a map may be right about a wrong reason. It says nothing about other classes.
    """
    for name, value, least in (("steps", steps, 2), ("orders", orders, 1), ("batch", batch, 1)):
        if (whole_number(value) or 0) < least:
            raise MethodError(f"{name}={value!r} is not a whole number of {least} or more.")
    if not 0 < blur <= 1:
        raise MethodError(f"blur={blur!r} is not a share of the picture's side: above 0, at most 1.")
    if not heats:
        raise MethodError("There is no map to check.")
    for heat in heats:
        refuse_flat(heat)
    grid = grid or coarsest(heats)
    if grid.size < 2 or grid.rows > pixels.shape[-2] or grid.cols > pixels.shape[-1]:
        raise MethodError(f"A grid of {grid.rows} × {grid.cols} patches can't be checked on this picture.")

    tie_breaker, *by_chance = random_orders(grid.size, orders + 1, seed)
    values = [on_grid(heat.values, grid) for heat in heats]
    mapped = torch.stack([order_of(each, tie_breaker) for each in values])  # (maps, size)
    turned = mapped.flip(1) if backwards else mapped[:0]
    counts = (
        torch.linspace(0, grid.size, min(steps, grid.size) + 1, dtype=torch.float64).round().long()
    )  # patches exchanged at each point
    everyone = torch.cat([mapped, turned, torch.stack(by_chance)])  # (orders, size)
    starts, ends = torch.cat([pixels, blurred(pixels, blur)]), torch.cat([torch.zeros_like(pixels), pixels])
    ask = Asking(predict, target, 3 + len(TESTS) * len(everyone) * (len(counts) - 2), progress)
    curves = exchange(starts, ends, everyone, counts, grid, ask, batch)  # (tests, orders, points)

    found = []
    for number, heat in enumerate(heats):
        deletion, insertion = (
            Curves(
                test,
                counts.double() / grid.size,
                curves[place, number],
                curves[place, len(heats) + number] if backwards else None,
                curves[place, -orders:],
            )
            for place, test in enumerate(TESTS)
        )
        repeated = values[number].unique(return_counts=True)[1]
        tied = float(repeated[repeated > 1].sum()) / grid.size
        found.append(Faithfulness(heat.method, heat.caption, target, grid, tied, deletion, insertion))
    return found


def coarsest(heats: Sequence[Heatmap]) -> Grid:
    """The grid with the fewest rows, and the fewest columns, of any map."""
    return Grid(*(min(heat.values.shape[side] for heat in heats) for side in (0, 1)))


def refuse_flat(heat: Heatmap) -> None:
    """Raises MethodError for a map that puts no patch before another."""
    if float(heat.values.min()) == float(heat.values.max()):
        raise MethodError(f"The map of {heat.method} is the same everywhere, so there is no order to check.")


class Asking:
    """A class's probability for batches of pictures, checked, with a count of how many there have been."""

    def __init__(self, predict: Predict, target: int, total: int, progress: Progress | None):
        self.predict, self.target, self.total, self.progress = predict, target, total, progress
        self.done = 0

    def __call__(self, pixels: Tensor) -> Tensor:
        """``(n, 3, height, width)`` to ``(n,)``, float64."""
        shares = self.predict(pixels).detach().cpu()
        if shares.ndim != 2 or len(shares) != len(pixels):
            raise MethodError(
                f"predict gave {tuple(shares.shape)} for {len(pixels)} pictures, not (pictures, classes)."
            )
        number = whole_number(self.target)
        if number is None or not 0 <= number < shares.shape[1]:
            raise MethodError(f"Class {self.target!r} is not in 0 to {shares.shape[1] - 1}.")
        asked = shares[:, number].double()
        if not bool(((asked >= 0) & (asked <= 1 + 1e-4)).all()):  # NaN is neither
            raise MethodError("predict gave numbers that are no probabilities from 0 to 1.")
        self.done += len(pixels)
        if self.progress:
            self.progress(self.done, self.total)
        return asked


def exchange(
    starts: Tensor, ends: Tensor, orders: Tensor, counts: Tensor, grid: Grid, ask: Asking, batch: int
) -> Tensor:
    """Probabilities while pictures ``starts`` turn patch by patch into ``ends``: ``(tests, orders, points)``.

    ``starts`` (the picture, its blur) and ``ends`` (zero, the picture) are ``(2, 3, height, width)``, for deletion and
    insertion; ``orders`` is ``(orders, size)``; ``counts``, ``(points,)``, says how many patches are exchanged at each
    point, from none to all. The first and the last point are the same for every order, so they are asked once.
    """
    tests, inner = len(starts), counts[1:-1]
    patch = patch_of_pixel(grid, *starts.shape[-2:])  # (height, width)
    place = places(orders)
    found = torch.empty(tests, len(orders), len(counts), dtype=torch.float64)
    whole, gone, blur = ask(torch.cat([starts[:1], ends[:1], starts[1:]]))
    found[0, :, 0], found[0, :, -1], found[1, :, 0], found[1, :, -1] = whole, gone, blur, whole
    shape = (tests, len(orders), len(inner))
    for first in range(0, found[..., 1:-1].numel(), batch):
        numbers = torch.arange(first, min(first + batch, found[..., 1:-1].numel()))
        test, order, point = torch.unravel_index(numbers, shape)
        exchanged = place[order] < inner[point].unsqueeze(1)  # (n, size)
        pixels = torch.where(exchanged[:, patch].unsqueeze(1), ends[test], starts[test])  # (n, 3, height, width)
        found[test, order, 1 + point] = ask(pixels)
    return found
