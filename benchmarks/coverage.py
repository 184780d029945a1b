"""``python -m benchmarks.coverage``: how often intervals hold the truth, on simulated ladders whose truth is known.

A cell is a kind of ladder; each of its tables is simulated, fitted and drawn anew by every method, and the truth is
looked for in the nominal 50 and 90 % intervals of every coefficient, of the loss at the edge of the data and half a
decade and a decade of compute beyond it, and of the compute-optimal size a decade beyond. A forecast with its rehearsal
is held against one new run at the same points. Records are appended to a file, a line a table; a run that was stopped
goes on. The summary is what docs/coverage.md is made from.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold import Bootstrap, Draws, Fit, Laplace, Nuts, Residual, Wild, draw, fit, forecast
from tenfold.core.errors import DataError
from tenfold.core.law import optimum_of
from tenfold.simulate import Simulated, simulate
from tenfold.uncertainty import Auto, Method, Profile

Array = NDArray[np.float64]

OUT = Path(__file__).with_suffix(".json")
LEVELS = (0.5, 0.9)
TOP = 10**20.5  # FLOP of the largest budget
POINTS = {"edge": 0.0, "half a decade": 0.5, "one decade": 1.0}  # decades of compute beyond the data
LADDER: dict[str, Any] = {"low": 1e18, "high": TOP, "noise": 0.004}
DRAWS = 300


@dataclass(frozen=True)
class Cell:
    """A kind of ladder: what it is in words, settings of the simulator, the objective, and whether the law is right."""

    words: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    objective: str = "huber:1e-3"
    right: bool = True

    def made(self, table: int) -> Simulated:
        """One ladder."""
        return simulate("ladder", seed=table, **{**LADDER, **self.settings})


CELLS = {
    "clean": Cell("36 runs, noise 0.2 %", {"noise": 0.002}),
    "noisy": Cell("36 runs, noise 1 %", {"noise": 0.01}),
    "squared": Cell("36 runs, noise 0.4 %, least squares", objective="squared"),
    "growing": Cell(
        "36 runs, noise 0.2 % at the top and 2.5 times as much a decade below", {"noise": 0.002, "noise_growth": 2.5}
    ),
    "10 runs": Cell("10 runs at 4 budgets, noise 0.4 %", {"budgets": 4, "sizes": 3, "runs": 10}),
    "outliers": Cell("36 runs, noise 0.4 %, 8 % of them 2.5 to 7.5 % too high", {"outliers": 0.08}),
    "checkpoints": Cell(
        "36 runs of 6 checkpoints whose errors are correlated by 0.9", {"checkpoints": 6, "correlation": 0.9}
    ),
    "wrong law": Cell(
        "36 runs, and a term in both N and D that the law lacks, as large as the reducible loss in the middle",
        {"interaction": 1.0},
        right=False,
    ),
    "mixed counting": Cell("36 runs, half of them counted without their embedding", {"mixed": 0.5}, right=False),
    "break": Cell(
        "36 runs, and beyond 10^20 FLOP the reducible loss falls slower by 0.05 in the exponent",
        {"break_at": 1e20, "bend": 0.05},
        right=False,
    ),
}
METHODS: dict[str, Method] = {
    "auto": Auto(DRAWS),
    "counts": Bootstrap(DRAWS, weights="counts"),
    "dirichlet": Bootstrap(DRAWS, weights="dirichlet"),
    "wild": Wild(DRAWS),
    "residual": Residual(DRAWS),
    "laplace": Laplace(DRAWS),
}
SLOW = {"profile": Profile(DRAWS), "nuts": Nuts(2 * DRAWS, warmup=400, chains=1)}  # the latter takes seconds a table


def measure(cell: str, table: int, methods: tuple[str, ...]) -> dict[str, Any]:
    """One table: centres, truths and intervals of every quantity and method, as plain values."""
    made = CELLS[cell].made(table)
    fitted = fit("chinchilla", made.runs, objective=CELLS[cell].objective, certificate=False, throw=False)
    targets = {name: _target(made, TOP * 10.0**reach) for name, reach in POINTS.items()}
    truth = {name: float(made.truth.value(point)) for name, point in targets.items()}
    truth |= dict(made.truth.coef) | {"N*": made.truth.optimum(TOP * 10.0)}
    intervals: dict[str, dict[str, list[float]]] = {}
    center: dict[str, float] = {}
    auto = draw(fitted, made.runs, method=METHODS["auto"], seed=table)
    for name in methods:
        try:
            drawn = auto if name == "auto" else draw(fitted, made.runs, method={**METHODS, **SLOW}[name], seed=table)
        except DataError:  # a sampler that did not mix gives no draws, and the count of its tables says so
            continue
        intervals[name] = {}
        for what, (middle, low_high) in _quantities(fitted, drawn, targets).items():
            center[what] = middle
            intervals[name][what] = low_high
    return {
        "cell": cell,
        "table": table,
        "truth": truth,
        "center": center,
        "intervals": intervals,
        "chosen": auto.method,
        "forecast": _forecast(fitted, made, auto, targets),
    }


def _target(made: Simulated, compute: float) -> dict[str, float]:
    n = made.truth.optimum(compute)
    return {"params": n, "tokens": compute / (6.0 * n)}


def _quantities(
    fitted: Fit, drawn: Draws, targets: Mapping[str, Mapping[str, float]]
) -> dict[str, tuple[float, list[float]]]:
    """Centre and the ends of the intervals of every quantity."""
    out: dict[str, tuple[float, list[float]]] = {}
    for name in fitted.coef:
        out[name] = fitted.coef[name], [end for level in LEVELS for end in drawn.interval(name, level)]
    for name, point in targets.items():
        out[name] = float(fitted.predict(**point)), _ends(drawn.predict(**point))
    best = optimum_of(fitted.law)
    assert best is not None
    with np.errstate(all="ignore"):
        middle = float(best.fn(fitted.coef, TOP * 10.0)["N"])
        many = best.fn(drawn.coef, TOP * 10.0)["N"]
        out["N*"] = middle, _ends(drawn.widened(middle, np.asarray(many)))
    return out


def _ends(values: Array) -> list[float]:
    return [float(np.quantile(values, 0.5 + side * level / 2)) for level in LEVELS for side in (-1.0, 1.0)]


def _forecast(
    fitted: Fit, made: Simulated, drawn: Draws, targets: Mapping[str, Mapping[str, float]]
) -> dict[str, dict[str, Any]]:
    """The whole chain, rehearsal included, against one new run at each point."""
    seed = int(made.settings["seed"])
    seen = forecast(fitted, made.runs, at=list(targets.values()), draws=drawn, levels=LEVELS, seed=seed)
    rng = np.random.default_rng([seed, 7])
    out = {}
    for (name, point), prediction in zip(targets.items(), seen.predictions, strict=True):
        error = made.settings["noise"] * rng.standard_normal()
        out[name] = {
            "new": float(made.truth.value(point)) * float(np.exp(error)),
            "ends": [end for level in LEVELS for end in prediction.intervals[level]],
            "status": prediction.status,
        }
    return out


def _key(cell: str, methods: tuple[str, ...]) -> str:
    """What a record depends on beside its table: a cell that changed is measured anew."""
    text = repr((cell, CELLS[cell], LADDER, [{**METHODS, **SLOW}[name] for name in methods], POINTS))
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


def collect(
    cells: tuple[str, ...], tables: int, methods: tuple[str, ...], records: Path, jobs: int
) -> list[dict[str, Any]]:
    """Every record of the cells, those that the file already holds and those that it lacks."""
    kept = [json.loads(line) for line in records.read_text().splitlines()] if records.is_file() else []
    wanted = {(cell, table): _key(cell, methods) for table in range(tables) for cell in cells}
    held = {(r["cell"], r["table"]): r for r in kept if wanted.get((r["cell"], r["table"])) == r["key"]}
    todo = [place for place in wanted if place not in held]
    records.parent.mkdir(parents=True, exist_ok=True)
    with records.open("a") as file, ProcessPoolExecutor(jobs) as pool:
        for done, (place, found) in enumerate(
            zip(todo, pool.map(_measured, todo, [methods] * len(todo)), strict=True), 1
        ):
            held[place] = {"key": wanted[place], **found}
            file.write(json.dumps(held[place]) + "\n")
            file.flush()
            if done % 50 == 0:
                print(f"{done} of {len(todo)} tables", flush=True)
    return [held[place] for place in wanted]


def _measured(place: tuple[str, int], methods: tuple[str, ...]) -> dict[str, Any]:
    os.environ["TENFOLD_THREADS"] = "1"
    return measure(*place, methods)


def summary(records: list[dict[str, Any]]) -> dict[str, Any]:
    """Shares that hold the truth and widths, by cell, method and quantity."""
    out: dict[str, Any] = {}
    for cell in dict.fromkeys(record["cell"] for record in records):
        mine = [record for record in records if record["cell"] == cell]
        seen = {method for record in mine for method in record["intervals"]}
        by_method = {
            method: [record for record in mine if method in record["intervals"]]
            for method in [*METHODS, *SLOW]
            if method in seen
        }
        out[cell] = {
            "words": CELLS[cell].words,
            "objective": CELLS[cell].objective,
            "right": CELLS[cell].right,
            "tables": len(mine),
            "chosen": dict(sorted(Counter(record["chosen"] for record in mine).items())),
            "counted": {method: len(drawn) for method, drawn in by_method.items()},
            "methods": {
                method: {
                    what: _counted(drawn, method, what)
                    for what in drawn[0]["intervals"][method]
                    if what in drawn[0]["truth"]
                }
                for method, drawn in by_method.items()
            },
            "forecast": {what: _new_runs(mine, what) for what in mine[0]["forecast"]},
        }
    return out


def _counted(records: list[dict[str, Any]], method: str, what: str) -> dict[str, float | None]:
    truth = np.array([record["truth"][what] for record in records])
    ends = np.array([record["intervals"][method][what] for record in records])
    center = np.array([record["center"][what] for record in records])
    log = what not in ("alpha", "beta")
    with np.errstate(all="ignore"):
        spread = _robust(np.log(center) if log else center)
        width = np.log(ends[:, 3] / ends[:, 2]) if log else ends[:, 3] - ends[:, 2]
    typical = float(np.median(width)) / (2 * 1.6449 * spread)
    return {**_shares(truth, ends), "width": round(typical, 3) if np.isfinite(typical) else None}


def _new_runs(records: list[dict[str, Any]], what: str) -> dict[str, Any]:
    mine = [record["forecast"][what] for record in records]
    ends = np.array([one["ends"] for one in mine])
    statuses = [one["status"] for one in mine]
    return {
        **_shares(np.array([one["new"] for one in mine]), ends),
        "width": round(float(np.median(np.log(ends[:, 3] / ends[:, 2]))), 5),
        "status": max(set(statuses), key=statuses.count),
    }


def _shares(truth: Array, ends: Array) -> dict[str, float]:
    return {
        f"{level:g}": round(float(np.mean((ends[:, 2 * k] <= truth) & (truth <= ends[:, 2 * k + 1]))), 4)
        for k, level in enumerate(LEVELS)
    }


def _robust(values: Array) -> float:
    return float(1.4826 * np.nanmedian(np.abs(values - np.nanmedian(values))))


def _join(found: dict[str, Any], before: Mapping[str, Any]) -> None:
    """Add what an earlier summary holds: whole cells, and methods of the cells that were measured now."""
    for name, cell in before.items():
        if name not in found:
            found[name] = cell
            continue
        for part in ("counted", "methods"):
            found[name][part] = {**cell[part], **found[name][part]}
        if cell["tables"] > found[name]["tables"]:  # what the larger count says of the method chosen and of forecasts
            found[name] |= {part: cell[part] for part in ("tables", "chosen", "forecast")}


def main() -> None:
    """Measure what is missing, and write the summary."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.coverage", description=__doc__)
    parser.add_argument("--tables", type=int, default=200, help="simulated ladders a cell")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--cells", default=",".join(CELLS), help="which cells")
    parser.add_argument("--methods", default=",".join(METHODS), help=f"which methods; there are {', '.join(SLOW)} too")
    parser.add_argument("--records", type=Path, default=Path("out/coverage.jsonl"), help="where records are kept")
    parser.add_argument("--add", action="store_true", help="keep the other methods of the summary that is there")
    parser.add_argument("--json", type=Path, default=OUT, help="where the summary goes")
    given = parser.parse_args()
    if given.tables < 2:
        parser.error("--tables must be 2 or more: widths are measured in the spread over tables")
    cells, methods = tuple(given.cells.split(",")), tuple(given.methods.split(","))
    found = summary(collect(cells, given.tables, methods, given.records, given.jobs))
    if given.add:
        _join(found, json.loads(given.json.read_text())["cells"])
        found = {name: found[name] for name in CELLS if name in found}
    machine = f"{platform.machine()}, Python {platform.python_version()}, NumPy {np.__version__}"
    record = {"draws": DRAWS, "ladder": LADDER, "machine": machine, "cells": found}
    given.json.write_text(json.dumps(record, indent=1, allow_nan=False) + "\n")
    print(f"{given.json}: {len(found)} cells")


if __name__ == "__main__":
    main()
