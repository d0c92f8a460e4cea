"""The processes that share a command's work: one, or as many as ``torchrun`` or ``accelerate launch`` started."""

import os

import torch
from accelerate import PartialState

from vit.errors import VitError

# How many there are, in the words of Open MPI, Intel's MPI and MVAPICH.
_MPI = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE")


def processes() -> PartialState:
    """Hugging Face Accelerate's view of them, to be asked for before anything else of Accelerate's.

    Accelerate takes several processes without a GPU for as many that know nothing of each other, unless it is told
    that they are on processors. Its launcher starts one process there whatever it is asked for: VitError, rather than
    a run that takes twice as long as it should.
    """
    alone = "LOCAL_RANK" not in os.environ and not any(name in os.environ for name in _MPI)
    if alone and {"ACCELERATE_MIXED_PRECISION", "MASTER_ADDR"} <= os.environ.keys():  # set for several processes
        raise VitError(
            "accelerate launch started one process, for it starts several on GPUs only. On processors it is: "
            "torchrun --nproc-per-node 2 -m -- vit … in place of: accelerate launch --num_processes 2 -m vit …"
        )
    return PartialState(cpu=not alone and not torch.accelerator.is_available())
