"""How many processor cores this process may use: what a container allows, not what the machine has."""

import os
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup")


def cores() -> int:
    """The cores that the scheduler gives this process, and no more than its control group's share, at least 1.

    A container on a machine of 64 cores is often allowed two; ``os.cpu_count`` says 64, and as many threads would
    wait for each other.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    share = _share()
    return max(1, allowed if share is None else min(allowed, int(share)))


def _share() -> float | None:
    """Cores by the control group's quota, version 2 or 1; None where there is none.

    https://docs.kernel.org/admin-guide/cgroup-v2.html, ``cpu.max``: microseconds of time in each period.
    """
    try:
        quota, period = (_GROUPS / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = (_GROUPS / "cpu" / "cpu.cfs_quota_us").read_text()
            period = (_GROUPS / "cpu" / "cpu.cfs_period_us").read_text()
        except OSError:
            return None
    try:
        return int(quota) / int(period) if int(quota) > 0 and int(period) > 0 else None
    except ValueError:  # "max"
        return None
