"""What capture, its record and rollout cost, as ratios within one run: ``python -m tests.bench.capture``.

Process CPU time of one thread, the two sides in turn. Weights are random: the work is the same.
"""

import statistics
import time
from collections.abc import Callable

import torch

from tests.families import photo
from vit.attention import AttentionRecord, Grid, LayerAttention, TokenLayout
from vit.capture import record_attention
from vit.methods import explain
from vit.models import load_model
from vit.models.sizes import resized
from vit.models.vision_model import VisionModel


def ratio(ours: Callable[[], object], other: Callable[[], object], runs: int) -> float:
    """Ours over the other in CPU seconds: the median over pairs that ran one after the other, after a warm-up."""
    ratios = []
    for run in range(runs + 2):
        seconds = []
        for work in (ours, other):
            start = time.process_time()
            work()
            seconds.append(time.process_time() - start)
        if run >= 2:
            ratios.append(seconds[0] / seconds[1])
    return statistics.median(ratios)


def full_product(record: AttentionRecord) -> torch.Tensor:
    """Rollout the way it is usually written: fuse the heads, then multiply whole matrices."""
    product = None
    for layer in record.layers:
        fused = layer.weights[0].mean(0)
        mixed = 0.5 * fused + 0.5 * torch.eye(len(fused))
        mixed = mixed / mixed.sum(-1, keepdim=True)
        product = mixed if product is None else mixed @ product
    assert product is not None
    return product[0, 1:]


def random_record(side: int, depth: int = 12, heads: int = 12) -> AttentionRecord:
    """A record of the shape of vit_base, with a grid of ``side`` × ``side`` patches."""
    layout = TokenLayout.whole(Grid(side, side), ("cls",))
    layers = [
        LayerAttention(f"layer {i}", torch.rand(1, heads, layout.count, layout.count).softmax(-1), layout, layout)
        for i in range(depth)
    ]
    return AttentionRecord("vit_base", "random", tuple(layers), torch.zeros(1), (), (16 * side, 16 * side))


def main() -> None:
    torch.set_num_threads(1)
    for side, limit, runs in ((224, 1.15, 25), (512, 1.10, 7)):
        value = capture(load_model("vit_base_patch16_224", weights="random"), side, runs)
        print(f"capture of all layers / plain fused forward, vit_base at {side} px: {value:.3f} (at most {limit:.2f})")
    record, maps = record_of_384()
    print(f"memory of a kept record / its float32 maps, vit_base at 384 px: {record / maps:.3f} (at most 0.25)")
    for side, limit in ((14, 0.5), (32, 0.3)):
        record = random_record(side, depth=12 if side < 20 else 6)
        with torch.no_grad():
            value = ratio(lambda r=record: explain(r, "rollout"), lambda r=record: full_product(r), runs=25)
        print(f"rollout / full product, {side * side + 1} tokens: {value:.3f} (at most {limit})")


def capture(model: VisionModel, side: int, runs: int) -> float:
    """A record of a picture of ``side`` × ``side`` pixels, against the same network's own run on the same pixels."""
    model = resized(model, (side, side))
    image = photo(height=side, width=side)
    pixels = model.prepare(image)
    with torch.no_grad():
        return ratio(lambda: record_attention(model, image), lambda: model.network(pixels), runs)


def record_of_384() -> tuple[int, int]:
    """Bytes of a record as it is kept, and of its maps if they were computed and kept."""
    model = load_model("vit_base_patch16_384", weights="random")
    record = record_attention(model, photo(height=384, width=384))
    return record.bytes, sum(4 * torch.Size(layer.shape).numel() for layer in record.layers)


if __name__ == "__main__":
    main()
