"""The arena as a report: does the choice of laws beat each law, where does it not, do intervals hold what they should.

Everything is read from the saved JSON form, of which the entries may be left out.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping
from typing import Any

from tenfold.report.blocks import Block, Facts, Grid, Lines, Para, Picture, Section
from tenfold.report.numbers import MISSING, count, finite, percent, plain, share

Json = Mapping[str, Any]

OURS = "auto"
_EXPLAINED = {"auto": "the choice of laws", "paper": "the best law of each table's own paper"}


def arena_sections(saved: Json, *, whole: bool = True) -> list[Section]:
    """Verdict, contestants, duels, where auto loses, coverage by reach, tables (when ``whole``), and how it was made."""
    return [
        verdict_section(saved),
        contestants_section(saved),
        *failures_sections(saved),
        *duels_sections(saved),
        coverage_section(saved),
        *([tables_section(saved)] if whole else []),
        *without_sections(saved),
        made_section(saved),
    ]


# ---------------------------------------------------------------------------------------------------------------------
# who is who


def rivals(saved: Json, *, nulls: bool = False) -> list[str]:
    """Laws that auto met (or with ``nulls`` what knows no law), in the order of their own errors."""
    duels = saved["summary"]["duels"]
    met = [name for name, duel in duels.items() if duel["tasks"] and is_null(saved, name) is nulls]
    return sorted(met, key=lambda name: duels[name]["log_error"][1] / max(duels[name]["log_error"][0], 1e-12))


def is_null(saved: Json, name: str) -> bool:
    """Whether a contestant knows no law: it is none of the laws that were asked for, under no objective."""
    laws, objectives = saved["settings"]["laws"], saved["settings"]["objectives"]
    return name not in laws and not any(name == f"{law} ({each})" for law in laws for each in objectives)


def ordered(saved: Json) -> list[str]:
    """Contestants that played: auto, then laws, then nulls, each in order of error."""
    found = saved["summary"]["contestants"]
    played = [name for name, row in found.items() if row["tasks"]]
    return sorted(played, key=lambda name: (name != OURS, is_null(saved, name), _key(found[name]["log_error"])))


def _key(value: float | None) -> float:
    return float(value) if value is not None and finite(value) else math.inf


def _named(name: str) -> str:
    return f"{name} ({_EXPLAINED[name]})" if name in _EXPLAINED else name


# ---------------------------------------------------------------------------------------------------------------------
# verdict


def verdict_section(saved: Json) -> Section:
    """Whether auto wins, in errors and in intervals, and against whom it does not."""
    blocks: list[Block] = [Para(verdict(saved), lead=True)]
    lost = [line for line in (*lost_lines(saved, "log_error"), *lost_lines(saved, "interval_score")) if line]
    if lost:
        blocks.append(Lines(tuple(lost), warn=True))
    blocks.append(Para(_extent(saved)))
    return Section("verdict", "Verdict", tuple(blocks))


def verdict(saved: Json) -> str:
    """The first sentence: how many laws auto beats in mean log error and in interval score.

    Every law is met on the tables that it can play, each table counting once.
    """
    against = rivals(saved)
    if not against:
        return _without_auto(saved)
    beaten = [name for name in against if _wins(saved, name, "log_error")]
    scored = [name for name in against if "interval_score" in saved["summary"]["duels"][name]]
    held = [name for name in scored if _wins(saved, name, "interval_score")]
    if len(beaten) == len(held) == len(against):
        return f"{_named(OURS)} beats {_all(against)}, in mean log error and in interval score."
    said = f"{_named(OURS)} errs less than {_of(beaten, against)} in mean log error"
    return f"{said}; its interval score is better than that of {_of(held, scored)}." if scored else f"{said}."


def _without_auto(saved: Json) -> str:
    found, names = saved["summary"]["contestants"], ordered(saved)
    most = max((found[name]["tables"] for name in names), default=0)
    full = [name for name in names if found[name]["tables"] == most and finite(found[name]["log_error"])]
    if not full:
        return "Nobody could predict any task."
    first = min(full, key=lambda name: found[name]["log_error"])
    error = percent(found[first]["log_error"])
    where = f"the {len(full)} that play {'all ' if most > 1 else ''}{count(most, 'table')}"
    return f"{_named(first)} errs least of {where}: {error} in mean log error."


def _all(names: list[str]) -> str:
    return f"each of {len(names)} laws" if len(names) > 1 else _named(names[0])


def _of(some: list[str], names: list[str]) -> str:
    if len(some) == len(names):
        return _all(names)
    return f"{len(some) or 'none'} of {len(names)} laws" if len(names) > 1 else f"none of one law, {_named(names[0])}"


def _wins(saved: Json, name: str, what: str) -> bool:
    mine, theirs = saved["summary"]["duels"][name][what]
    return bool(mine < theirs)


def lost_lines(saved: Json, what: str) -> list[str]:
    """A sentence for every law that auto does not beat in errors, or in interval scores."""
    out = []
    for name in rivals(saved):
        duel = saved["summary"]["duels"][name]
        if what not in duel or _wins(saved, name, what):
            continue
        mine, theirs = _apart(*duel[what])
        if what == "log_error":
            by = f", {_difference(duel)} points more" if len(duel["by_table"]) > 1 else ""
            where = f"over {count(duel['tables'], 'table')} that both play"
            out.append(f"Not better than {_named(name)} in mean log error: {mine} against {theirs} {where}{by}.")
        else:
            out.append(f"Not better than {_named(name)} in interval score: {mine} against {theirs}.")
    return out


def _apart(mine: float, theirs: float) -> tuple[str, str]:
    """Two percentages with as many digits as it takes to tell them apart, four places at most."""
    one, other = percent(mine), percent(theirs)
    for places in range(1, 5):
        if one != other:
            break
        one, other = (f"{100 * value:.{places}f} %" for value in (mine, theirs))
    return one, other


def _difference(duel: Json) -> str:
    """How much more (or less) auto errs, in points, with the standard error of the mean over tables."""
    gaps = [100.0 * (mine - theirs) for mine, theirs in duel["by_table"].values()]
    mean = sum(gaps) / len(gaps)
    if len(gaps) < 2:
        return f"{mean:.2f}"
    spread = math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / (len(gaps) - 1) / len(gaps))
    return f"{mean:.2f} ± {spread:.2f}"


def _extent(saved: Json) -> str:
    found = saved["settings"]
    objectives = ", ".join(found["objectives"])
    draws = f"{found['resamples']} resamples" if found["resamples"] else "no resamples, so without intervals"
    head = f"{count(found['tasks'], 'task')} from {count(found['tables'], 'table')}"
    return (
        f"{head}: small scales are fitted (objective {objectives}, {draws}), withheld ones predicted. Every table counts "
        "once, whatever its number of tasks; in log errors a prediction that fails, or is off by more than a factor of "
        "ten, counts as a factor of ten."
    )


# ---------------------------------------------------------------------------------------------------------------------
# contestants and duels


def contestants_section(saved: Json) -> Section:
    """One row a contestant."""
    rows = []
    for name in ordered(saved):
        row = saved["summary"]["contestants"][name]
        rows.append(
            (
                name,
                str(row["tables"]),
                percent(row["log_error"]),
                percent(row["relative"]),
                f"{row['r2']:.2f}" if finite(row["r2"]) else MISSING,
                _share(row["inside_0.5"]),
                _share(row["inside_0.9"]),
                _percent(row["width_0.9"]),
                _percent(row["interval_score_0.9"]),
                str(row["failed"] or ""),
                f"{row['seconds']:.0f}",
            )
        )
    headers = ("contestant", "tables", "log error", "relative error", "R2", "50 % holds", "90 % holds", "90 % width")
    caption = (
        "Means over tables of means over each table's tasks. 'Holds' is the share of withheld points inside an interval; "
        "width and score are in logarithms. A law plays only tables that have its inputs: where the numbers of tables "
        "differ, compare in the duels."
    )
    grid = Grid((*headers, "90 % score", "failed", "CPU s"), tuple(rows), "lrrrrrrrrrr", caption)
    return Section("contestants", "Contestants", (Picture("errors"), grid))


def _share(value: float | None) -> str:
    return share(value) if finite(value) else ""


def _percent(value: float | None) -> str:
    return percent(value) if finite(value) else ""


def failures(entries: Iterable[Json]) -> dict[str, dict[str, int]]:
    """Why contestants have no scores, by contestant and reason, and how often."""
    found: dict[str, dict[str, int]] = {}
    for entry in entries:
        if "log_error" not in entry:
            reason = str(entry["reason"]).removeprefix(f"{entry['table']}: {entry['task']}: ")
            reasons = found.setdefault(str(entry["contestant"]), {})
            reasons[reason] = reasons.get(reason, 0) + 1
    return found


def failures_sections(saved: Json) -> list[Section]:
    """What contestants could not predict, from the entries or from what was kept of them."""
    found = failures(saved["entries"]) if "entries" in saved else saved.get("failures") or {}
    lines = tuple(
        f"{name}, {count(times, 'task')}: {why}" for name, reasons in found.items() for why, times in reasons.items()
    )
    return [Section("failures", "What could not be predicted", (Lines(lines),))] if lines else []


def duels_sections(saved: Json) -> list[Section]:
    """Auto against each other contestant on the tasks that both play, and the tables where it errs more."""
    names = [*rivals(saved), *rivals(saved, nulls=True)]
    if not names:
        return []
    duels = saved["summary"]["duels"]
    rows, scores = [], []
    for name in names:
        duel = duels[name]
        mine, theirs = duel["log_error"]
        won = f"{duel['tables_won']} of {duel['tables']}", f"{duel['tasks_won']} of {duel['tasks']}"
        rows.append((name, *won, percent(mine), percent(theirs), _difference(duel), plain(duel["ratio"], digits=2)))
        if "interval_score" in duel:
            ours, other = duel["interval_score"]
            scores.append((name, percent(ours), percent(other), plain(duel["interval_ratio"], digits=2)))
    heads = ("against", "tables won", "tasks won", "auto errs", "it errs", "difference, points", "ratio")
    caption = (
        "The difference is negative where auto errs less; its standard error is over tables. The ratio is the geometric "
        "mean over tables of auto's error over its error: below 1 where auto errs less."
    )
    blocks: list[Block] = [Picture("duels"), Grid(heads, tuple(rows), "lrrrrrr", caption)]
    if scores:
        scored = ("against", "auto's interval score", "its", "ratio")
        caption = "90 % intervals: mean width plus twenty times what points lie outside, in logarithms. Less is better."
        blocks.append(Grid(scored, tuple(scores), "lrrr", caption))
    return [Section("duels", "Auto against each", tuple(blocks)), *_losses(saved)]


def _losses(saved: Json) -> list[Section]:
    """Tables where some law errs less than auto, with those laws."""
    rows = []
    for table, means in saved["summary"]["tables"].items():
        ours = means.get(OURS)
        found = []
        for name in rivals(saved):
            mine, theirs = saved["summary"]["duels"][name]["by_table"].get(table, (0.0, math.inf))
            if theirs < mine:
                there = "" if ours is None or math.isclose(mine, ours) else f" (auto on the same tasks {percent(mine)})"
                found.append((theirs, f"{name} {percent(theirs)}{there}"))
        if found:
            rows.append((table, percent(ours), ", ".join(text for _, text in sorted(found))))
    if not rows:
        return [Section("losses", "Where auto loses", (Para("No law errs less than auto on any table."),))]
    caption = "Of several laws one errs less than a mixture by chance alone; which one cannot be known before."
    return [
        Section("losses", "Where auto loses", (Grid(("table", "auto errs", "errs less"), tuple(rows), "lrl", caption),))
    ]


# ---------------------------------------------------------------------------------------------------------------------
# coverage, tables, how it was made


def coverage_section(saved: Json) -> Section:
    """Shares of withheld points inside the intervals, by how far ahead the farthest of a task lies."""
    found = {name: saved["summary"]["coverage"].get(name) or [] for name in ordered(saved)}
    found = {name: rows for name, rows in found.items() if rows}
    if not found:
        return Section("coverage", "Coverage by reach", (Para("No intervals were made."),))
    bins = {(row["from"], row["to"]): None for rows in found.values() for row in rows}
    edges = sorted(bins)
    blocks: list[Block] = [Picture("coverage")]
    if OURS in found:
        grid = tuple(
            (
                reach_words(row["from"], row["to"]),
                *(str(row[key]) for key in ("tables", "tasks", "points")),
                *(share(row[key]) for key in ("inside_0.5", "inside_0.9", "points_inside_0.9")),
            )
            for row in found[OURS]
        )
        heads = ("decades ahead", "tables", "tasks", "points", "50 % holds", "90 % holds", "90 % holds, of all points")
        blocks.append(
            Grid(heads, grid, "lrrrrrr", "Intervals of auto. Shares are means over tables; the last is of points.")
        )
    rows = []
    for name, parts in found.items():
        by = {(row["from"], row["to"]): row for row in parts}
        cells = (f"{share(by[edge]['inside_0.9'])} ({by[edge]['tables']})" if edge in by else "" for edge in edges)
        rows.append((name, *cells))
    ranges = ("90 % holds", *(reach_words(*edge) for edge in edges))
    blocks.append(
        Grid(ranges, tuple(rows), "l" + "r" * len(edges), "By decades ahead; in brackets the number of tables.")
    )
    return Section("coverage", "Coverage by reach", tuple(blocks))


def reach_words(low: float, high: float) -> str:
    """A range of decades: ``0.4 to 0.8``, ``over 2``."""
    return f"over {low:g}" if high >= 9 else f"{low:g} to {high:g}"


def tables_section(saved: Json) -> Section:
    """Mean log error of every contestant on every table."""
    names = ordered(saved)
    rows = tuple(
        (table, *(percent(means[name]) if name in means else "" for name in names))
        for table, means in saved["summary"]["tables"].items()
    )
    caption = "Mean log error over the tasks of a table that a contestant plays."
    return Section("tables", "Every table", (Grid(("table", *names), rows, "l" + "r" * len(names), caption),))


def without_sections(saved: Json) -> list[Section]:
    """Tables that could not take part, with the reason."""
    lines = tuple(f"{name}: {why}." for name, why in saved["without"].items())
    return [Section("without", "Tables without tasks", (Lines(lines),))] if lines else []


def made_section(saved: Json) -> Section:
    """What was asked for."""
    found = saved["settings"]
    rows = [
        ("laws", ", ".join(found["laws"])),
        ("objectives", ", ".join(found["objectives"])),
        ("resamples, seed", f"{found['resamples']}, {found['seed']}"),
        ("tasks", f"{found['tasks']} of {count(found['tables'], 'table')}{', all of each' if found['full'] else ''}"),
        ("code", str(found.get("code", MISSING))),
    ]
    return Section("made", "How it was made", (Facts(tuple(rows)),))


# ---------------------------------------------------------------------------------------------------------------------
# every entry


def entries_csv(saved: Json) -> bytes:
    """Every contestant on every task as CSV, a row each; scores by level get a column each (``inside_0.9``)."""
    rows = [_flat(entry) for entry in saved["entries"]]
    names = list(dict.fromkeys(name for row in rows for name in row if name != "key"))
    stream = io.StringIO()
    writer = csv.DictWriter(stream, names, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue().encode("utf-8")


def _flat(entry: Json) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, value in entry.items():
        if isinstance(value, Mapping):
            out |= {f"{name}_{level}": part for level, part in value.items()}
        else:
            out[name] = value
    return out
