"""``python -m vit models``: names, the table of families, and its page."""

import subprocess
import sys
from pathlib import Path

import pytest

from vit.__main__ import main
from vit.families import table


@pytest.fixture
def two_facts(tmp_path, monkeypatch):
    """A table of two variants, kept in a folder of its own."""
    monkeypatch.setattr(table, "DATA", tmp_path / "families.json")
    facts = [
        table.Facts("efficientvit_b0", 224, "efficientvit_mit", 0, 0, {}, instead="Not known yet."),
        table.Facts("vit_tiny_patch16_224", 224, "vision_transformer", 12, 0, {"global": 12}, readout="CLS"),
    ]
    table.write_facts(facts)
    return facts


def test_all_prints_the_table_of_families_without_torch_or_timm():
    code = (
        "import sys; from vit.__main__ import main; main(['models', '--all']);"
        "print(*(name for name in ('torch', 'timm') if name in sys.modules))"
    )
    root = Path(__file__).parents[2]
    run = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    lines = run.stdout.splitlines()
    assert lines[0].split() == list(table.HEADINGS)
    assert any(line.startswith("swin_transformer ") and "shifted windows" in line for line in lines)
    assert lines[-1] == ""


def test_all_with_a_pattern_lists_names(capsys):
    assert main(["models", "--all", "deit_tiny_p*"]) == 0
    assert capsys.readouterr().out.split()[0] == "deit_tiny_patch16_224.fb_in1k"


def test_the_page_is_written_from_what_is_kept(two_facts, tmp_path):
    assert main(["models", "--write", str(tmp_path / "page.md")]) == 0
    assert "| vision_transformer | all 12 | global | none | CLS | all | vit_tiny_patch16_224 |" in (
        tmp_path / "page.md"
    ).read_text(encoding="utf-8")


def test_a_variant_that_is_traced_anew_changes_its_own_line_only(two_facts, capsys):
    assert main(["models", "--trace", "efficientvit*"]) == 0
    assert "1 of 1  efficientvit_mit: efficientvit_b0" in capsys.readouterr().out
    found = table.read_facts()
    assert found[0].instead != "Not known yet." and found[0].instead.endswith(".")
    assert found[1] == two_facts[1]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(["--trace", "zzz*"], "zzz*"), (["--write", "nowhere/page.md"], "There is no folder nowhere")],
)
def test_a_mistake_is_one_line(arguments, says, capsys):
    assert main(["models", *arguments]) == 2
    assert says in capsys.readouterr().err
