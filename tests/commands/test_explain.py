import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

import vit.render
from tests.measures.hand import record as record_of
from vit.__main__ import main
from vit.attention import AttentionRecord, Grid, LayerAttention, TokenLayout
from vit.capture import record_attention
from vit.commands.explained import every_head
from vit.image import load_image
from vit.methods import explain
from vit.models import load_model
from vit.render import overlay


@pytest.fixture
def record(work) -> AttentionRecord:
    """What the command sees in its photo."""
    return record_attention(load_model("tiny"), load_image(work / "photo.jpg"))


@pytest.mark.parametrize("name", ["out.png", "out.jpg"])
def test_an_overlay_with_its_legend(work, name, capsys):
    assert main(["explain", "photo.jpg", "--model", "tiny", "-o", name]) == 0
    with Image.open(work / name) as picture:
        assert picture.width == 176  # the legend needs that much
        assert picture.height > 60
    assert "tiny" in capsys.readouterr().out


def test_the_answer_alone_goes_to_stdout_and_says_what_was_drawn_and_which_class_has_which_number(work, capsys):
    def told(*words: str) -> str:
        assert main(["explain", "photo.jpg", "--model", "tiny", *words]) == 0
        said = capsys.readouterr()
        assert said.out.count("\n") == 1
        assert said.err == "loading tiny … done\n"
        return said.out

    line = told("--method", "raw", "-o", "out.png")
    assert line.startswith("out.png · attention of layer 2, mean of all heads, from CLS · ")
    assert " · tiny · weights: bundled · " in line
    assert "% (class 0)" in line and "% (class 1)" in line
    ignored = told("--method", "rollout", "--target", "1", "-o", "out.png")
    assert ignored.startswith("out.png · rollout of ") and " · rollout is the same for every class · " in ignored
    assert "2 layers in turn, the last: attention of layer 2, " in told("--method", "raw", "-o", "out.gif")
    assert "every head of every layer, attention from CLS" in told("--method", "raw", "--sheet", "-o", "out.png")
    assert "every layer's weights and gradients for tench" in told("--target", "tench", "-o", "out.npz")
    assert "relevance for church minus for tench" in told(
        "--method", "relevance", "--target", "Church", "--against", "TENCH", "-o", "out.svg"
    )


def test_the_bare_overlay_is_the_map_that_was_asked_for_over_the_photo(work, record):
    options = ["--method", "raw", "--layer", "1", "--head", "1", "--query", "1,2", "--bare"]
    assert main(["explain", "photo.jpg", "--model", "tiny", *options, "-o", "out.png"]) == 0
    heat = explain(record, "raw", layer=1, head=1, query=(1, 2))
    expected = overlay(load_image(work / "photo.jpg"), heat, 0.6, "inferno")
    np.testing.assert_array_equal(load_image(work / "out.png"), expected)


def test_another_head_is_another_picture(work):
    pictures = []
    for head in ("0", "1"):
        main(["explain", "photo.jpg", "--model", "tiny", "--method", "raw", "--head", head, "--bare", "-o", "out.png"])
        pictures.append(np.asarray(Image.open(work / "out.png")))
    assert not np.array_equal(*pictures)


def test_all_layers_as_an_animation(work):
    assert main(["explain", "photo.jpg", "--model", "tiny", "--method", "raw", "-o", "out.gif"]) == 0
    with Image.open(work / "out.gif") as picture:
        assert getattr(picture, "n_frames", 1) == 2


@pytest.mark.parametrize(("method", "option"), [("raw", "layer"), ("rollout", "last")])
def test_each_frame_is_its_own_layer_s_map_on_one_scale(work, record, monkeypatch, method, option):
    frames = []
    monkeypatch.setattr("vit.render.animation", lambda given, path: frames.extend(given))
    assert main(["explain", "photo.jpg", "--model", "tiny", "--method", method, "--bare", "-o", "out.gif"]) == 0
    heats = [explain(record, method, **{option: layer}) for layer in range(2)]
    peak = max(float(heat.values.max()) for heat in heats)
    expected = [overlay(load_image(work / "photo.jpg"), heat, 0.6, "inferno", peak) for heat in heats]
    np.testing.assert_array_equal(frames, expected)


def test_captions_of_one_line_and_of_two_make_one_animation(work, monkeypatch):
    drawn = vit.render.with_legend

    def longer(picture, heat, *rest):
        more = " · a longer caption than that of all other layers" * ("layer 2" in heat.caption)
        return drawn(picture, replace(heat, caption=heat.caption + more), *rest)

    monkeypatch.setattr(vit.render, "with_legend", longer)
    assert main(["explain", "photo.jpg", "--model", "tiny", "--method", "raw", "-o", "out.gif"]) == 0
    with Image.open(work / "out.gif") as picture:
        assert getattr(picture, "n_frames", 1) == 2


