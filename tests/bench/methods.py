"""What the methods of a class cost, in plain forward passes: ``python -m tests.bench.methods``.

Process CPU time of one thread, the two sides in turn: the picture's record with what the method needs, and the method
itself, against the network alone. Weights are random: the work is the same.
"""

import time

import torch

from tests.bench.capture import random_record, ratio
from tests.families import photo
from vit.capture import record_attention
from vit.methods import explain, get_method
from vit.models import load_model

LIMITS = {"relevance": 3.5}  # forward passes


def main() -> None:
    torch.set_num_threads(1)
    model = load_model("vit_base_patch16_224", weights="random")
    image = photo(height=224, width=224)
    pixels = model.prepare(image)

    def forward() -> None:
        with torch.no_grad():
            model.network(pixels)

    for name in ("relevance", "gradient_rollout", "gradcam"):

        def work(name: str = name) -> None:
            explain(record_attention(model, image, target=3, keep=get_method(name).keep), name)

        limit = f" (at most {LIMITS[name]})" if name in LIMITS else ""
        print(f"{name} / plain forward, vit_base at 224 px: {ratio(work, forward, runs=7):.2f}{limit}", flush=True)

    for side, depth, what in ((8, 6, "65 tokens, 6 layers"), (14, 12, "197 tokens, 12 layers")):
        start = time.process_time()
        explain(random_record(side, depth), "attention_flow")
        print(f"attention flow, {what}: {time.process_time() - start:.2f} s", flush=True)


if __name__ == "__main__":
    main()
