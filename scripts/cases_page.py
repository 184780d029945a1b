"""The generated page of case studies: the declarations of ``examples/case-studies`` with the results that
``python -m benchmarks.cases`` saved."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tenfold.arena.cards import CARDS
from tenfold.io.config import load_toml

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.cases import Ask, Study, studies  # noqa: E402  the package lies beside scripts/, not in it

RESULTS = ROOT / "benchmarks" / "cases.json"
LEVELS = ("trust", "caution", "do not use")

TOP = """# Case studies

{cases} questions that people ask, each put to tenfold on a public table from which the answer had been taken out, and then
held against it. The withheld rows were used for nothing but judging; `benchmarks/cases.py` refuses a case whose command
could see a row that judges it. Everything here is made by `python -m benchmarks.cases DATA`, from the declarations in
`examples/case-studies/`; `DATA` is the folder that holds the public tables, and each case names its source.

{answers} answers: {tally}.

A verdict is about an answer's right to be believed before the truth is known. So a "do not use" whose interval happened to
hold the truth is no contradiction, and a "trust" or "caution" outside it is one; where that happened the case says why.

| case | asked | verdict | said, with its 90 % interval | measured | inside |
|---|---|---|---|---|---|
{rows}
"""


def cases_page(source: Path = RESULTS) -> str:
    """The page."""
    saved: dict[str, Any] = json.loads(source.read_text()) if source.is_file() else {}
    found = {name: study for name, study in studies().items() if name in saved}
    answers = [(judged["level"], judged) for name in found for each in saved[name]["asks"] for judged in each["judged"]]
    rows = [row for study in found.values() for row in _rows(study, saved[study.name])]
    top = TOP.format(cases=len(found), answers=len(answers), tally=_tally(answers), rows="\n".join(rows))
    return top + "\n" + "\n".join(_section(study, saved[study.name]) for study in found.values())


def _tally(answers: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    parts = []
    for level in LEVELS:
        inside = [judged["inside"] for said, judged in answers if said == level]
        if inside:
            parts.append(f"{len(inside)} {level} ({sum(inside)} with the truth inside the interval)")
    return ", ".join(parts)


def _rows(study: Study, result: Mapping[str, Any]) -> list[str]:
    made = []
    for each in result["asks"]:
        for judged in each["judged"]:
            anchor = study.title.lower().translate({ord(mark): None for mark in ",.:'?"}).replace(" ", "-")
            made.append(
                f"| [{study.name}](#{anchor}) | {each['what']}: {judged['at']} | {judged['level']} | {_interval(judged)} | "
                f"{_number(judged['measured'])} | {'yes' if judged['inside'] else '**no**'} |"
            )
    return made


def _section(study: Study, result: Mapping[str, Any]) -> str:
    card = load_toml(CARDS / f"{study.table.split('.')[0]}.toml")
    parts = [f"## {study.title}\n", f"**{study.question.strip()}**\n", f"Table: {card['title']} ({card['source']}).\n"]
    for ask, made in zip(study.asks, result["asks"], strict=True):
        parts.append(_answer(ask, made, several=len(study.asks) > 1))
    parts.append(f"**What it teaches.** {' '.join(study.lesson.split())}\n")
    return "\n".join(parts)


def _answer(ask: Ask, made: Mapping[str, Any], *, several: bool) -> str:
    lines = [f"### {ask.what[0].upper()}{ask.what[1:]}\n"] if several else []
    lines += ["```sh", _typed(ask), "```\n", "```text", made["printed"], "```\n"]
    lines.append(f"Verdict: **{made['level']}**{_worst(made)}.\n")
    for reason in made["reasons"]:
        told = reason["engineer"]
        lines.append(f"- Who decides is told: {reason['manager']}\n  Who runs is told: {told[0].upper()}{told[1:]}")
    if made["more"]:
        lines.append(f"- and {made['more']} more reason{'s' if made['more'] > 1 else ''} of that level")
    lines.append("\nWithheld and then measured:\n")
    for judged in made["judged"]:
        where = "inside the 90 % interval" if judged["inside"] else "**outside** the 90 % interval"
        side = "too high" if judged["error"] > 0 else "too low"
        lines.append(
            f"- {judged['at']}: {_number(judged['measured'])}, {where}; the forecast {_number(judged['center'])} was "
            f"{100 * abs(judged['error']):.2g} % {side}"
        )
    return "\n".join(lines) + "\n"


def _worst(made: Mapping[str, Any]) -> str:
    """Which targets the level holds for, where it does not for all."""
    levels = [judged["level"] for judged in made["judged"]]
    return "" if len({*levels}) == 1 else " at worst; target by target " + ", ".join(levels)


def _typed(ask: Ask) -> str:
    """The command over several lines, as one would type it."""
    lines = [["tenfold"]]
    for word in ask.words:
        if word.startswith("--"):
            lines.append([])
        lines[-1].append(word if word.startswith("--") else shlex.quote(word) if "'" not in word else f'"{word}"')
    return " \\\n  ".join(" ".join(line) for line in lines)


def _interval(judged: Mapping[str, Any]) -> str:
    low, high = judged["interval"]
    return f"{_number(judged['center'])} [{_number(low)}, {_number(high)}]"


def _number(value: float) -> str:
    if abs(value) >= 1e6:
        return f"{value / 1e6:.3g} M" if abs(value) < 1e9 else f"{value / 1e9:.3g} B"
    return f"{value:.4g}"
