"""``python -m benchmarks.coverage [TABLES]``: how often nominal 90 % intervals hold the truth, on simulated ladders.

Six budgets by six sizes from a known law of the Chinchilla kind with 0.4 % noise; every table is fitted and drawn anew.
"""

from __future__ import annotations

import sys

import numpy as np

from tenfold import Bootstrap, Laplace, Residual, Runs, Wild, draw, fit
from tenfold.laws import get

TRUTH = {"E": 1.8, "A": 400.0, "B": 1000.0, "alpha": 0.34, "beta": 0.36}
METHODS = (Bootstrap(n=300), Bootstrap(n=300, weights="dirichlet"), Residual(n=300), Wild(n=300), Laplace(n=400))


def ladder(seed: int) -> Runs:
    """One simulated ladder."""
    flops = np.repeat(10.0 ** np.arange(18, 21, 0.5), 6)
    n = np.tile(np.geomspace(0.25, 4.0, 6), 6) * 0.1 * (flops / 6) ** 0.5
    d = flops / (6 * n)
    noise = np.exp(0.004 * np.random.default_rng(seed).standard_normal(len(n)))
    return Runs({"params": n, "tokens": d, "flops": flops, "loss": get("chinchilla")(coef=TRUTH, N=n, D=d) * noise})


def main() -> None:
    """Print the share of tables whose interval holds the truth, by method and coefficient."""
    tables = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    print(f"share of {tables} simulated ladders (36 runs) whose nominal 90 % interval holds the truth")
    for method in METHODS:
        hits = dict.fromkeys(TRUTH, 0)
        for seed in range(tables):
            runs = ladder(seed)
            made = draw(fit("chinchilla", runs, objective="squared", certificate=False), runs, method=method, seed=seed)
            for name, value in TRUTH.items():
                low, high = made.interval(name, 0.9)
                hits[name] += low <= value <= high
        shares = "  ".join(f"{name} {count / tables:.3f}" for name, count in hits.items())
        print(f"{method!r:46} {shares}", flush=True)


if __name__ == "__main__":
    main()
