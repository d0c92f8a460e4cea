"""The way from a question to the explorer's value, without a browser."""

import base64
import io
import json
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from gradio.data_classes import ImageData
from PIL import Image

from vit.attention import AttentionRecord, Grid, LayerAttention, TokenLayout
from vit.errors import ModelError
from vit.loaded import LoadedModels
from vit.ui import explore
from vit.ui.door import Door, Gone, Refused
from vit.ui.examples import examples
from vit.ui.explorer import Explorer
from vit.ui.parts import ENCODER, FOR_VIEWS, SCRIPTS, encoder, script

ROOT = Path(__file__).parents[2]


class Standin:
    """As much of Analysis as a view asks for: one layer, or whatever goes wrong."""

    def __init__(self, error: Exception | None = None):
        self.error = error

    def record(self, image, model, say=None):
        if say:
            say(f"loading {model}")
        if self.error:
            raise self.error
        layout = TokenLayout.whole(Grid(2, 2), ("cls",))
        layer = LayerAttention("blocks.0.attn", torch.full((1, 2, 5, 5), 0.2), layout, layout)
        return AttentionRecord(model, "random", (layer,), torch.zeros(2), ("cat", "dog"), (32, 32))


def last_answer(picture, tmp_path, error: Exception | None = None) -> dict:
    return list(explore.answers(Standin(error), picture, "tiny", {"ticket": 7}, str(tmp_path)))[-1]  # type: ignore[arg-type]


def test_a_record_becomes_a_value_with_its_ticket(tmp_path):
    value = last_answer(np.zeros((8, 12, 3), np.uint8), tmp_path)
    assert value["ticket"] == 7 and value["model"] == "tiny" and value["untrained"]
    assert [layer["heads"] for layer in value["layers"]] == [2]
    assert Path(value["maps"]["path"]).is_file()


def test_errors_become_a_sentence_and_never_a_trace(tmp_path, caplog):
    picture = np.zeros((8, 8, 3), np.uint8)
    assert last_answer(picture, tmp_path, ModelError("No such model."))["error"] == "No such model."
    odd = last_answer(picture, tmp_path, RuntimeError("at /home/server/secret.py"))
    assert "secret" not in odd["error"] + caplog.text and odd["code"] in caplog.text
    assert last_answer(Refused("This file is no picture."), tmp_path)["error"] == "This file is no picture."


def test_what_is_being_done_is_told_while_it_takes_time(tmp_path, monkeypatch):
    monkeypatch.setattr("vit.ui.told._BETWEEN_LINES", -1.0)
    picture = np.zeros((8, 8, 3), np.uint8)
    first, last = explore.answers(Standin(), picture, "tiny", {"ticket": 1}, str(tmp_path))  # type: ignore[arg-type]
    assert (first["ticket"], first["busy"]) == (1, "loading tiny") and "layers" in last


class Broken(Standin):
    """Its default model can't be had; any other can."""

    offered: tuple[str, ...] = ()

    def default_model(self):
        return "cached"

    def spare_model(self):
        return LoadedModels(self.offered, 1).spare()

    def record(self, image, model, say=None):
        self.error = ModelError("The download is damaged.") if model == "cached" else None
        return super().record(image, model, say)


def test_the_opening_falls_back_to_a_bundled_model_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("vit.models.bundled_names", lambda: ["best", "second"])
    picture = np.zeros((8, 8, 3), np.uint8)

    def opened(analysis, wanted: str, given: np.ndarray | str = picture) -> dict:
        return list(explore.first_answers(analysis, given, wanted, {"ticket": 0}, str(tmp_path)))[-1]

    value = opened(Broken(), "")
    assert value["model"] == "best" and value["note"] == "cached could not be used just now; opened with best"
    assert opened(Broken(), "cached")["error"] == "The download is damaged."
    assert "note" not in opened(Broken(), "second")
    only = Broken()
    only.offered = ("cached",)
    assert opened(only, "")["error"] == "The download is damaged."
    assert opened(Broken(), "", Refused("Choose a photo."))["error"] == "Choose a photo."


def test_work_ends_when_nobody_waits_any_more(tmp_path, monkeypatch):
    monkeypatch.setattr("vit.ui.told._BETWEEN_LINES", -1.0)
    go, over = threading.Event(), threading.Event()
    said = []

    class Slow(Standin):
        def record(self, image, model, say=None):
            assert say
            try:
                for line in ("one", "two", "three"):
                    say(line)
                    said.append(line)
                    assert go.wait(10)
                return super().record(image, model)
            finally:
                over.set()

    picture = np.zeros((8, 8, 3), np.uint8)
    running = explore.answers(Slow(), picture, "tiny", {"ticket": 1}, str(tmp_path))  # type: ignore[arg-type]
    assert next(running)["busy"] == "one"
    running.close()  # type: ignore[attr-defined]
    go.set()
    assert over.wait(10) and said == ["one"]


