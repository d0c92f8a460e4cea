"""The browser's arithmetic against Python's: the same record through both, within 1% of each map's largest value."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from tests.families import photo, tiny_model
from tests.methods.by_hand import class_attention
from vit.attention import AttentionRecord, Grid, LayerAttention, TokenLayout
from vit.capture import record_attention
from vit.methods import explain
from vit.render.colormaps import colormap_table
from vit.ui.pack import pack_maps
from vit.ui.parts import script

pytestmark = pytest.mark.browser

FAMILIES = ("our vit", "our deit", "our swin", "dinov2 with registers", "siglip")
ADDRESS = "http://maps.test/"


@pytest.fixture(scope="module")
def bench(chromium):
    """A blank page that holds the explorer's reading and reckoning, without its stage."""
    page = chromium.new_page()
    page.route(ADDRESS, lambda route: route.fulfill(body="<!doctype html>", content_type="text/html"))
    page.goto(ADDRESS)
    page.add_script_tag(content=script(alone=True).split("// The layer × head sheet")[0])
    yield page
    page.close()


def loaded(page, record: AttentionRecord) -> AttentionRecord:
    """Brings a record into the page, as ``layers``, by ranged requests."""
    layers, maps, tokens_length = pack_maps(record)

    def answer(route):
        first, last = route.request.headers["range"].removeprefix("bytes=").split("-")
        route.fulfill(status=206, body=maps[int(first) : int(last) + 1])

    page.unroute(ADDRESS + "maps")
    page.route(ADDRESS + "maps", answer)
    value = {"layers": layers, "tokens_length": tokens_length, "maps": {"url": ADDRESS + "maps"}}
    page.evaluate(
        """(value) => new Promise((done, fail) => {
            const maps = new Maps(value, () => maps.loaded === maps.count && done(), fail);
            window.layers = maps.layers;
            maps.start(maps.count - 1);
        })""",
        value,
    )
    return record


def patches(page, call: str, *arguments) -> np.ndarray:
    """What one of the page's functions says of the patches, (rows, cols)."""
    values, rows, cols = page.evaluate(
        f"(given) => {{ const {{ shares, layout }} = {call};"
        " return [[...layout.onPatches(shares)], layout.rows, layout.cols]; }",
        list(arguments),
    )
    return np.array(values).reshape(rows, cols)


def assert_same(found: np.ndarray, values: torch.Tensor) -> None:
    expected = values.numpy()
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 0.01 * np.abs(expected).max()


@pytest.fixture(params=FAMILIES)
def record(request, bench) -> AttentionRecord:
    return loaded(bench, record_attention(tiny_model(request.param), photo()))


def queries(layout: TokenLayout):
    """The readout, a prefix token where there is one, and a patch: for the page and for Python."""
    yield None, None
    if layout.prefix:
        yield {"token": layout.prefix[-1]}, layout.prefix[-1]
    if layout.prefix != ("pool",):
        row, col = layout.grid.rows - 1, layout.grid.cols // 2
        yield {"y": (row + 0.5) / layout.grid.rows, "x": (col + 0.5) / layout.grid.cols}, (row, col)


def test_raw_attention(bench, record):
    for number, layer in enumerate(record.layers):
        for head in (0, layer.heads - 1, "mean", "max", "min"):
            for direction, layout in (("to", layer.queries), ("by", layer.keys)):
                for place, query in queries(layout):
                    found = patches(
                        bench, "rawMap(layers[given[0]], given[1], given[2], given[3])", number, head, place, direction
                    )
                    assert_same(
                        found, explain(record, "raw", layer=number, head=head, query=query, direction=direction).values
                    )


def test_attention_received(bench, record):
    for number, layer in enumerate(record.layers):
        for head in (layer.heads - 1, "mean", "max", "min"):
            found = patches(bench, "receivedMap(layers[given[0]], given[1])", number, head)
            assert_same(found, explain(record, "received", layer=number, head=head).values)


@pytest.mark.parametrize(
    "options", [{}, {"residual": 0.0}, {"residual": 0.8, "head_fusion": "max"}, {"head_fusion": "min"}]
)
def test_rollout(bench, record, options):
    last = len(record.layers) - 1
    for first, end in ((0, last), (last, last), (0, 1)):
        for place, query in queries(record.layers[end].queries):
            heat = explain(record, "rollout", first=first, last=end, query=query, **options)
            assert_same(_rollout(bench, place, first, end, **options), heat.values)


def test_rollout_where_cls_alone_looks_around(bench):
    record = loaded(bench, class_attention([0.2, 0.5, 0.3], [0.1, 0.1, 0.8]))
    assert_same(_rollout(bench, None, 0, 1), explain(record, "rollout").values)


