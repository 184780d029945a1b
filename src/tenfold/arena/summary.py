"""From entries to tables: means over tables of means over each table's tasks, so that ninety curves count once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from tenfold.arena.scores import CAP

Entry = Mapping[str, Any]
LEVELS = ("0.5", "0.9")


def summarise(entries: Sequence[Entry]) -> dict[str, Any]:
    """``contestants``: means of each over the tables it took part in; in log errors a failure counts as a factor of ten,
    the other scores are of what was predicted. ``duels``: the choice of laws against each other
    contestant on the tasks that both played. ``coverage``: of 90 % intervals by reach. ``tables``: mean log error by
    table and contestant.
    """
    names = list(dict.fromkeys(entry["contestant"] for entry in entries))
    return {
        "contestants": {name: _contestant([e for e in entries if e["contestant"] == name]) for name in names},
        "duels": {name: duel(entries, "auto", name) for name in names if name != "auto" and "auto" in names},
        "coverage": {name: by_reach([e for e in entries if e["contestant"] == name]) for name in names},
        "tables": _tables(entries),
    }


def _contestant(entries: Sequence[Entry]) -> dict[str, Any]:
    good = [entry for entry in entries if "log_error" in entry]
    tables = _grouped(good)
    out: dict[str, Any] = {
        "tasks": len(entries),
        "tables": len(_grouped(entries)),
        "failed": len(entries) - len(good),
        "seconds": float(sum(entry["seconds"] for entry in entries)),
        "log_error": _mean_of_means(_grouped(entries), lambda entry: entry.get("log_error", CAP)),
    }
    for key in ("relative", "r2"):
        out[key] = _mean_of_means(tables, lambda entry, key=key: entry[key])
    for key in ("inside", "width", "interval_score"):
        for level in LEVELS:
            out[f"{key}_{level}"] = _mean_of_means(tables, lambda entry, key=key, level=level: entry[key].get(level))
    return out


def duel(entries: Sequence[Entry], ours: str, theirs: str) -> dict[str, Any]:
    """Two contestants on the tasks that both played: mean log errors over tables, their ratio as a geometric mean over
    tables, interval scores, in how many tables and tasks the first erred less, and both errors by table. A failure counts
    as a factor of ten.
    """
    mine = {(e["table"], e["task"]): e for e in entries if e["contestant"] == ours}
    other = {(e["table"], e["task"]): e for e in entries if e["contestant"] == theirs}
    both = [key for key in mine if key in other]
    tables: dict[str, list[tuple[float, float]]] = defaultdict(list)
    scores: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for key in both:
        tables[key[0]].append((mine[key].get("log_error", CAP), other[key].get("log_error", CAP)))
        pair = [entry.get("interval_score", {}).get("0.9") for entry in (mine[key], other[key])]
        if None not in pair:
            scores[key[0]].append((pair[0], pair[1]))
    if not both:
        return {"tasks": 0}
    means = np.array([np.mean(values, axis=0) for values in tables.values()])
    out: dict[str, Any] = {
        "tasks": len(both),
        "tables": len(tables),
        "by_table": dict(zip(tables, means.tolist(), strict=True)),
        "log_error": means.mean(axis=0).tolist(),
        "ratio": float(np.exp(np.mean(np.log(np.maximum(means[:, 0], 1e-9) / np.maximum(means[:, 1], 1e-9))))),
        "tables_won": int((means[:, 0] <= means[:, 1]).sum()),
        "tasks_won": int(sum(a <= b for values in tables.values() for a, b in values)),
    }
    if scores:
        judged = np.array([np.mean(values, axis=0) for values in scores.values()])
        out["interval_score"] = judged.mean(axis=0).tolist()
        out["interval_ratio"] = float(np.exp(np.mean(np.log(judged[:, 0] / judged[:, 1]))))
    return out


def by_reach(entries: Sequence[Entry], edges: Sequence[float] = (0.0, 0.4, 0.8, 1.25, 2.0, 9.0)) -> list[dict[str, Any]]:
    """Coverage of intervals among tasks whose farthest withheld point lies so many decades ahead, means over tables."""
    out = []
    for low, high in pairwise(edges):
        part = [e for e in entries if low <= e["reach"] < high and "0.9" in e.get("inside", {})]
        if not part:
            continue
        tables = _grouped(part)
        row: dict[str, Any] = {"from": low, "to": high, "tasks": len(part), "tables": len(tables)}
        row["points"] = int(sum(entry["withheld"] for entry in part))
        for level in LEVELS:
            row[f"inside_{level}"] = _mean_of_means(tables, lambda entry, level=level: entry["inside"][level])
            pooled = sum(e["inside"][level] * e["withheld"] for e in part) / row["points"]
            row[f"points_inside_{level}"] = float(pooled)
        out.append(row)
    return out


def _tables(entries: Sequence[Entry]) -> dict[str, dict[str, float]]:
    out: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for entry in entries:
        out[entry["table"]][entry["contestant"]].append(entry.get("log_error", CAP))
    return {table: {name: float(np.mean(v)) for name, v in found.items()} for table, found in out.items()}


def _grouped(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    out: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        out[entry["table"]].append(entry)
    return out


def _mean_of_means(tables: Mapping[str, Sequence[Entry]], value: Any) -> float | None:
    means = []
    for entries in tables.values():
        found = [v for entry in entries if (v := value(entry)) is not None and np.isfinite(v)]
        if found:
            means.append(float(np.mean(found)))
    return float(np.mean(means)) if means else None
