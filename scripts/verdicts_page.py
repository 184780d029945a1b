"""The generated page of verdicts: every rule with its thresholds and their reasons, and how verdicts fell where the truth
is known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tenfold.verdict import Rule, rules

SOURCE = Path(__file__).resolve().parent.parent / "benchmarks" / "verdicts.json"
PUBLIC = SOURCE.with_name("judged.json")
LEVELS = ("trust", "caution", "do not use")

TOP = """# Verdicts

Every fit, forecast, plan and study carries a verdict: **trust**, **caution** or **do not use**, with its reasons. It stands
before the number in text, under `verdict` in JSON (`level`, `sentence` and `reasons`, each with `key`, `level`, `manager`
and `engineer`), at the top of the page and, where a forecast goes beyond what rehearsal supports, in the figures: bands are
hatched, intervals dotted and points hollow there.

A verdict is as bad as its worst reason. Reasons come from {many} rules. A rule is one function with its thresholds in its
signature, in `src/tenfold/verdict/rules/`; this page is made from the declarations. Rules about the fit are asked always;
rules about a forecast where there is a target, so the verdict depends on where the target lies. From Python it is
`fit(...).verdict`, `forecast(...).verdict`, or `tenfold.verdict.verdict(fit, rehearsal=..., draws=..., prediction=...)`.
"""

MEASURED = """## Where the truth is known

`python -m benchmarks.verdicts`: ladders of `tenfold simulate ladder` ({tables} of each kind), clean or spoiled in one way,
fitted by the law of Chinchilla. The forecast lies at the compute optimum one decade beyond the runs. Under each level stand the
share of ladders, and the median and the worst error of their forecasts; behind it the rules that were heard most.

| ladder | trust | caution | do not use | rules heard |
|---|---|---|---|---|
"""

JUDGED = """
## On withheld scales of public tables

`python -m benchmarks.judged FOLDER`: every task of [the arena](arena.md), forecast at up to {points} withheld points as a user would ask for
it. Under each level stand the number of forecasts and of tables, their median error and the error that nine in ten stay
below, and the share of them that their 90 % intervals held. Here the truth is one run, with its own noise.

| law | trust | caution | do not use |
|---|---|---|---|
"""


def verdicts_page(source: Path = SOURCE, public: Path = PUBLIC) -> str:
    """The page."""
    found = rules()
    parts = [TOP.format(many=len(found))]
    for module in dict.fromkeys(rule.source for rule in found):
        parts.append(f"## {_title(module)}\n")
        parts += [_rule(rule) for rule in found if rule.source == module]
    parts.append(_measured(source))
    parts.append(_judged(public))
    return "\n".join(parts) + "\n"


def _title(module: str) -> str:
    import importlib

    return str(importlib.import_module(module).__doc__).strip().splitlines()[0]


def _rule(rule: Rule) -> str:
    where = " (asked of a forecast)" if rule.about == "forecast" else ""
    lines = [f"### `{rule.key}`{where}\n", f"**{rule.title}** {rule.why.replace('``', '`')}\n"]
    if rule.thresholds:
        lines.append("Thresholds: " + ", ".join(f"`{name}` {value:g}" for name, value in rule.thresholds.items()) + ".\n")
    return "\n".join(lines)


def _measured(source: Path) -> str:
    if not source.is_file():
        return "## Where the truth is known\n\nNot measured yet: `python -m benchmarks.verdicts`."
    cells = json.loads(source.read_text())["cells"]
    rows = []
    for name, cell in cells.items():
        levels = " | ".join(_level(cell["levels"][level]) for level in LEVELS)
        heard = ", ".join(f"{key} {100 * share:.0f} %" for key, share in list(cell["keys"].items())[:5])
        refused = f"; {cell['refused']} refused to fit" if cell["refused"] else ""
        rows.append(f"| {name}: {cell['what']}{refused} | {levels} | {heard} |")
    tables = min(cell["tables"] for cell in cells.values())
    return MEASURED.format(tables=tables) + "\n".join(rows)


def _judged(source: Path) -> str:
    if not source.is_file():
        return "\n## On withheld scales of public tables\n\nNot measured yet: `python -m benchmarks.judged FOLDER`."
    found = json.loads(source.read_text())
    rows = []
    for law, made in found["laws"].items():
        refused = f" ({made['refused']} of {made['tasks']} tasks refused)" if made["refused"] else ""
        rows.append(f"| {law}{refused} | {' | '.join(_points(made[level]) for level in LEVELS)} |")
    return JUDGED.format(points=found["points"]) + "\n".join(rows)


def _points(found: dict[str, Any]) -> str:
    if not found["points"]:
        return "none"
    return (
        f"{found['points']} of {found['tables']} tables: {100 * found['median_error']:.1f} %, {100 * found['ninth_decile']:.1f} %; "
        f"{100 * found['inside_90']:.0f} % inside"
    )


def _level(found: dict[str, Any]) -> str:
    if not found["share"]:
        return "0 %"
    return (
        f"{100 * found['share']:.0f} % ({100 * found['median_error']:.1f}, {100 * found['worst_error']:.1f} %; "
        f"{100 * found['inside_90']:.0f} % inside)"
    )
