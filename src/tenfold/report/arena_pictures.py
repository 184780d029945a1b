"""The figures of the arena: errors by contestant, auto against each, coverage by reach."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from tenfold.report.arena import OURS, is_null, ordered, reach_words, rivals
from tenfold.report.numbers import finite, percent, plain, share
from tenfold.report.scene import Dots, Label, Mark, Scale, Scene, Stroke
from tenfold.report.ticks import Tick, value_ticks

Json = Mapping[str, Any]

LEAST = 1e-4  # log errors below are drawn there


def arena_pictures(saved: Json) -> dict[str, Scene]:
    """Every figure that the numbers carry, by key."""
    out: dict[str, Scene] = {}
    if any(finite(row["log_error"]) for row in saved["summary"]["contestants"].values()):
        out["errors"] = errors_scene(saved)
    if rivals(saved):
        out["duels"] = duels_scene(saved)
    if any(len(rows) for rows in saved["summary"]["coverage"].values()):
        out["coverage"] = coverage_scene(saved)
    return out


def errors_scene(saved: Json) -> Scene:
    """A row a contestant: its mean log error on every table, and the mean of these."""
    found, tables = saved["summary"]["contestants"], saved["summary"]["tables"]
    names = [name for name in ordered(saved) if finite(found[name]["log_error"])]
    spread = {name: [100 * max(m[name], LEAST) for m in tables.values() if finite(m.get(name))] for name in names}
    means = {name: sum(values) / len(values) for name, values in spread.items()}
    x = _across("mean log error, %", [v for row in spread.values() for v in row])
    rows = {name: float(len(names) - place) for place, name in enumerate(names)}
    marks, labels = _rows(saved, rows, spread, means, {name: percent(mean / 100) for name, mean in means.items()}, x)
    first = min(names, key=lambda name: means[name])
    words = (
        "Mean log error of each contestant, a ring a table and a diamond for the mean: "
        + ", ".join(f"{name} {percent(means[name] / 100)} ({len(spread[name])})" for name in names)
        + f", with the number of tables it plays; least for {first}."
    )
    return Scene(x, _down(len(names)), marks, labels, words, "errors", height=100 + 30 * len(names))


def duels_scene(saved: Json) -> Scene:
    """A row a rival: auto's error over its error on every table, and their geometric mean."""
    duels = saved["summary"]["duels"]
    names = [*rivals(saved), *rivals(saved, nulls=True)]
    spread = {
        name: [max(mine, LEAST) / max(theirs, LEAST) for mine, theirs in duels[name]["by_table"].values()]
        for name in names
    }
    means = {name: math.exp(sum(math.log(v) for v in row) / len(row)) for name, row in spread.items()}
    x = _across("auto's error over its error", [1.0, *(v for row in spread.values() for v in row)])
    rows = {name: float(len(names) - place) for place, name in enumerate(names)}
    down = _down(len(names))
    marks, labels = _rows(saved, rows, spread, means, {name: plain(m, digits=2) for name, m in means.items()}, x)
    line = Stroke((1.0, 1.0), (down.low, down.high), "blue", 1.6, "dash")
    words = (
        "Auto's error over each contestant's, a ring a table, below 1 where auto errs less; geometric means (diamonds): "
        + ", ".join(f"{name} {plain(means[name], digits=2)}" for name in names)
        + "."
    )
    return Scene(x, down, (line, *marks), labels, words, "duels", height=100 + 30 * len(names))


def _rows(
    saved: Json,
    rows: Mapping[str, float],
    spread: Mapping[str, Sequence[float]],
    means: Mapping[str, float],
    said: Mapping[str, str],
    x: Scale,
) -> tuple[tuple[Mark, ...], tuple[Label, ...]]:
    """Dots and a diamond in every row, and its name with the mean at the right."""
    marks: list[Mark] = []
    labels = []
    for name, row in rows.items():
        colour = "blue" if name == OURS else "soft" if is_null(saved, name) else "ink"
        values = tuple(spread[name])
        marks.append(Stroke((x.low, x.high), (row, row), "grid", 1.0))
        marks.append(Dots(values, (row,) * len(values), colour, "ring", 7.0))
        marks.append(Dots((means[name],), (row,), "blue" if name == OURS else "orange", "diamond", 12.0))
        labels.append(Label(x.high, row, f"{name} {said[name]}", colour, ("right",), name))
    return tuple(marks), tuple(labels)


def _across(title: str, values: Sequence[float]) -> Scale:
    low, high = min(values) / 1.3, max(values) * 1.3
    return Scale(title, low, high, value_ticks(low, high, most=7))


def _down(rows: int) -> Scale:
    return Scale("", 0.3, rows + 0.7, (), log=False)


def coverage_scene(saved: Json) -> Scene:
    """Shares inside 50 and 90 % intervals by reach: auto's in colour, those of single laws behind."""
    found = {name: rows for name in ordered(saved) if (rows := saved["summary"]["coverage"].get(name))}
    edges = sorted({(row["from"], row["to"]) for rows in found.values() for row in rows})
    at = {edge: float(place + 1) for place, edge in enumerate(edges)}
    ticks = tuple(Tick(at[edge], reach_words(*edge)) for edge in edges)
    x = Scale("decades ahead of the fitted scales", 0.6, len(edges) + 0.4, ticks, log=False)
    y = Scale("withheld points inside, %", -4.0, 104.0, value_ticks(0.0, 100.0, most=6), log=False)
    marks: list[Mark] = [Stroke((x.low, x.high), (100 * level,) * 2, "soft", 1.4, "dash") for level in (0.9, 0.5)]
    labels = [Label(x.high, 90.0, "nominal 90 %", "soft", ("right",), "90 %")]
    labels.append(Label(x.high, 50.0, "nominal 50 %", "soft", ("right",), "50 %"))
    others = [name for name in found if name != OURS]
    for name in others:
        xs, ys = _line(found[name], at, "inside_0.9")
        marks += [Stroke(xs, ys, "soft", 1.0, "dot"), Dots(xs, ys, "soft", "ring", 5.0)]
    for level, shape in (("0.9", "dot"), ("0.5", "square")) if OURS in found else ():
        xs, ys = _line(found[OURS], at, f"inside_{level}")
        marks += [Stroke(xs, ys, "blue", 2.4), Dots(xs, ys, "blue", shape, 9.0)]
        labels.append(Label(xs[0], ys[0], f"auto, {100 * float(level):.0f} %", "blue", ("above", "below"), gap=10.0))
    words = "Shares of withheld points inside the intervals by decades ahead"
    if OURS in found:
        held = ", ".join(
            f"{share(row['inside_0.9'])} and {share(row['inside_0.5'])} at {reach_words(row['from'], row['to'])}"
            for row in found[OURS]
        )
        words += f": for auto's 90 and 50 % intervals (blue) {held}"
    if others:
        words += f"; the 90 % intervals of {', '.join(others)} in grey"
    return Scene(x, y, tuple(marks), tuple(labels), f"{words}.", "coverage by reach", height=400)


def _line(
    rows: Sequence[Json], at: Mapping[tuple[float, float], float], key: str
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    pairs = [(at[(row["from"], row["to"])], 100.0 * row[key]) for row in rows if finite(row.get(key))]
    return tuple(x for x, _ in pairs), tuple(y for _, y in pairs)
