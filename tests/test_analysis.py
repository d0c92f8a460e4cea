import subprocess
import sys
import threading

import pytest
import torch

from tests.families import photo, tiny_model
from vit.analysis import Analysis
from vit.errors import BusyError, MethodError, ModelError, VitError
from vit.methods import explain


@pytest.fixture
def runs(monkeypatch):
    """Tiny models under two names; tells which were run, in order."""
    import vit.capture
    import vit.models

    ran: list[str] = []
    record = vit.capture.record_attention

    def counted(model, image, **options):
        ran.append(model.name)
        return record(model, image, **options)

    families = {"one": "vit", "two": "our deit"}
    monkeypatch.setattr(vit.models, "load_model", lambda name, **_: tiny_model(families[name]))
    monkeypatch.setattr(vit.capture, "record_attention", counted)
    return ran


def test_a_picture_seen_before_runs_nothing(runs):
    analysis = Analysis()
    first = analysis.record(photo(), "one")
    assert analysis.record(photo(), "one") is first
    assert analysis.heatmap(photo(), "one", "rollout").values.shape == (4, 4)
    assert analysis.heatmap(photo(), "one", "raw", layer=0, head=1).values.shape == (4, 4)
    assert len(runs) == 1


def test_measures_are_given_what_they_need(runs):
    analysis = Analysis()
    assert "pixels" in analysis.measure(photo(), "one", "distance").summary
    followed = analysis.measure(photo(), "one", "lens", target=3)
    assert "class 3" in followed.summary
    assert analysis.measure(photo(), "one", "filters", count=5).summary.startswith("The 5 principal components")
    with pytest.raises(MethodError, match="its options: layer, k"):
        analysis.measure(photo(1), "one", "norms", head=2)
    assert len(runs) == 2  # with features and without; a wrong option runs nothing


def test_another_picture_or_model_is_another_record(runs):
    analysis = Analysis()
    records = [analysis.record(photo(seed), name) for seed in (0, 1) for name in ("one", "two")]
    assert len(runs) == 4
    assert not torch.equal(records[0].logits, records[2].logits)


def test_old_records_go_when_the_bytes_are_spent(runs):
    size = Analysis().record(photo(), "one").bytes
    analysis = Analysis(cache_bytes=2 * size)
    for seed in (0, 1, 0, 2):  # 1 is the least recently used when 2 comes
        analysis.record(photo(seed), "one")
    runs.clear()
    analysis.record(photo(0), "one")
    assert runs == []
    analysis.record(photo(1), "one")
    assert len(runs) == 1


