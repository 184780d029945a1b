"""Sections of results that set several fits side by side: laws in order, groups with coefficients in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tenfold.report import verdicts
from tenfold.report.blocks import Formula, Grid, Lines, Para, Picture, Section
from tenfold.report.numbers import count, percent, plain, with_error

Json = Mapping[str, Any]


def ranking_sections(ranking: Json) -> list[Section]:
    """Laws and nulls in order of their error on withheld scales, and what each weighs in the choice if there is one."""
    weights = {member["law"]: member["weight"] for member in ranking.get("members") or []}
    least = min((entry["bic"] for entry in ranking["ranking"] if entry.get("bic") is not None), default=0.0)
    rows = tuple(
        (
            entry["law"] + (" (null)" if entry["null"] else ""),
            str(entry["coefs"]),
            percent(entry["withheld"]),
            percent(entry["rms"]),
            f"{entry['bic'] - least:.0f}" if entry.get("bic") is not None else "",
            f"{weights[entry['law']]:.0%}" if entry["law"] in weights else "",
            "tied with the first" if entry["tied"] else "",
        )
        for entry in ranking["ranking"]
    )
    headers = ("law", "coefficients", "withheld error", "in-sample error", "BIC above least", "share", "")
    grid = Grid(headers, rows, "lrrrrrl")
    stamped = verdicts.stamp(ranking.get("verdict"))
    blocks = (*stamped, Para(ranking_verdict(ranking), lead=True), Picture("ranking"), grid)
    out = [Section("ranking", "Laws in order", blocks)]
    if weights:
        out.append(choice_section(ranking))
    if ranking["left_out"]:
        out.append(Section("left-out", "Laws that have no place", (Lines(left_out_lines(ranking["left_out"])),)))
    return out


def choice_section(choice: Json) -> Section:
    """What the choice of laws is made of, and how it predicted withheld scales itself."""
    members = ", ".join(f"{member['law']} {member['weight']:.0%}" for member in choice["members"])
    said = choice["rehearsal"]["sentence"]
    return Section(
        "choice",
        "The choice",
        (
            Para(f"A prediction is the weighted median of {members}; {said}."),
            Para("Coefficients and certificate below are those of the first law alone."),
        ),
    )


def left_out_lines(left_out: Mapping[str, str]) -> tuple[str, ...]:
    """A line a reason, with the laws it holds for; what columns are needed is summed up."""
    by_reason: dict[str, list[str]] = {}
    needed: dict[str, None] = {}
    for name, why in left_out.items():
        head, needs, columns = why.partition("needs ")
        by_reason.setdefault("needs" if needs and not head else why, []).append(name)
        if needs and not head:
            needed |= dict.fromkeys(columns.split(", "))
    lines = []
    for why, names in by_reason.items():
        if why == "needs":
            lines.append(f"{count(len(names), 'law')} need columns that are not there ({', '.join(needed)})")
        else:
            lines.append(f"{', '.join(names)}: {why}")
    return tuple(lines)


def ranking_verdict(ranking: Json) -> str:
    """The first sentence about a ranking."""
    entries = ranking["ranking"]
    first = next(entry for entry in entries if not entry["null"])
    tied = [entry["law"] for entry in entries if entry["tied"]]
    beaten = [entry["law"] for entry in entries[: entries.index(first)]]
    many = count(sum(not entry["null"] for entry in entries), "law")
    if ranking["basis"] != "withheld":
        return (
            f"{first['law']} describes the runs best of {many}, in sample: there are too few scales to withhold one, so "
            "nothing shows that it predicts."
        )
    text = (
        f"Of {many}, {first['law']} predicts withheld larger scales best, to {percent(first['withheld'])} "
        f"over {count(int(ranking['scales']), 'scale')}"
    )
    text += f"; {', '.join(tied)} {'is' if len(tied) == 1 else 'are'} tied with it." if tied else "."
    if beaten:
        text += f" But no law beats the {' or the '.join(beaten)} null: the runs do not show a law of scale."
    return text


def pooled_sections(pooled: Json) -> list[Section]:
    """What groups have in common, and each group's own coefficients."""
    groups = pooled["groups"]
    return [
        verdicts.verdict_section(pooled.get("verdict"), Para(pooled_verdict(pooled), lead=not pooled.get("verdict"))),
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
            str((found.get("verdict") or {}).get("level", "")),
        )
        for group, found in groups.items()
    )
    grid = Grid(
        ("group", "runs", *names, "rms", "verdict"),
        rows,
        "lr" + "r" * len(names) + "rl",
        "± one standard deviation of the draws",
    )
    return Section("groups", "Groups", (grid,))


def _half(found: Json, name: str) -> float | None:
    pair = found["draws"]["intervals"][name].get("0.5")
    # half of a central 50 % interval is .6745 standard deviations of a normal
    return None if pair is None else (pair[1] - pair[0]) / (2 * 0.6745)