def test_raw_numbers(work):
    assert main(["explain", "photo.jpg", "--model", "tiny", "-o", "out.npz"]) == 0
    with np.load(work / "out.npz") as file:
        assert file["layer_1_weights"].sum(-1) == pytest.approx(1, abs=1e-5)
        assert json.loads(str(file["about"]))["model"] == "tiny"


def test_the_explorer_as_one_file(work):
    options = ["--method", "raw", "--layer", "0", "--head", "1", "--query", "1,2"]
    assert main(["explain", "photo.jpg", "--model", "tiny", *options, "-o", "out.html"]) == 0
    page = (work / "out.html").read_text()
    assert '"view": {"method": "raw", "layer": "0", "head": "1", "query": "1,2"}' in page
    assert main(["explain", "photo.jpg", "--model", "tiny", "--option", "residual=0.2", "-o", "out.html"]) == 0
    assert '"view": {"method": "rollout", "residual": "0.2"}' in (work / "out.html").read_text()


@pytest.mark.parametrize("name", ["out.pdf", "out.svg"])
def test_a_figure(work, name):
    assert main(["explain", "photo.jpg", "--model", "tiny", "-o", name]) == 0
    assert (work / name).stat().st_size > 1000


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["./no/nothing.jpg", "--model", "tiny", "-o", "out.png"], "./no/nothing.jpg: There is no such picture"),
        (["photo.jpg", "--model", "no_such_model", "-o", "out.png"], "no_such_model"),
        (["photo.jpg", "--model", "tiny", "-o", "out.bmp"], ".png"),
        (["photo.jpg", "--model", "tiny", "-o", "nowhere/out.png"], "no folder"),
        (["photo.jpg", "--model", "tiny", "--method", "magic", "-o", "out.png"], "rollout"),
        (["photo.jpg", "--model", "tiny", "--method", "raw", "--layer", "7", "-o", "out.png"], "0 to 1"),
        (["photo.jpg", "--model", "tiny", "--query", "1;2", "-o", "out.png"], "no token '1;2'"),
        (["photo.jpg", "--model", "tiny", "--head", "2", "-o", "out.png"], "mean, max, min"),
        (["photo.jpg", "--model", "tiny", "--weights", "random", "-o", "out.png"], "Untrained"),
        (["photo.jpg", "--model", "tiny", "--weights", "no/w.safetensors", "-o", "out.png"], "no/w.safetensors: "),
        (["photo.jpg", "--model", "tiny", "--method", "received", "--query", "0,0", "-o", "out.png"], "no query"),
        (["photo.jpg", "--model", "tiny", "--query", "1,x", "-o", "out.png"], "two whole numbers"),
        (["photo.jpg", "--model", "tiny", "--alpha", "3", "-o", "out.png"], "0 to 1"),
        (["photo.jpg", "--model", "tiny", "--option", "method=raw", "-o", "out.png"], "no option 'method'"),
        (["photo.jpg", "--model", "tiny", "--head", "9", "-o", "out.npz"], "An .npz holds every layer"),
        (["photo.jpg", "--model", "tiny", "--option", "residual=0.3", "-o", "out.npz"], "An .npz holds every layer"),
        (["photo.jpg", "--model", "tiny", "--method", "raw", "--sheet", "--bare", "-o", "out.png"], "leave --bare out"),
        (
            ["photo.jpg", "--model", "tiny", "--method", "raw", "--sheet", "--colormap", "x", "-o", "out.png"],
            "viridis",
        ),
    ],
)
def test_a_mistake_is_one_line_and_exit_2(work, arguments, says, capsys):
    assert main(["explain", *arguments]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1
    assert "Traceback" not in error
    assert not list(work.glob("out*"))


def test_the_printed_line_begins_with_the_file_as_it_was_named(work, capsys):
    (work / "maps").mkdir()
    assert main(["explain", "photo.jpg", "--model", "tiny", "-o", "maps/out.png"]) == 0
    assert capsys.readouterr().out.startswith("maps/out.png · ") and (work / "maps/out.png").is_file()


def test_models_lists_what_is_at_hand(work, capsys, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(work / "hub"))
    assert main(["models"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("tiny")
    assert "the default" in printed


def test_models_all_lists_timm_s_too(work, capsys):
    assert main(["models", "--all", "deit_tiny*"]) == 0
    assert "deit_tiny_distilled_patch16_224.fb_in1k" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["explain"], ["explain", "a.jpg", "--nonsense"], ["paint"]])
def test_a_mistake_in_the_words_is_one_line_too(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_method_s_own_options_change_the_map(work):
    pictures = []
    for words in ("residual=0.1", "residual=0.9", "first=1"):
        main(["explain", "photo.jpg", "--model", "tiny", "--option", words, "--bare", "-o", "out.png"])
        pictures.append(np.asarray(Image.open(work / "out.png")))
    assert not np.array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[1], pictures[2])
    assert main(["explain", "photo.jpg", "--model", "tiny", "--option", "colour=3", "-o", "out.png"]) == 2
    assert main(["explain", "photo.jpg", "--model", "tiny", "--option", "residual", "-o", "out.png"]) == 2


def test_a_pattern_that_matches_nothing_is_a_sentence(work, capsys):
    assert main(["models", "zzz*"]) == 2
    assert "zzz*" in capsys.readouterr().err


def test_every_head_of_every_layer_on_one_sheet(work):
    assert main(["explain", "photo.jpg", "--model", "tiny", "--method", "raw", "--sheet", "-o", "sheet.png"]) == 0
    with Image.open(work / "sheet.png") as picture:
        across, down = picture.size
    assert across > down  # three heads across, two layers down
    assert main(["explain", "photo.jpg", "--model", "tiny", "--sheet", "-o", "sheet.png"]) == 2


def test_each_cell_of_the_sheet_is_its_own_head_s_map(work, record, monkeypatch):
    given = []
    drawn = vit.render.sheet
    monkeypatch.setattr("vit.render.sheet", lambda *all, **more: given.append(all) or drawn(*all, **more))
    command = ["explain", "photo.jpg", "--model", "tiny", "--method", "raw", "--query", "0,3", "--sheet"]
    assert main([*command, "-o", "sheet.png"]) == 0
    ((maps, image),) = given
    np.testing.assert_array_equal(image, load_image(work / "photo.jpg"))
    assert [len(heads) for heads in maps] == [3, 3]
    for layer, heads in enumerate(maps):
        rows = record.layers[layer].weights[0, :, 1 + 3, 1:]  # (heads, patches): of the patch in row 0, column 3
        assert torch.equal(heads, rows.reshape(3, 4, 4))


def test_a_sheet_says_which_layers_ask_otherwise():
    """A pool at the end has one query of its own; the patches before it ask for themselves."""
    patches, pool = TokenLayout.whole(Grid(1, 2)), TokenLayout(Grid(1, 2), ("pool",), torch.tensor([[0]]))
    given = record_of(
        LayerAttention("block", torch.full((1, 1, 2, 2), 0.5), patches, patches),
        LayerAttention("pool", torch.full((1, 1, 1, 2), 0.5), pool, patches),
    )
    _, caption = every_head(given, np.zeros((8, 16, 3), np.uint8), {}, 0.6, "inferno")
    assert caption == "attention from the mean of all patches; in layer 2 from the pool's query"


def test_a_class_that_was_asked_for_is_named_in_the_legend(work, monkeypatch):
    captions = []
    drawn = vit.render.with_legend
    monkeypatch.setattr(
        vit.render, "with_legend", lambda p, heat, *rest: captions.append(heat.caption) or drawn(p, heat)
    )
    for target in ([], ["--target", "0"], ["--target", "1"]):
        command = ["explain", "photo.jpg", "--model", "tiny", "--method", "relevance", *target, "-o", "out.png"]
        assert main(command) == 0
    likeliest, church, tench = captions
    assert church.startswith("relevance for church, ")
    assert tench.startswith("relevance for tench, ")
    assert likeliest in (church, tench)


@pytest.mark.parametrize("name", ["out.png", "out.svg"])
def test_two_classes_side_by_side_with_their_difference(work, name):
    options = ["--method", "relevance", "--target", "0", "--against", "1"]
    assert main(["explain", "photo.jpg", "--model", "tiny", *options, "-o", name]) == 0
    if name == "out.png":
        with Image.open(work / name) as picture:
            assert picture.width >= 3 * 176
        assert main(["explain", "photo.jpg", "--model", "tiny", *options, "--bare", "-o", name]) == 0
        with Image.open(work / name) as picture:
            assert picture.size == (90, 60)
    else:
        assert "church minus tench" in (work / name).read_text()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--method", "relevance", "--target", "2", "-o", "out.png"], "Class 2 is not in 0 to 1"),
        (["--method", "relevance", "--target", "0", "--against", "9", "-o", "out.png"], "Class 9 is not in 0 to 1"),
        (["--method", "relevance", "--target", "0", "--against", "0", "-o", "out.png"], "0 and 0 are not two"),
        (["--method", "rollout", "--against", "1", "-o", "out.png"], "rollout is the same for every class"),
        (["--method", "relevance", "--target", "tenhc", "-o", "out.png"], "the nearest: tench (class 1)"),
        (["--method", "relevance", "--target", "0", "--against", "dog", "-o", "out.png"], "no class 'dog'"),
        (["--method", "relevance", "--against", "1", "-o", "out.gif"], "two maps and their difference"),
    ],
)
def test_a_class_that_can_not_be_is_one_line_and_exit_2(work, arguments, says, capsys):
    assert main(["explain", "photo.jpg", "--model", "tiny", *arguments]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1