def test_two_at_once_wait_for_one_run(runs):
    analysis = Analysis()
    records = []
    threads = [threading.Thread(target=lambda: records.append(analysis.record(photo(7), "one"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(runs) == 1
    assert all(record is records[0] for record in records)


def test_a_failed_run_is_tried_again(runs):
    analysis = Analysis()
    with pytest.raises(MethodError):
        analysis.record(photo(), "one", target=99)
    assert analysis.record(photo(), "one", target=3).target == 3


def test_only_what_is_offered(runs, monkeypatch):
    monkeypatch.setenv("VIT_MODELS", "one, two")
    monkeypatch.delenv("VIT_OFFLINE", raising=False)
    analysis = Analysis()
    assert analysis.default_model() == "one"
    assert [name for name, _ in analysis.models()] == ["one", "two"]
    with pytest.raises(ModelError, match="one, two"):
        analysis.record(photo(), "three")


def test_the_page_is_told_what_is_being_done(runs):
    said: list[str] = []
    Analysis().record(photo(), "one", say=said.append)
    assert said[0] == "loading one"
    assert said[-1].startswith("layer 2")


def test_no_lock_is_left_when_the_work_is_done(runs):
    analysis = Analysis()
    analysis.record(photo(), "one")
    assert len(analysis._once) == len(analysis.loaded._once) == 0


def test_models_go_when_their_bytes_are_spent(runs, monkeypatch):
    analysis = Analysis()
    first = analysis.model("one")
    assert analysis.model("one") is first
    monkeypatch.setattr("vit.budget.MODEL_BYTES", 1)
    analysis.model("two")
    assert analysis.loaded.names() == ["two"]


def test_of_the_offered_the_first_at_hand_is_the_default(monkeypatch):
    from vit.models import bundled_names

    bundled = bundled_names()[0]
    analysis = Analysis(offered=("vit_tiny_patch16_224", bundled))
    monkeypatch.setattr("vit.models.cached_timm_names", lambda: [])
    assert analysis.default_model() == bundled
    monkeypatch.setattr("vit.models.cached_timm_names", lambda: ["vit_tiny_patch16_224.augreg_in21k_ft_in1k"])
    assert analysis.default_model() == "vit_tiny_patch16_224"
    monkeypatch.setenv("VIT_OFFLINE", "1")
    assert [name for name, _ in analysis.models()] == [bundled]
    with pytest.raises(ModelError, match="names none"):
        Analysis(offered=("vit_tiny_patch16_224",)).default_model()


def test_a_setting_that_is_no_number_is_a_sentence(monkeypatch):
    monkeypatch.setenv("VIT_CACHE_MB", "plenty")
    with pytest.raises(VitError, match="VIT_CACHE_MB='plenty'"):
        Analysis()


def test_a_method_of_a_class_explains_the_likeliest_unless_asked(runs):
    analysis = Analysis()
    likeliest = analysis.record(photo(), "one").top(1)[0][0]
    heat = analysis.heatmap(photo(), "one", "relevance")
    assert torch.equal(heat.values, analysis.heatmap(photo(), "one", "relevance", target=likeliest).values)
    assert heat.caption.startswith(f"relevance for class {likeliest}, ")
    assert len(runs) == 2  # without gradients, to know the class; then with
    other = (likeliest + 1) % 10
    assert f"for class {other}, " in analysis.heatmap(photo(), "one", "relevance", target=other).caption


def test_two_classes_give_their_difference(runs):
    analysis = Analysis()
    one, other = (analysis.heatmap(photo(), "one", "relevance", target=c) for c in (3, 7))
    difference = analysis.heatmap(photo(), "one", "relevance", target=3, against=7)
    assert difference.signed
    assert torch.equal(difference.values, one.values - other.values)


@pytest.mark.parametrize("target", [10, -1, 2.5])
def test_a_class_out_of_range_is_a_sentence(runs, target):
    with pytest.raises(MethodError, match=f"Class {target} is not in 0 to 9"):
        Analysis().heatmap(photo(), "one", "relevance", target=target)


def test_a_check_makes_its_maps_of_kept_records_and_tells_how_far_it_is(runs):
    analysis, seen = Analysis(), []
    found = analysis.check(
        photo(), "one", ["raw", "rollout"], progress=lambda *numbers: seen.append(numbers), steps=3, orders=2
    )
    assert {each.method for each in found.results} == {"raw", "rollout"}
    assert seen[-1][0] == seen[-1][1] > 0
    assert len(runs) == 1
    again = analysis.check(photo(), "one", [analysis.heatmap(photo(), "one", "raw")], steps=3, orders=2)
    assert len(runs) == 1
    (raw,) = (each for each in found.results if each.method == "raw")
    assert again.results[0].deletion.area == pytest.approx(raw.deletion.area)


def test_a_check_that_is_stopped_leaves_room_for_the_next(runs):
    def stop(done, total):
        raise KeyboardInterrupt

    analysis = Analysis()
    for _ in range(3):  # more than may run at once
        with pytest.raises(KeyboardInterrupt):
            analysis.check(photo(), "one", ["raw"], progress=stop, steps=3, orders=2)
    assert analysis.check(photo(), "one", ["raw"], steps=3, orders=2).results


def test_pictures_wait_in_one_line_and_a_visitor_who_leaves_is_out_of_it(runs, monkeypatch):
    import vit.capture

    gate, inside, record = threading.Event(), [], vit.capture.record_attention

    def slow(model, image, **options):
        inside.append(model.name)
        gate.wait(10)
        return record(model, image, **options)

    monkeypatch.setattr(vit.capture, "record_attention", slow)
    analysis = Analysis(at_once=1)
    first = threading.Thread(target=analysis.record, args=(photo(0), "one"))
    first.start()
    while not inside:
        first.join(0.01)

    class Left(Exception):
        pass

    def say(line: str) -> None:
        if line.startswith("waiting"):
            raise Left

    with pytest.raises(Left):  # behind the first picture
        analysis.record(photo(1), "one", say)
    with pytest.raises(Left):  # for the same picture
        analysis.record(photo(0), "one", say)
    assert analysis.line.length == (1, 0) and len(inside) == 1
    gate.set()
    first.join(10)
    assert len(runs) == 1


def test_work_that_nobody_waits_for_ends_at_the_next_layer(runs):
    analysis, heard = Analysis(), []

    def say(line: str) -> None:
        heard.append(line)
        if line == "layer 1":
            raise InterruptedError

    with pytest.raises(InterruptedError):
        analysis.record(photo(), "one", say)
    assert heard[-1] == "layer 1" and analysis.line.length == (0, 0)
    assert analysis.heatmap(photo(), "one", "rollout").values.shape == (4, 4)


def test_a_server_that_ends_sends_away_new_work_and_stops_old(runs):
    analysis = Analysis()
    kept = analysis.record(photo(), "one")
    analysis.close()
    with pytest.raises(BusyError, match="try again"):
        analysis.record(photo(1), "one")
    assert analysis.record(photo(), "one") is kept
    other = Analysis()
    other.stop()
    with pytest.raises(BusyError, match="try again"):
        other.record(photo(), "one")


def test_a_record_larger_than_the_whole_cache_is_not_kept(runs):
    analysis = Analysis(cache_bytes=10)
    analysis.record(photo(), "one")
    analysis.record(photo(), "one")
    assert len(runs) == 2 and not analysis._records


def test_a_slow_hub_leaves_room_for_those_who_need_none(runs, monkeypatch):
    gate, analysis = threading.Event(), Analysis()
    analysis.model("one")
    analysis.loaded.loads.places = 1
    monkeypatch.setattr("vit.models.load_model", lambda name, **_: gate.wait(10) and tiny_model("vit"))
    slow = threading.Thread(target=analysis.model, args=("two",))
    slow.start()
    while analysis.loaded.loads.length != (1, 0):
        slow.join(0.01)
    with pytest.raises(BusyError, match="bundled"):
        analysis.model("three")
    assert analysis.record(photo(), "one").layers  # a model that is here waits for nobody
    gate.set()
    slow.join(10)


def test_a_bundled_model_needs_neither_timm_nor_what_compiles():
    """They take seconds to import, which the first visitor would wait for."""
    code = (
        "import sys; import numpy as np; from vit.analysis import Analysis\n"
        "for name in ('vit_imagenette', 'swin_imagenette'):\n"
        "    Analysis().record(np.zeros((64, 64, 3), np.uint8), name)\n"
        "print([name for name in ('timm', 'torchvision', 'sympy', 'triton', 'matplotlib') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_a_record_too_large_to_keep_drives_out_no_other(runs):
    analysis = Analysis()
    small = analysis.record(photo(1), "one")
    analysis.cache_bytes = small.bytes
    larger = analysis.record(photo(2), "two")
    assert larger.bytes > small.bytes
    assert analysis.record(photo(1), "one") is small
    assert not analysis.use(larger) and analysis.use(small)


def test_who_waits_for_a_model_waits_in_its_line_and_not_for_somebody_with_the_same_picture(runs, monkeypatch):
    gate, analysis = threading.Event(), Analysis()
    analysis.loaded.loads.places = 1
    monkeypatch.setattr("vit.models.load_model", lambda name, **_: gate.wait(10) and tiny_model("vit"))
    first = threading.Thread(target=analysis.record, args=(photo(), "two"))
    first.start()
    while analysis.loaded.loads.length != (1, 0):
        first.join(0.01)
    with pytest.raises(BusyError, match="bundled"):
        analysis.record(photo(), "two")
    gate.set()
    first.join(10)


def test_a_method_that_takes_seconds_waits_its_turn(runs, monkeypatch):
    analysis, held = Analysis(), {}

    def explained(record, method, **options):
        held[method] = analysis.line.length[0]
        return explain(record, method, **options)

    monkeypatch.setattr("vit.methods.explain", explained)
    for method in ("attention_flow", "raw"):
        analysis.heatmap(photo(), "one", method)
    assert held == {"attention_flow": 1, "raw": 0}


def test_a_record_that_is_at_hand_is_measured_and_not_made_again(runs):
    analysis = Analysis(cache_bytes=10)  # none is kept
    record = analysis.record(photo(), "one", keep=("features",))
    for name in ("norms", "lens", "entropy"):
        analysis.measure(photo(), "one", name, record=record)
    assert len(runs) == 1