def test_weights_of_both_signs(bench):
    """Heads mixed after the softmax: the page keeps the sign, Python gives one part at a time."""
    layout = TokenLayout.whole(Grid(3, 4), ("cls",))
    weights = torch.randn(1, 3, 13, 13, generator=torch.Generator().manual_seed(5))
    layer = LayerAttention("mixed", weights, layout, layout)
    record = loaded(bench, AttentionRecord("mixed", "random", (layer,), torch.zeros(2), (), (30, 40)))
    for head in (1, "mean", "max", "min"):
        for call, method, options in (
            ("rawMap(layers[0], given[0], {token: 'cls'}, 'to')", "raw", {"query": "cls"}),
            ("rawMap(layers[0], given[0], {token: 'cls'}, 'by')", "raw", {"query": "cls", "direction": "by"}),
            ("receivedMap(layers[0], given[0])", "received", {}),
        ):
            found = patches(bench, call, head)
            above = explain(record, method, head=head, **options)
            if found.min() < 0:
                below = explain(record, method, head=head, part="negative", **options)
                assert "positive part" in above.caption and "negative part" in below.caption
                assert_same(found, above.values - below.values)
            else:
                assert_same(found, above.values)


def test_keys_that_are_runs_of_patches(bench):
    """A key token stands for four patches in raster order, as in NextViT, and is drawn on each of them."""
    grid = Grid(4, 6)
    queries = TokenLayout.whole(grid)
    keys = TokenLayout(grid, (), torch.arange(6).unsqueeze(0), cells=torch.arange(24) // 4)
    scores = torch.randn(1, 2, 24, 6, generator=torch.Generator().manual_seed(2))
    layers = tuple(LayerAttention(f"stage {n}", (scores * (n + 1)).softmax(-1), queries, keys) for n in (0, 1))
    record = loaded(bench, AttentionRecord("runs", "random", layers, torch.zeros(2), (), (40, 60)))
    place = {"y": 0.3, "x": 0.9}  # row 1, column 5
    for direction in ("to", "by"):
        for asked, query in ((place, (1, 5)), (None, None)):
            found = patches(bench, "rawMap(layers[1], given[0], given[1], given[2])", "mean", asked, direction)
            assert_same(found, explain(record, "raw", query=query, direction=direction).values)
    assert_same(patches(bench, "receivedMap(layers[1], 0)"), explain(record, "received", head=0).values)
    assert_same(_rollout(bench, place, 0, 1), explain(record, "rollout", query=(1, 5)).values)


def test_rollout_that_discards(bench):
    """Codes make ties of almost equal weights, so the weights of this record are far apart."""
    layout = TokenLayout.whole(Grid(2, 2), ("cls",))
    order = torch.randperm(25, generator=torch.Generator().manual_seed(3)).reshape(1, 1, 5, 5)
    layers = []
    for shift in (0, 7):
        weights = (1.0 + (order + shift) % 25).square()
        layers.append(LayerAttention(f"layer {shift}", weights / weights.sum(-1, keepdim=True), layout, layout))
    record = loaded(bench, AttentionRecord("ladder", "random", tuple(layers), torch.zeros(2), (), (32, 32)))
    for discard in (0.2, 0.5, 0.9):
        found = _rollout(bench, None, 0, 1, discard=discard)
        assert_same(found, explain(record, "rollout", discard=discard).values)


def test_a_slider_that_is_dragged_leaves_only_the_last_fused_matrices(bench):
    record = loaded(bench, record_attention(tiny_model("our vit"), photo()))
    for discard in np.linspace(0, 0.9, 10):
        _rollout(bench, None, 0, 1, discard=float(discard))
    kept = bench.evaluate("layers.map((layer) => [...layer.fused.keys()])")
    assert len(kept) == len(record.layers)
    for keys in kept:
        assert [float(key.split()[1]) for key in keys] == pytest.approx([0.6, 0.7, 0.8, 0.9])


def _rollout(page, place, first, last, head_fusion="mean", residual=0.5, discard=0.0) -> np.ndarray:
    options = {"first": first, "last": last, "fusion": head_fusion, "residual": residual, "discard": discard}
    return patches(page, "rolloutMap(layers, given[0], given[1])", options, place)


def test_a_server_that_knows_no_ranges_is_asked_once(bench):
    record = record_attention(tiny_model("our vit"), photo())
    layers, maps, tokens_length = pack_maps(record)
    asked = []
    bench.unroute(ADDRESS + "maps")
    bench.route(ADDRESS + "maps", lambda route: (asked.append(1), route.fulfill(status=200, body=maps)))
    rows = bench.evaluate(
        """(value) => new Promise((done, fail) => {
            const maps = new Maps(value, () => maps.loaded === maps.count && done([...maps.layers[1].row(1, 3)]), fail);
            maps.start(0);
        })""",
        {"layers": layers, "tokens_length": tokens_length, "maps": {"url": ADDRESS + "maps"}},
    )
    expected = record.layers[1].rows(3)[1].numpy()
    assert np.abs(np.array(rows) - expected).max() <= 0.01 * expected.max()
    assert len(asked) <= 2  # two layers are asked for before the first answer


def test_an_animation_comes_back_as_it_was_drawn(bench):
    """Slopes, noise and flat ground in three frames, large enough for the compression's list to start anew."""
    rng = np.random.default_rng(1)
    slope = np.stack(np.broadcast_arrays(*np.meshgrid(np.arange(0, 250, 2), np.arange(0, 250, 2)), 90), axis=-1)
    noise = rng.integers(0, 256, (8, 8, 3)).repeat(16, 0).repeat(16, 1)[:125, :125]
    frames = [slope, np.where(slope[..., :1] < 120, slope, noise), np.full((125, 125, 3), 77)]
    call = """([width, height, frames]) => {
        const images = frames.map((rgb) => {
            const data = new Uint8ClampedArray(4 * width * height).fill(255);
            rgb.forEach((value, at) => (data[4 * Math.floor(at / 3) + (at % 3)] = value));
            return new ImageData(data, width, height);
        });
        return [...gifBytes(images, 0.25)];
    }"""
    content = bytes(bench.evaluate(call, [125, 125, [frame.flatten().tolist() for frame in frames]]))
    with Image.open(io.BytesIO(content)) as gif:
        assert gif.info["duration"] == 250 and gif.n_frames == 3  # type: ignore[attr-defined]
        for number, frame in enumerate(frames):
            gif.seek(number)
            found = np.asarray(gif.convert("RGB")).astype(int)
            assert np.abs(found - frame).mean() < 8
            means = [picture[:120, :120].reshape(15, 8, 15, 8, 3).mean((1, 3)) for picture in (found, frame)]
            assert np.abs(means[0] - means[1]).mean() < 4  # thresholds even out over 8 × 8 pixels


@pytest.mark.parametrize("name", ["viridis", "inferno", "magma", "cividis", "turbo", "diverging"])
def test_colours_are_the_servers(bench, name):
    found = np.array(bench.evaluate("(name) => [...colourTable(name)]", name)).reshape(256, 3)
    assert np.abs(found - colormap_table(name).astype(int)).max() <= 2


def test_heat_is_painted_as_the_server_paints_it(bench):
    import cv2

    values = np.random.default_rng(0).random((3, 5), dtype=np.float32)
    call = """([values, width, height, peak]) => {
        const pixels = heatPixels(new Float32Array(values), 3, 5, width, height, peak, pixelTable("inferno", 0.5));
        return [...pixels.data];
    }"""
    found = np.array(bench.evaluate(call, [values.flatten().tolist(), 40, 36, 0.9])).reshape(36, 40, 4)
    smooth = cv2.resize(values, (40, 36), interpolation=cv2.INTER_LINEAR)
    codes = np.rint(255 * np.clip(smooth / 0.9, 0, 1)).astype(int)
    opacity = 255 * 0.5 * np.minimum(1, 2 * codes / 255)
    assert np.abs(found[..., 3] - opacity).max() <= 2
    assert (
        np.abs(found[..., :3] - colormap_table("inferno")[codes]).max() <= 6
    )  # neighbouring codes, at the steepest part


def test_both_signs_are_painted_as_the_server_paints_them(bench):
    import cv2

    values = np.random.default_rng(1).random((3, 5), dtype=np.float32) * 2 - 1
    call = """([values, width, height, peak]) => {
        const table = pixelTable("diverging", 0.5);
        return [...heatPixels(new Float32Array(values), 3, 5, width, height, peak, table, true).data];
    }"""
    found = np.array(bench.evaluate(call, [values.flatten().tolist(), 40, 36, 1.0])).reshape(36, 40, 4)
    codes = np.rint(127.5 + 127.5 * cv2.resize(values, (40, 36), interpolation=cv2.INTER_LINEAR)).astype(int)
    size = np.where((codes == 127) | (codes == 128), 0, np.abs(2 * codes - 255))
    assert np.abs(found[..., 3] - 255 * 0.5 * np.minimum(1, 2 * size / 255)).max() <= 3
    assert np.abs(found[..., :3] - colormap_table("diverging")[codes])[size > 40].max() <= 6
