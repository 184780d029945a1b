"""How many cores the engine may use."""

from __future__ import annotations

import os


def cores() -> int:
    """Worker threads for independent lanes: TENFOLD_THREADS, else the cores this process may use."""
    given = os.environ.get("TENFOLD_THREADS", "")
    if given.isdigit() and int(given) > 0:
        return int(given)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
