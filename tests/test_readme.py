"""The README's promises that a program can check."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
FRONT_MATTER = dict(re.findall(r"^(\w+): (.+)$", README.split("---")[1], re.MULTILINE))
LINKS = re.findall(r"\]\((?!http)([^)#]+)\)", README)
CODE = [*(ROOT / "vit").rglob("*.py"), ROOT / "app.py"]


def test_the_space_runs_the_gradio_that_is_pinned():
    pins = dict(re.findall(r"^([\w-]+)==(\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
    assert FRONT_MATTER["sdk_version"] == pins["gradio"]
    assert FRONT_MATTER["sdk"] == "gradio"
    assert (ROOT / FRONT_MATTER["app_file"]).is_file()
    assert len(FRONT_MATTER["short_description"]) <= 60  # more is refused by the hub


@pytest.mark.parametrize("path", LINKS)
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


def blocks(heading: str, language: str) -> list[str]:
    """The code of a chapter, block by block."""
    chapter = README.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", chapter, re.DOTALL)


@pytest.fixture
def elsewhere(tmp_path, monkeypatch) -> Path:
    """A folder in which what README writes may be written, with the examples in it."""
    (tmp_path / "assets").symlink_to(ROOT / "assets")
    monkeypatch.chdir(tmp_path)
    return tmp_path


SHELL = "".join(blocks("From a shell", "sh")).splitlines()


def test_links_and_lines_for_a_shell_are_found():
    """Otherwise the tests of each of them could be of none."""
    assert len(LINKS) == len(re.findall(r"\]\((?!http|#)", README)) >= 20
    assert len(SHELL) >= 7


@pytest.mark.parametrize("line", SHELL, ids=lambda line: line[14:40])
def test_its_lines_for_a_shell_run(elsewhere, line, monkeypatch):
    from vit.__main__ import main

    monkeypatch.setenv("VIT_OFFLINE", "1" if "models" not in line else "")  # the bundled model, whatever is cached here
    words = shlex.split(line, comments=True)
    assert words[:3] == ["python", "-m", "vit"]
    assert main(words[3:]) == 0
    written = words[words.index("-o") + 1 :] if "-o" in words else []
    assert all((elsewhere / name).stat().st_size > 1000 for name in written)


def test_its_lines_of_python_run(elsewhere):
    from vit.models.networks import build_network

    shape = {"image_size": (224, 224), "patch": 32, "width": 24, "depth": 2, "heads": 3}
    space: dict[str, Any] = {"net": build_network("vit", shape, classes=5)}  # "any nn.Module"
    first, second = blocks("From Python", "python")
    exec(first, space)
    assert space["picture"].shape == space["image"].shape
    assert len(space["record"].layers) == 9
    exec(second, space)
    assert len(space["record"].layers) == 2


def test_its_request_over_http_is_answered(elsewhere):
    from vit.analysis import Analysis
    from vit.ui.page import build_page, launch_options

    page = build_page(Analysis(offered=("vit_imagenette",)))
    page.launch(prevent_thread_lock=True, **launch_options())
    try:
        (asked,) = blocks("Over HTTP", "python")
        assert "http://127.0.0.1:7860" in asked
        asked = re.sub(r"Client\((.*?)\)", f"Client({page.local_url!r}, verbose=False)", asked)
        start, _, question = asked.rpartition("\n\n")
        space: dict[str, Any] = {}
        exec(f"{start}\nanswer = {question}", space)
        assert space["answer"]["model"] == "vit_imagenette"
    finally:
        page.close()
