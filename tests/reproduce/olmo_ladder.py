"""The OLMo ladder: sixteen small runs predict the loss of two large ones, too low."""

from __future__ import annotations

import functools

import numpy as np

from reproduce.record import Target, reproduction
from shared_data import shared_table
from tenfold import fit, read_runs
from tenfold.core import Runs

SOURCE = (
    "card of olmo_ladder.csv.gz: C4 loss on 16 ladder runs (Bhagia et al., 2024), each the mean of its last 5 evaluations"
)
TARGETS = {"7B": (6_887_575_552, 3_945_065_873_408), "13B": (13_202_396_160, 5_000_088_518_656)}
SIZES, LENGTHS = ("190M", "370M", "760M", "1B"), ("1xC", "2xC", "5xC", "10xC")


@functools.cache
def _ladder():
    groups = read_runs(shared_table("olmo_ladder.csv.gz")).groups("run")
    rows = []
    for name in (f"{size}-{length}" for size in SIZES for length in LENGTHS):
        run = groups[name]
        order = np.argsort(run.column("step"))
        rows.append(
            {
                "params": run.column("params")[order[-1]],
                "tokens": run.column("tokens")[order[-1]],
                "loss": run.column("loss_c4_en")[order[-5:]].mean(),
            }
        )
    return Runs({key: np.array([row[key] for row in rows]) for key in rows[0]}, source="16 runs of the OLMo ladder")


def _predicted(objective):
    fitted = fit("chinchilla", _ladder(), objective=objective, certificate=False)
    out = {name: float(fitted.predict(params=n, tokens=d)) for name, (n, d) in TARGETS.items()}
    return out | {"rms": fitted.rms}


@reproduction(
    law="chinchilla",
    source=SOURCE,
    reason="least squares of the log loss on the same rows; printed digits. Measured are 2.483 and 2.438, so both are too low",
    targets={
        "7B": Target(2.445, abs=6e-4),
        "13B": Target(2.373, abs=6e-4),
        "rms": Target(0.0032, abs=5e-5),
    },
)
def olmo_ladder_c4_least_squares():
    return _predicted("squared")


@reproduction(
    law="chinchilla",
    source=f"{SOURCE}; the authors fit their laws with Huber 1e-3 instead",
    reason=(
        "pinned at ours: with the objective of the paper the floor drops from 1.50 to .94 and the predictions by another .5 "
        "and 1.2 %, on residuals of .3 %. Sixteen runs do not determine a floor"
    ),
    targets={
        "7B": Target(2.445, ours=2.43375, abs=3e-4),
        "13B": Target(2.373, ours=2.34443, abs=3e-4),
        "rms": Target(0.0032, ours=0.003394, rel=5e-3),
    },
)
def olmo_ladder_c4_huber():
    return _predicted("huber:1e-3")
