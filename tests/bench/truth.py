"""What the truth check of one map costs on the bundled ViT: ``python -m tests.bench.truth [THREADS]``.

20 steps and 5 random orders with the reversed one: 269 pictures through the model. Seconds on the clock on idle cores;
the CPU time beside them holds on a busy machine too. Also: how long after a wish to stop the check has stopped.
"""

import sys
import time

import torch

from vit import check, load_image, load_model


def main() -> None:
    torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 2)
    model, image = load_model("vit_imagenette"), load_image("assets/examples/cat.jpg")
    check(model, image, ["rollout"], steps=2, orders=1)  # warm-up: traces the network
    best = (float("inf"), float("inf"))
    calls = []
    for _ in range(3):
        clock, cpu = time.perf_counter(), time.process_time()
        check(model, image, ["rollout"], steps=20, orders=5, progress=lambda *numbers: calls.append(numbers))
        best = min(best, (time.perf_counter() - clock, time.process_time() - cpu))
    threads = torch.get_num_threads()
    print(f"truth check of one map, {threads} threads: {best[0]:.2f} s, CPU {best[1]:.2f} s (at most 6 s on two cores)")
    print(f"progress was told {len(calls) // 3} times, of {calls[-1][1]} pictures")

    class Stop(Exception):
        pass

    wished = time.perf_counter() + 0.5
    stopped = 0.0

    def stop(done: int, total: int) -> None:
        if time.perf_counter() > wished:
            raise Stop

    try:
        check(model, image, ["rollout"], steps=20, orders=5, progress=stop)
    except Stop:
        stopped = time.perf_counter() - wished
    print(f"stopped {stopped:.2f} s after the wish")


if __name__ == "__main__":
    main()
