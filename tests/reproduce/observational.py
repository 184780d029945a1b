"""Observational scaling: how few dimensions span eight benchmarks of 124 models."""

from __future__ import annotations

import numpy as np

from reproduce.record import Target, reproduction
from shared_data import shared_table
from tenfold import read_runs

BENCHMARKS = ("mmlu", "arc_c", "hellaswag", "winograd", "truthfulqa", "xwinograd", "humaneval", "gsm8k")


@reproduction(
    law="read_runs",
    source="card of obs_scaling_base.csv: explained variance of its first three components (Ruan et al., 2024)",
    reason="a singular value decomposition of the same rows, in percent with one decimal",
    targets={
        "models": Target(124, abs=0.1),
        "centred_1": Target(84.3, abs=0.06),
        "centred_2": Target(10.0, abs=0.06),
        "centred_3": Target(3.1, abs=0.06),
        "standardised_1": Target(78.1, abs=0.06),
        "standardised_2": Target(13.9, abs=0.06),
        "standardised_3": Target(3.9, abs=0.06),
    },
)
def observational_components():
    runs = read_runs(shared_table("obs_scaling_base.csv"))
    scores = np.stack([runs.column(name) for name in BENCHMARKS], axis=1)
    scores = scores[np.isfinite(scores).all(axis=1)]
    centred = scores - scores.mean(axis=0)
    out = {"models": len(scores)}
    for name, table in (("centred", centred), ("standardised", centred / scores.std(axis=0))):
        power = np.linalg.svd(table, compute_uv=False) ** 2
        out |= {f"{name}_{k}": float(100 * power[k - 1] / power.sum()) for k in (1, 2, 3)}
    return out
