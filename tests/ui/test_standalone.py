"""The explorer as one file: what is in it, and that nothing that is put in becomes a part of the page."""

import base64
import html
import json
import re
import subprocess
import sys

import numpy as np
import pytest

from tests.families import photo, tiny_model
from vit import explore
from vit.capture import record_attention
from vit.errors import BudgetError, MethodError
from vit.ui.pack import pack_maps
from vit.ui.shell import shell
from vit.ui.standalone import self_contained

HOSTILE = '</script><img src=x onerror="window.hacked=1"><!-- @maps@ ${1+1}'


@pytest.fixture(scope="module")
def record():
    record = record_attention(tiny_model("our vit"), photo())
    labels = (HOSTILE,) * record.logits.numel()
    return type(record)(record.model, record.provenance, record.layers, record.logits, labels, record.image_size)


def held(page: str, name: str) -> str:
    (found,) = re.findall(rf'<script [^>]*id="explorer-{name}">(.*?)</script>', page, re.DOTALL)
    return found


def test_the_maps_inside_are_the_records(record):
    page = self_contained(photo(), record)
    layers, maps, tokens_length = pack_maps(record)
    value = json.loads(held(page, "value"))
    assert base64.b64decode(held(page, "maps")) == maps
    assert (value["layers"], value["tokens_length"]) == (layers, tokens_length)
    assert value["photo"]["url"].startswith("data:image/jpeg;base64,")


def test_a_label_stays_data(record):
    page = self_contained(photo(), record)
    assert json.loads(held(page, "value"))["top"][0][1] == HOSTILE
    assert "<img src=x" not in page and page.count("<script") == shell().count("<script")


def test_the_page_asks_nobody_for_anything():
    assert "default-src 'none'" in shell()
    assert "http://" not in shell() and "https://" not in shell()
    scripts = shell().split("<script>")[1]
    assert scripts.count("</script") == 1 and "<!--" not in scripts
    assert [shell().count(mark) for mark in ("@value@", "@maps@")] == [1, 1]


def test_what_it_opens_to_is_said_in_the_words_of_the_address(record):
    def view(*method, **options):
        return json.loads(held(self_contained(photo(), record, *method, **options), "value"))["view"]

    assert view() == {}
    assert view("raw", layer=-1, head=1, query=(1, 2)) == {
        "method": "raw",
        "layer": str(len(record.layers) - 1),
        "head": "1",
        "query": "1,2",
    }
    assert view("rollout", head_fusion="max", first=1) == {"method": "rollout", "fusion": "max", "first": "1"}
    assert view(query="cls") == {"method": "raw", "query": "cls"}


def test_what_it_can_not_show_is_a_sentence(record, monkeypatch):
    with pytest.raises(MethodError, match="Layer 99"):
        self_contained(photo(), record, "raw", layer=99)
    with pytest.raises(MethodError, match="raw, received, rollout"):
        self_contained(photo(), record, "magic")
    monkeypatch.setattr("vit.ui.standalone.MOST_BYTES", 100)
    with pytest.raises(BudgetError, match="MB"):
        self_contained(photo(), record)


def test_a_notebook_gets_a_frame_that_holds_the_page(tmp_path):
    shown = explore(photo(), tiny_model("our vit"), "raw", layer=0, height=500)
    frame = shown._repr_html_()
    assert frame.startswith('<iframe sandbox="allow-scripts allow-downloads"') and "height:500px" in frame
    assert html.unescape(re.findall(r'srcdoc="([^"]*)"', frame)[0]) == shown.page
    assert shown.save(tmp_path / "page.html").read_text(encoding="utf-8") == shown.page


def test_an_image_may_be_anything_that_a_picture_is_read_from(tmp_path):
    from PIL import Image

    path = tmp_path / "photo.png"
    Image.fromarray(photo()).save(path)
    network = tiny_model("our vit")
    assert explore(path, network).page == explore(np.asarray(photo()), network).page


def test_it_needs_no_gradio_and_no_notebook():
    code = "import sys, vit; vit.explore; print([n for n in ('gradio', 'IPython', 'torch') if n in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