def test_silent_work_says_its_last_line_again_so_that_gradio_sees_who_has_left(tmp_path, monkeypatch):
    monkeypatch.setattr("vit.ui.told._BETWEEN_LINES", -1.0)
    monkeypatch.setattr("vit.ui.told._AGAIN", 0.05)
    go, over = threading.Event(), threading.Event()

    class Silent(Standin):
        def record(self, image, model, say=None):
            assert say
            say("loading tiny, 0 MB")
            assert go.wait(10)
            try:
                say("")
            finally:
                over.set()

    picture = np.zeros((8, 8, 3), np.uint8)
    running = explore.answers(Silent(), picture, "tiny", {"ticket": 1}, str(tmp_path))  # type: ignore[arg-type]
    assert [next(running)["busy"] for _ in range(3)] == ["loading tiny, 0 MB"] * 3
    running.close()  # type: ignore[attr-defined]
    go.set()
    assert over.wait(10)


def test_no_model_is_a_sentence(tmp_path):
    picture = np.zeros((8, 8, 3), np.uint8)
    answer = list(explore.answers(Standin(), picture, "", {}, str(tmp_path)))  # type: ignore[arg-type]
    assert answer == [{"error": "Choose a model first."}]


@pytest.mark.parametrize(
    "asked",
    [
        *("", "null", "[]", "[" * 100_000, '{"ticket": 1e999, "example": null}'),
        *('{"ticket": "x"}', '{"ticket": 1}', '{"ticket": [], "example": {}}'),
    ],
)
def test_a_malformed_question_is_no_example(asked):
    assert explore._question(asked, examples()) == (0, None)


def test_an_example_is_known_by_its_name_alone():
    shown = examples()
    assert explore._question(json.dumps({"ticket": 3, "example": shown[0].name}), shown) == (3, shown[0])
    assert explore._question(json.dumps({"ticket": 3, "example": "../../secret"}), shown) == (3, None)


def test_the_door_hands_on_a_picture_or_a_sentence(tmp_path):
    door = Door(render=False)
    good, bad = tmp_path / "photo.png", tmp_path / "text.png"
    Image.new("RGB", (5, 4), "red").save(good)
    bad.write_text("no picture")
    assert door.preprocess(ImageData(path=str(good))).pixels.shape == (4, 5, 3)
    refused = door.preprocess(ImageData(path=str(bad)))
    assert isinstance(refused, Refused) and "JPEG" in refused and str(tmp_path) not in refused
    assert door.preprocess(None) is None
    good.unlink()
    gone = door.preprocess(ImageData(path=str(good)))
    assert isinstance(gone, Gone) and str(tmp_path) not in gone
    (answer,) = explore.answers(Standin(), gone, "tiny", {"ticket": 2}, str(tmp_path))  # type: ignore[arg-type]
    assert answer == {"ticket": 2, "error": str(gone), "gone": True}


def test_examples_come_with_a_small_picture_inside():
    shown = examples()
    assert len(shown) >= 5
    for example in shown:
        page = example.for_page()
        assert len(page["thumb"]) < 12_000
        with Image.open(io.BytesIO(base64.b64decode(page["thumb"].partition(",")[2]))) as thumb:
            assert thumb.width / thumb.height == pytest.approx(page["width"] / page["height"], rel=0.05)


def test_nothing_in_the_templates_runs_as_code():
    """gr.HTML evaluates both templates as JavaScript template strings and by Handlebars."""
    explorer = Explorer(render=False)
    for template in (explorer.html_template, explorer.css_template):
        assert not any(sign in template for sign in ("${", "{{", "`", "\\"))


def test_every_script_is_used_and_none_asks_another_server():
    files = {path.stem for path in (ROOT / "vit" / "ui" / "explorer").glob("*.js")}
    assert files == {*SCRIPTS, *FOR_VIEWS, ENCODER}
    code = script().replace('"http://www.w3.org/2000/svg"', "")  # a name, which no browser fetches
    assert "http://" not in code and "https://" not in code and "innerHTML" not in code


def test_the_encoder_comes_when_gradio_asks_with_its_one_argument():
    assert "function gifBytes" in encoder([])


def test_the_page_is_built_without_torch_timm_or_matplotlib():
    code = (
        "import sys, app; from vit.analysis import Analysis; from vit.ui.page import build_page;"
        "build_page(Analysis());"
        "print([name for name in ('torch', 'timm', 'torchvision', 'matplotlib', 'cv2') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
