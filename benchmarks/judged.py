"""``python -m benchmarks.judged FOLDER``: what verdicts were worth on withheld scales of public tables.

Every task of the arena is forecast as a user would ask for it, by the choice of laws and by laws by name, at withheld
points that are evenly chosen. The summary says of each level how many forecasts had it, how far they erred and how often
their 90 % intervals held the truth. docs/verdicts.md is made from it.
"""

from __future__ import annotations

import argparse
import json
import math
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tenfold import TenfoldError, choose, fit, forecast
from tenfold.arena.cards import Task, gather, own_tasks
from tenfold.arena.contest import one_axis, suits, with_axis
from tenfold.choose import AUTO
from tenfold.laws import get

OUT = Path(__file__).with_suffix(".json")
LAWS = (AUTO, "chinchilla", "skaling", "kaplan_nd", "power_shifted", "m4")
LEVELS = ("trust", "caution", "do not use")
POINTS = 12  # of a task, at most


def judged(task: Task, law: str) -> dict[str, Any]:
    """The forecasts of one law on one task, each with its level, its log error and whether the interval held."""
    try:
        if law == AUTO:
            runs, held = task.runs, task.held
            source: Any = choose(runs, target="loss", scale=task.scale, given=list(task.inputs), resamples=200)
            named = {column for member in source.members for column in member.fit.columns.values()}
        else:
            axis = one_axis(task) if "x" in get(law).inputs else ""
            runs, held = with_axis(task.runs, axis), with_axis(task.held, axis)
            source = fit(law, runs, target="loss", axis=axis)
            named = set(source.columns.values())
        rows = np.unique(np.linspace(0, len(held) - 1, POINTS).astype(int))
        at = [{name: float(values[k]) for name, values in held.columns.items() if name in named} for k in rows]
        found = forecast(source, runs, at=at).predictions
    except TenfoldError as error:
        return {"table": task.table, "law": law, "refused": str(error.args[0]), "forecasts": []}
    measured = held.column("loss")[rows]
    return {
        "table": task.table,
        "law": law,
        "refused": "",
        "forecasts": [
            {
                "level": point.verdict.level,
                "error": math.log(point.center / truth) if point.center > 0 else math.inf,
                "inside": bool(point.intervals[0.9][0] <= truth <= point.intervals[0.9][1]),
            }
            for point, truth in zip(found, measured.tolist(), strict=True)
            if point.verdict is not None
        ],
    }


def of_task(task: Task, laws: tuple[str, ...]) -> list[dict[str, Any]]:
    """One task by every law that its inputs allow."""
    return [judged(task, law) for law in laws if suits(task, law)]


def summary(records: list[dict[str, Any]]) -> dict[str, Any]:
    """Each level's forecasts: how many, of how many tables, how far they erred, and the share that intervals held."""
    out: dict[str, Any] = {"tasks": len(records), "refused": sum(bool(record["refused"]) for record in records)}
    for level in LEVELS:
        tables: dict[str, list[dict[str, Any]]] = {}
        for record in records:
            tables.setdefault(record["table"], []).extend(f for f in record["forecasts"] if f["level"] == level)
        tables = {name: seen for name, seen in tables.items() if seen}
        seen = [each for found in tables.values() for each in found]
        errors = [abs(each["error"]) for each in seen]
        out[level] = {
            "points": len(seen),
            "tables": len(tables),
            "median_error": float(np.median(errors)) if errors else None,
            "ninth_decile": float(np.quantile(errors, 0.9)) if errors else None,
            "inside_90": float(np.mean([each["inside"] for each in seen])) if seen else None,
        }
    return out


def main() -> None:
    """Judge every task and write the summary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="tables that have cards (docs/arena.md)")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    tasks = [*own_tasks(), *gather([options.folder])[0]]
    with ProcessPoolExecutor(options.workers) as pool:
        records = [record for found in pool.map(partial(of_task, laws=LAWS), tasks) for record in found]
    made = {law: summary([record for record in records if record["law"] == law]) for law in LAWS}
    for law, found in made.items():
        print(law, json.dumps(found), flush=True)
    options.out.write_text(json.dumps({"points": POINTS, "laws": made}, indent=1) + "\n")


if __name__ == "__main__":
    main()
