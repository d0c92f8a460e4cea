"""The README's promises that a program can check."""

import json
import re
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
FRONT_MATTER = dict(re.findall(r"^(\w+): (.+)$", README.split("---")[1], re.MULTILINE))
CODE = [*(ROOT / "vit").rglob("*.py"), ROOT / "app.py"]


def test_the_space_runs_the_gradio_that_is_pinned():
    pins = dict(re.findall(r"^([\w-]+)==(\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
    assert FRONT_MATTER["sdk_version"] == pins["gradio"]
    assert FRONT_MATTER["sdk"] == "gradio"
    assert (ROOT / FRONT_MATTER["app_file"]).is_file()
    assert len(FRONT_MATTER["short_description"]) <= 60  # more is refused by the hub


@pytest.mark.parametrize("path", re.findall(r"\]\((?!http)([^)#]+)\)", README))
def test_what_it_links_to_is_there(path):
    assert (ROOT / path).exists()


def test_its_picture_is_a_real_one():
    with Image.open(ROOT / "assets" / "screenshot.png") as picture:
        assert min(picture.size) >= 700


def test_every_setting_is_documented():
    read = {name for path in CODE for name in re.findall(r"\"(VIT_[A-Z_]+)\"", path.read_text())}
    assert {"VIT_MODELS", "VIT_OFFLINE", "VIT_CACHE_MB", "VIT_MAX_PIXELS"} <= read
    assert read <= set(re.findall(r"`(VIT_[A-Z_]+)`", README))


def test_nothing_is_left_to_fill_in():
    assert not re.search(r"\{[A-Z]+\}|TODO|FIXME", README)


def test_every_file_is_small_enough_for_a_space():
    files = [path for folder in ("assets", "vit", "tests") for path in (ROOT / folder).rglob("*") if path.is_file()]
    assert [path.name for path in files if path.stat().st_size >= 10_000_000] == []


def test_a_space_preloads_a_model_that_the_app_then_begins_with():
    from vit.models.default import _PREFERRED

    (preloaded,) = re.findall(r"preload_from_hub:\n  - timm/(\S+) model\.safetensors\n", README)
    assert preloaded.partition(".")[0] in _PREFERRED
    assert f"models:\n  - timm/{preloaded}\n" in README


@pytest.mark.parametrize("card", sorted((ROOT / "assets" / "weights").glob("*.json")), ids=lambda path: path.stem)
def test_the_accuracy_of_every_bundled_model_is_the_cards(card):
    top1 = f"{json.loads(card.read_text())['top1']:.2f}%"
    for page in (README, (ROOT / "docs" / "training.md").read_text()):
        lines = [line for line in page.splitlines() if f"`{card.stem}`" in line or f"**{card.stem}**" in line]
        assert any(top1 in line for line in lines), f"{card.stem} is not said to be right on {top1}"
    from vit.models.bundled import describe
    from vit.ui.pack import trained_on

    assert describe(card.stem).endswith(f"top-1 {top1}")
    assert trained_on(card.stem, "bundled").endswith(f"top-1 {top1}")
