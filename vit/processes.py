"""The processes that share a command's work: one, or as many as ``torchrun`` or ``accelerate launch`` started."""

import os

import torch
from accelerate import PartialState

from vit.errors import VitError

# How many there are, in the words of torchrun and of Open MPI, Intel's MPI and MVAPICH.
_MPI = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE")
_COUNTS = ("WORLD_SIZE", *_MPI)


def processes() -> PartialState:
    """Hugging Face Accelerate's view of them, to be asked for before anything else of Accelerate's.

    Without a GPU that Accelerate can share work on, it takes several processes for as many that know nothing of each
    other, unless it is told that they are on processors. VitError where they would still each do all of the work, and
    where its launcher started one process in place of several.
    """
    alone = "LOCAL_RANK" not in os.environ and not any(name in os.environ for name in _MPI)
    if alone and {"ACCELERATE_MIXED_PRECISION", "MASTER_ADDR"} <= os.environ.keys():  # set for several processes
        raise VitError(
            "accelerate launch started one process in place of several: it needs --multi_gpu beside --num_processes, "
            "on processors too (or take torchrun --nproc-per-node 2 -m -- vit …). If you asked for one, unset "
            "MASTER_ADDR."
        )
    state = PartialState(cpu=not alone and not torch.cuda.is_available())
    started = max(int(os.environ.get(name, "1")) for name in _COUNTS)
    if started > 1 and state.num_processes == 1:
        raise VitError(
            f"{started} processes were started, and each would do all of the work: start them with torchrun or "
            "accelerate launch."
        )
    return state
