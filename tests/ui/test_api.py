"""The HTTP names, asked through gradio_client as a program would."""

import io
import json
import threading
from pathlib import Path

import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from tests.checkpoints import add_checkpoint
from tests.families import photo
from vit.capture import record_attention
from vit.errors import MethodError
from vit.methods import explain
from vit.methods.difference import compare_classes
from vit.models import load_model
from vit.render import overlay
from vit.ui.api import overlay_options


@pytest.fixture
def given(tmp_path):
    """A photo in a file."""
    Image.fromarray(photo(height=60, width=90)).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """A client of the running app, whose only model is "tiny"; one server for all tests of this file."""
    from vit.analysis import Analysis
    from vit.ui.page import build_page, launch_options

    folder = tmp_path_factory.mktemp("weights")
    add_checkpoint(folder, "tiny")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vit.models.bundled.FOLDER", folder)
        page = build_page(Analysis(offered=("tiny",)))
        page.launch(prevent_thread_lock=True, **launch_options())
        assert page.local_url
        client = Client(page.local_url, verbose=False, download_files=str(tmp_path_factory.mktemp("answers")))
        yield client
        client.close()
        page.close()


def test_the_three_names_answer_with_the_record_s_own_numbers(client, given):
    image, model = photo(height=60, width=90), load_model("tiny")
    record = record_attention(model, image)

    told = client.predict(handle_file(given), "tiny", api_name="/analyze")
    assert told["model"] == "tiny"
    assert told["provenance"] == "bundled"
    assert [entry["label"] for entry in told["top"]] == [label for _, label, _ in record.top(5)]
    assert told["top"][0]["probability"] == pytest.approx(record.top(1)[0][2], abs=1e-6)
    assert told["layers"] == [
        {
            "name": f"blocks.{number}.attn",
            "heads": 3,
            "windows": 1,
            "grid": [4, 4],
            "prefix": ["cls"],
            "keys": {"grid": [4, 4], "prefix": ["cls"]},
        }
        for number in range(2)
    ]

    drawn = client.predict(handle_file(given), "tiny", "raw", 1, "2", 3, 0, None, api_name="/overlay")
    expected = overlay(image, explain(record, "raw", layer=1, head=2, query=(3, 0)), colormap="inferno")
    assert np.array_equal(np.asarray(Image.open(drawn).convert("RGB")), expected)
    assert Path(drawn).name == "tiny-raw.png"

    drawn = client.predict(handle_file(given), "tiny", "relevance", -1, "mean", None, None, 1, api_name="/overlay")
    heat = explain(record_attention(model, image, target=1), "relevance")
    expected = overlay(image, heat, colormap="inferno")
    assert np.array_equal(np.asarray(Image.open(drawn).convert("RGB")), expected)

    drawn = client.predict(handle_file(given), "tiny", method="relevance", target=1, against=0, api_name="/overlay")
    one, other = (record_attention(model, image, target=target) for target in (1, 0))
    expected = overlay(image, compare_classes(one, other, "relevance")[2])
    assert np.array_equal(np.asarray(Image.open(drawn).convert("RGB")), expected)

    written = client.predict(handle_file(given), "tiny", api_name="/raw")
    assert Path(written).name == "tiny-attention.npz"
    with np.load(written) as file:
        assert np.array_equal(file["layer_1_weights"], record.layers[1].weights.numpy())
        assert json.loads(str(file["about"]))["model"] == "tiny"


def test_defaults_stand_for_what_is_left_out(client, given):
    assert client.predict(image=handle_file(given), api_name="/analyze")["model"] == "tiny"
    drawn = client.predict(image=handle_file(given), api_name="/overlay")
    with Image.open(drawn) as picture:
        assert picture.size == (90, 60)


def test_two_at_once_get_their_own(client, tmp_path):
    pictures = [photo(seed, 40, 40) for seed in range(4)]
    model = load_model("tiny")
    expected = [record_attention(model, picture).top(1)[0][2] for picture in pictures]
    answers: dict[int, float] = {}

    def ask(number: int) -> None:
        file = io.BytesIO()
        Image.fromarray(pictures[number]).save(file, "PNG")
        path = tmp_path / f"{number}.png"
        path.write_bytes(file.getvalue())
        told = client.predict(handle_file(path), "tiny", api_name="/analyze")
        answers[number] = told["top"][0]["probability"]

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answers[number] for number in range(4)] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nonsense", "rollout", -1, "mean", None, None, None], "nonsense"),
        (["tiny", "magic", -1, "mean", None, None, None], "rollout"),
        (["tiny", "raw", 7, "mean", None, None, None], "0 to 1"),
        (["tiny", "raw", 0, "9", None, None, None], "0 to 2"),
        (["tiny", "raw", 0, "--5", None, None, None], "--5"),
        (["tiny", "rollout", -1, "2", None, None, None], "mean, max, min"),
        (["tiny", "raw", 0, "mean", 9, 0, None], "rows 0 to 3"),
        (["tiny", "raw", 0, "mean", 1, None, None], "both"),
        (["tiny", "relevance", -1, "mean", None, None, 2], "Class 2 is not in 0 to 1"),
        (["tiny", "relevance", -1, "mean", None, None, 1, 1], "1 and 1 are not two"),
        (["tiny", "rollout", -1, "mean", None, None, None, 1], "the same for every class"),
    ],
)
def test_a_mistake_is_a_sentence(client, given, arguments, says):
    with pytest.raises(AppError, match=says) as caught:
        client.predict(handle_file(given), *arguments, api_name="/overlay")
    assert "Traceback" not in str(caught.value)
    assert str(given.parent) not in str(caught.value)


def test_a_file_that_is_no_picture_is_a_sentence(client, tmp_path):
    (tmp_path / "photo.png").write_text("not a picture")
    with pytest.raises(AppError) as caught:
        client.predict(handle_file(tmp_path / "photo.png"), "tiny", api_name="/analyze")
    assert "JPEG" in str(caught.value) or "picture" in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_general_choices_become_the_method_s_own_options():
    assert overlay_options("rollout", -1, "mean", None, None) == {}
    assert overlay_options("rollout", 3, "max", 1, 1) == {"last": 3, "head_fusion": "max", "query": (1, 1)}
    assert overlay_options("received", 2.0, "3", None, None) == {"layer": 2, "head": 3}
    with pytest.raises(MethodError, match="no query"):
        overlay_options("received", -1, "mean", 1, 1)
    assert overlay_options("raw", None, "", 0, 5) == {"query": (0, 5)}
    with pytest.raises(MethodError, match="whole number"):
        overlay_options("raw", 0.5, "mean", None, None)
