"""A ladder killed at random moments loses at most the runs in flight; ``python -m benchmarks.kills`` does it 50 times."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

KILLS = Path(__file__).resolve().parents[2] / "benchmarks" / "kills.py"


@pytest.mark.slow
def test_a_killed_ladder_loses_at_most_the_runs_in_flight():
    found = runpy.run_path(str(KILLS))["run"](3, seed=1, workers=1)
    assert found["trials"] == 3
    assert (found["lost"], found["repeated"], found["different"], found["partial"]) == (0, 0, 0, 0)
