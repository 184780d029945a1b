"""The verdict as a report shows it: the level before the number, then the reasons, worst first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tenfold.report.blocks import Block, Reasons, Section, Stamp
from tenfold.report.words import sentence

Json = Mapping[str, Any]

_MARKS = {"trust": "- ", "caution": "! ", "do not use": "x "}


def mark(level: str) -> str:
    """What stands before a reason in plain text."""
    return _MARKS.get(level, "- ")


def stamp(verdict: Json | None) -> tuple[Block, ...]:
    """The level and its sentence; nothing for a result that has no verdict."""
    if not verdict:
        return ()
    head, _, tail = str(verdict["sentence"]).partition(": ")
    return (Stamp(str(verdict["level"]), tail[:1].upper() + tail[1:] if tail else head),)


def reasons(verdict: Json | None, *, known: Iterable[str] = ()) -> tuple[Block, ...]:
    """Every reason but those whose sentence is known already."""
    said = set(known)
    rows: dict[tuple[str, str], list[str]] = {}
    for reason in (verdict or {}).get("reasons") or []:
        if reason["engineer"] not in said:
            rows.setdefault((str(reason["level"]), str(reason["manager"])), []).append(str(reason["engineer"]))
    items = tuple((*head, " ".join(sentence(text) for text in tail)) for head, tail in rows.items())
    return (Reasons(items),) if items else ()


def level_words(verdict: Json | None) -> str:
    """What stands behind a number that is not to be trusted as it is."""
    level = (verdict or {}).get("level")
    return f" (verdict: {level})" if level and level != "trust" else ""


def sentences(verdict: Json | None) -> set[str]:
    """What the reasons of a verdict say to who runs the next runs."""
    return {str(reason["engineer"]) for reason in (verdict or {}).get("reasons") or []}


def verdict_section(verdict: Json | None, *blocks: Block) -> Section:
    """The verdict first, what it is about next, and why."""
    level = str((verdict or {}).get("level") or "")
    return Section("verdict", "Verdict", (*stamp(verdict), *blocks, *reasons(verdict)), level)
