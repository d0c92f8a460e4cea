"""What a command says on stderr while it works."""

import io
import subprocess
import sys
from pathlib import Path

import pytest

from vit.commands import work as module
from vit.commands.work import working

ROOT = Path(__file__).parents[2]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def told(monkeypatch, capsys):
    """All that was said to a file, where a line may follow at once."""
    monkeypatch.setattr(module, "EVERY", 0.0)
    said = []

    def so_far() -> str:
        said.append(capsys.readouterr().err)
        return "".join(said)

    return so_far


def test_in_a_file_every_state_is_a_line(told):
    with working("loading tiny") as work:
        assert told() == "loading tiny … "
        for done in (16, 32, 48):
            work.pictures(done, 48)
    lines = told().splitlines()
    assert lines[0] == "loading tiny … "
    assert lines[1] == "16 of 48 pictures, ? left"
    assert lines[-1].startswith("48 of 48 pictures, 00:00")
    assert "\r" not in told()


def test_in_a_file_lines_come_seconds_apart(told, monkeypatch):
    monkeypatch.setattr(module, "EVERY", 5.0)
    with working("loading tiny") as work:
        for done in range(100):
            work.pictures(done, 100)
    assert told() == "loading tiny … \n"


def test_a_download_and_another_model_are_counted_anew(told):
    with working("loading one, two") as work:
        work.megabytes(0, 0)
        work.megabytes(12_000_000, 88_000_000)
        for name in ("one", "two"):
            work.subject = f"{name}: "
            work.pictures(0, 2)
            work.pictures(2, 2)
    lines = told().splitlines()
    assert any(line.startswith("12 of 88 MB") for line in lines)
    both = [line.partition(",")[0] for line in lines if "2 of 2" in line]
    assert both == ["one: 2 of 2 pictures", "two: 2 of 2 pictures"]


def test_without_a_count_the_line_says_that_it_is_done(told):
    with working("loading tiny"):
        pass
    assert told() == "loading tiny … done\n"


def test_an_error_stands_in_the_line_that_was_left_open(told):
    with pytest.raises(ValueError), working("loading tiny"):
        raise ValueError
    assert "\n" not in told()


def test_on_a_terminal_nothing_is_left(monkeypatch):
    out = Terminal()
    monkeypatch.setattr(sys, "stderr", out)
    with working("loading tiny") as work:
        work.pictures(1, 2)
        work.pictures(2, 2)
    assert "1 of 2 pictures" in out.getvalue()
    assert "\n" not in out.getvalue()
    assert out.getvalue().endswith("\r")


@pytest.mark.parametrize("name", ["RANK", "PMI_RANK", "OMPI_COMM_WORLD_RANK", "MV2_COMM_WORLD_RANK"])
def test_of_several_processes_one_speaks(told, monkeypatch, name):
    """Whoever started them: torchrun, or one of three kinds of mpirun."""
    monkeypatch.delenv("RANK", raising=False)
    monkeypatch.setenv(name, "1")
    with working("loading tiny") as work:
        work.pictures(1, 2)
    assert told() == ""
    assert not module.is_first()
    monkeypatch.setenv(name, "0")
    assert module.is_first()


@pytest.mark.parametrize(
    "words",
    [
        "explain assets/examples/cat.jpg -o out.png",
        "check assets/examples/cat.jpg",
        "measure assets/examples/cat.jpg --measure lens -o out.png",
        "whatif assets/examples/cat.jpg --silence 0",
        "stats assets/examples --faithfulness",
        "evaluate vit_imagenette --data cifar10",
    ],
    ids=lambda words: words.split()[0],
)
def test_a_command_that_loads_a_model_says_so_before_it_imports_torch(words):
    code = f"""
import sys
from vit.__main__ import main

class Watching:
    def isatty(self):
        return False

    def flush(self):
        pass

    def write(self, text):
        sys.exit(text.startswith("loading ") and "torch" not in sys.modules and 7)

sys.stderr = Watching()
main({words.split()!r})
"""
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True).returncode == 7
