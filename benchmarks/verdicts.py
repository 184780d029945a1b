"""``python -m benchmarks.verdicts``: how verdicts fall on simulated ladders whose truth is known.

A cell is a kind of ladder, clean or spoiled in one way. Each of its tables is simulated, fitted by the law of Chinchilla,
drawn and rehearsed; a forecast at the compute optimum half a decade and a decade beyond the runs is held against the
truth. The summary says how often each level and each rule came up, and how forecasts of each level did. docs/verdicts.md
is made from it.
"""

from __future__ import annotations

import argparse
import json
import math
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tenfold import TenfoldError, draw, fit, forecast, rehearse
from tenfold.core.law import optimum_of
from tenfold.laws import get
from tenfold.simulate import simulate

OUT = Path(__file__).with_suffix(".json")
REACHES = (0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Cell:
    """A kind of ladder: what is wrong with it, and the settings of ``tenfold simulate ladder``."""

    what: str
    settings: dict[str, Any] = field(default_factory=dict)


CELLS = {
    "clean": Cell("six budgets of six sizes, .4 % of noise"),
    "clean, seeds": Cell("five budgets of five sizes, each run twice", {"budgets": 5, "sizes": 5, "seeds": 2}),
    "clean, small": Cell("five budgets of three sizes", {"budgets": 5, "sizes": 3}),
    "noisy": Cell("1.2 % of noise", {"noise": 0.012}),
    "uneven noise": Cell("noise that grows 1.6 times a decade towards small runs", {"noise_growth": 1.6}),
    "few runs": Cell("nine runs at random", {"runs": 9}),
    "three budgets": Cell("too few scales to withhold one", {"budgets": 3}),
    "outliers": Cell("a twentieth of the runs too high by some 5 %", {"outliers": 0.05}),
    "break": Cell("the exponent changes by .1 at 3e20 FLOP", {"break_at": 3e20}),
    "wrong law": Cell("a term in N D that the law lacks, .4 of the reducible loss", {"interaction": 0.4}),
    "mixed counting": Cell("three tenths of the runs counted without embedding", {"mixed": 0.3}),
    "drift": Cell("2 % a decade for reasons outside the law", {"drift": 0.02}),
}


def table(name: str, seed: int) -> dict[str, Any]:
    """One ladder: the verdict on its fit, and on its forecasts with their errors."""
    made = simulate("ladder", seed=seed, **CELLS[name].settings)
    law = get("chinchilla")
    try:
        fitted = fit(law, made.runs)
        drawn = draw(fitted, made.runs, method="bootstrap:300")
        rehearsal = rehearse(fitted, made.runs)
    except TenfoldError as error:
        return {"refused": str(error.args[0]), "fit": None, "forecasts": []}
    found = []
    for reach in REACHES:
        best = optimum_of(law).fn(fitted.coef, fitted.certificate.headline.compute * 10**reach)
        at = {"params": float(best["N"]), "tokens": float(best["D"])}
        seen = forecast(fitted, made.runs, at=[at], draws=drawn, rehearsal=rehearsal).predictions[0]
        truth = float(np.asarray(made.truth.value(at)))
        low, high = seen.intervals[0.9]
        found.append(
            {
                "reach": reach,
                "level": seen.verdict.level,
                "keys": _keys(seen.verdict),
                "error": math.log(seen.center / truth),
                "inside": bool(low <= truth <= high),
            }
        )
    return {"refused": "", "fit": fitted.verdict.level, "keys": _keys(fitted.verdict), "forecasts": found}


def _keys(verdict: Any) -> list[str]:
    return sorted({reason.key for reason in verdict.reasons if reason.level != "trust"})


def summary(records: list[dict[str, Any]]) -> dict[str, Any]:
    """Shares over the tables of a cell."""
    good = [record for record in records if not record["refused"]]
    levels: dict[str, Any] = {}
    for level in ("trust", "caution", "do not use"):
        seen = [f for record in good for f in record["forecasts"] if f["level"] == level and f["reach"] == REACHES[-1]]
        errors = [abs(f["error"]) for f in seen]
        levels[level] = {
            "share": len(seen) / len(records),
            "median_error": float(np.median(errors)) if errors else None,
            "worst_error": max(errors, default=None),
            "inside_90": float(np.mean([f["inside"] for f in seen])) if seen else None,
        }
    keys = Counter(key for record in good for f in record["forecasts"] if f["reach"] == REACHES[-1] for key in f["keys"])
    return {
        "tables": len(records),
        "refused": len(records) - len(good),
        "fits": dict(Counter(record["fit"] for record in good)),
        "levels": levels,
        "keys": {key: many / len(records) for key, many in keys.most_common()},
    }


def main() -> None:
    """Measure every cell and write the summary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=int, default=60, help="ladders a cell")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--only", nargs="*", default=list(CELLS), choices=list(CELLS), metavar="CELL")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    found = json.loads(options.out.read_text()) if options.out.is_file() else {"cells": {}}
    with ProcessPoolExecutor(options.workers) as pool:
        for name in options.only:
            records = list(pool.map(table, [name] * options.tables, range(options.tables)))
            found["cells"][name] = {"what": CELLS[name].what, "settings": CELLS[name].settings, **summary(records)}
            print(name, json.dumps(found["cells"][name]["levels"]), json.dumps(found["cells"][name]["keys"]), flush=True)
            options.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
