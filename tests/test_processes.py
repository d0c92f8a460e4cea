"""That several processes know of each other: two that don't would each do all the work, and agree."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from vit.errors import VitError
from vit.processes import processes

ROOT = Path(__file__).parents[1]
SCRIPT = """
from accelerate import Accelerator
from vit.processes import processes

state = processes()
assert Accelerator().num_processes == state.num_processes
print(f"({state.process_index} of {state.num_processes})", flush=True)
"""
TORCHRUN = ["torch.distributed.run", "--nproc-per-node", "2"]
LAUNCH = ["accelerate.commands.launch", "--num_processes", "2", "--num_machines", "1", "--mixed_precision", "no"]
LAUNCH += ["--dynamo_backend", "no", "--num_cpu_threads_per_process", "1"]


def started(launch: list[str], tmp_path: Path) -> subprocess.CompletedProcess:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    hidden = {"PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-m", *launch, str(script)]
    return subprocess.run(command, env={**os.environ, **hidden}, capture_output=True, text=True)


@pytest.mark.parametrize("launch", [TORCHRUN, [*LAUNCH, "--multi_gpu"]], ids=["torchrun", "accelerate"])
def test_two_processes_on_processors_are_two_of_one_run(launch, tmp_path):
    done = started(launch, tmp_path)
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.replace(")", ")\n").split()) == sorted(["(0", "of", "2)", "(1", "of", "2)"])


def test_one_process_in_place_of_two_is_a_sentence(tmp_path):
    done = started([*LAUNCH, "--cpu"], tmp_path)
    assert done.returncode != 0
    assert "accelerate launch started one process" in done.stderr


def test_an_accelerate_that_was_asked_for_one_process_starts_one(monkeypatch):
    for name in ("MASTER_ADDR", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "no")
    assert processes().num_processes == 1
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    with pytest.raises(VitError, match="needs --multi_gpu"):
        processes()
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "1")  # mpirun started it
    assert processes().num_processes == 1


def test_processes_that_know_nothing_of_each_other_are_a_sentence(monkeypatch):
    """Accelerate's state was made without a word of the others: each would do all of the work."""
    monkeypatch.setenv("LOCAL_RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr("vit.processes.PartialState", lambda cpu: SimpleNamespace(num_processes=1))
    with pytest.raises(VitError, match="2 processes were started, and each would do all"):
        processes()
