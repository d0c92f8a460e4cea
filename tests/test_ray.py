"""docs/examples/ray_serve.py with two replicas on this machine, where Ray is (``pip install "ray[serve]"``)."""

import sys
from pathlib import Path

import numpy as np
import pytest

from tests.pictures import encoded

ROOT = Path(__file__).parents[1]


@pytest.mark.filterwarnings("ignore")  # Ray's own
def test_two_replicas_answer_as_this_process_does(monkeypatch):
    serve = pytest.importorskip("ray.serve", reason="Ray is not installed")
    import ray  # pyright: ignore[reportMissingImports]

    from vit import load_image, load_model, record_attention
    from vit.archive import about

    monkeypatch.syspath_prepend(ROOT)
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")
    try:
        from docs.examples.ray_serve import app

        serve.start(proxy_location="Disabled")  # no HTTP: the handle is asked
        handle = serve.run(app, route_prefix=None)
        photos = [encoded(np.full((40, 60, 3), shade, np.uint8), "PNG") for shade in range(0, 240, 40)]
        answers = [handle.analyze.remote(photo, "vit_cifar10") for photo in photos]
        model = load_model("vit_cifar10")
        for photo, answer in zip(photos, answers, strict=True):
            expected = about(record_attention(model, load_image(photo)))
            given = answer.result(timeout_s=240)
            assert given["layers"] == expected["layers"]
            shares = [entry["probability"] for entry in given["top"]]
            assert shares == pytest.approx([entry["probability"] for entry in expected["top"]], abs=1e-5)
        replicas = serve.status().applications["default"].deployments["Attention"].replica_states
        assert sum(replicas.values()) == 2
    finally:
        serve.shutdown()
        ray.shutdown()
        sys.modules.pop("docs.examples.ray_serve", None)
