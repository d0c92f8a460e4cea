import pytest

from vit import budget, cores
from vit.errors import BudgetError, VitError


def _group(monkeypatch, tmp_path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(cores, "_GROUPS", tmp_path)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(64)), raising=False)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu.max": "200000 100000\n"}, 2),
        ({"cpu.max": "50000 100000\n"}, 1),
        ({"cpu.max": "max 100000\n"}, 64),
        ({"cpu/cpu.cfs_quota_us": "400000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 4),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 64),
        ({}, 64),
    ],
)
def test_a_container_s_share_of_the_cores_counts(monkeypatch, tmp_path, files, expected):
    _group(monkeypatch, tmp_path, files)
    assert cores.cores() == expected


def test_one_picture_for_every_four_cores_unless_the_host_says_otherwise(monkeypatch):
    monkeypatch.delenv("VIT_AT_ONCE", raising=False)
    for have, expected in ((1, 1), (2, 1), (8, 2), (64, 16)):
        monkeypatch.setattr(budget, "cores", lambda have=have: have)
        assert budget.at_once() == expected
    monkeypatch.setenv("VIT_AT_ONCE", "3")
    assert budget.at_once() == 3
    monkeypatch.setenv("VIT_AT_ONCE", "many")
    with pytest.raises(VitError, match="VIT_AT_ONCE='many'"):
        budget.at_once()


def test_threads_are_shared_among_the_places(monkeypatch):
    import torch

    set_to: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", set_to.append)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 99)
    monkeypatch.setattr(budget, "cores", lambda: 8)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    budget.fit_threads(2)  # the host has chosen
    monkeypatch.delenv("OMP_NUM_THREADS")
    budget.fit_threads(2)
    budget.fit_threads(16)
    assert set_to == [4, 1]


def test_a_model_that_passes_a_limit_is_refused_before_anything_is_fetched(monkeypatch):
    monkeypatch.delenv("VIT_OFFLINE", raising=False)
    with pytest.raises(BudgetError, match=r"weights in vit_7b_patch16_dinov3 would take 26\.9 GB; the limit is 4\.0"):
        budget.check_affordable("vit_7b_patch16_dinov3")
    with pytest.raises(BudgetError, match=r"All maps .* 6\.0 GB; the limit is 2\.1 GB. Choose a smaller"):
        budget.check_affordable("samvit_huge_patch16")
    budget.check_affordable("vit_base_patch16_224")
    budget.check_affordable("no_such_model")  # for load_model to say
