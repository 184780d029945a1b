"""Sections of results that set several fits side by side: groups with coefficients in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tenfold.report.blocks import Formula, Grid, Lines, Para, Section
from tenfold.report.numbers import count, percent, plain, with_error

Json = Mapping[str, Any]


def pooled_sections(pooled: Json) -> list[Section]:
    """What groups have in common, and each group's own coefficients."""
    groups = pooled["groups"]
    return [
        Section("verdict", "Verdict", (Para(pooled_verdict(pooled), lead=True),)),
        _common(pooled),
        _groups(groups),
        *([Section("notes", "Notes", (Lines(tuple(pooled["notes"]), warn=True),))] if pooled["notes"] else []),
    ]


def pooled_verdict(pooled: Json) -> str:
    """The first sentence about a pooled fit."""
    runs = sum(int(found["n"]) for found in pooled["groups"].values())
    names = ", ".join(pooled["pooled"])
    partly = any(found["spread"] > 0 for found in pooled["pooled"].values())
    how = "scattering around a common value" if partly else "shared"
    return (
        f"{pooled['law']} describes {count(runs, 'run')} of {count(len(pooled['groups']), 'group')} to "
        f"{percent(pooled['rms'])} with {names} {how}."
    )


def _common(pooled: Json) -> Section:
    rows = tuple(
        (
            name,
            with_error(found["value"], found["error"]),
            plain(found["spread"], digits=2) if found["spread"] > 0 else "",
        )
        for name, found in pooled["pooled"].items()
    )
    grid = Grid(("coefficient", "common value", "spread between groups"), rows, "lrr")
    formula = next(iter(pooled["groups"].values()))["formula"]
    return Section("common", "In common", (Formula(str(formula)), grid))


def _groups(groups: Json) -> Section:
    names = list(next(iter(groups.values()))["coef"])
    rows = tuple(
        (
            group,
            str(found["n"]),
            *(with_error(found["coef"][name], _half(found, name)) for name in names),
            percent(found["rms"]),
        )
        for group, found in groups.items()
    )
    grid = Grid(
        ("group", "runs", *names, "rms"), rows, "lr" + "r" * len(names) + "r", "± one standard deviation of the draws"
    )
    return Section("groups", "Groups", (grid,))


def _half(found: Json, name: str) -> float | None:
    pair = found["draws"]["intervals"][name].get("0.5")
    # half of a central 50 % interval is .6745 standard deviations of a normal
    return None if pair is None else (pair[1] - pair[0]) / (2 * 0.6745)
