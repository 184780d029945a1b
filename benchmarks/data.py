"""The points: the public reconstruction of the Chinchilla figure where it lies beside the project, else made-up ones."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]


def points() -> tuple[np.ndarray, np.ndarray, np.ndarray, str]:
    """Parameters, tokens, losses, and what they are."""
    given = os.environ.get("TENFOLD_SHARED", "")
    path = (Path(given) if given else ROOT.parent / "shared") / "data" / "chinchilla_svg.csv"
    if path.is_file():
        with path.open(newline="") as file:
            rows = [(float(r["params"]), float(r["tokens"]), float(r["loss"])) for r in csv.DictReader(file)]
        n, d, loss = np.array(rows).T
        return n, d, loss, f"the {len(loss)} points of the Chinchilla figure"
    n, d, loss = large(240)
    return n, d, loss, "240 made-up points"


def large(rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Made-up points with 1 % noise."""
    rng = np.random.default_rng(0)
    n, d = np.exp(rng.uniform(16, 24, rows)), np.exp(rng.uniform(20, 27, rows))
    return n, d, (1.8 + 480 * n**-0.35 + 2100 * d**-0.37) * np.exp(0.01 * rng.standard_normal(rows))
