"""What a solvable model's declaration says, as plain values: its docstring without markup, its settings with meanings."""

from __future__ import annotations

import inspect
import re
from typing import Any

from tenfold.simulate.kinds import Simulator

_ROLE = re.compile(r":(\w+):`([^`]*)`")
_HEADS = ("Args:", "Raises:", "Example:", "Returns:")


def description(model: Simulator) -> str:
    """The docstring between its first line and its first section, as it was written."""
    lines = inspect.getdoc(model.make) or ""
    kept: list[str] = []
    for line in lines.splitlines()[1:]:
        if line in _HEADS:
            break
        kept.append(line)
    return "\n".join(kept).strip()


def meanings(model: Simulator) -> dict[str, str]:
    """What each setting means, from the ``Args`` of the docstring; names that share a text share their meaning.

    A setting that is only mentioned in another's text, in double backquotes, refers to that one.

    Example:
        >>> from tenfold.simulate import get
        >>> from tenfold.simulate.facts import meanings
        >>> meanings(get("task-mixture"))["alpha"]
        'how fast frequencies fall, above 0'
    """
    text = " ".join(_section(model, "Args:").split())
    name = "|".join(sorted((re.escape(each) for each in (*model.settings, "seed")), key=len, reverse=True))
    start = re.compile(rf"(?:^|(?<=[.;] ))((?:{name})(?:, (?:{name}))*): ")
    found = list(start.finditer(text))
    raw: dict[str, str] = {}
    for place, match in enumerate(found):
        end = found[place + 1].start() if place + 1 < len(found) else len(text)
        raw |= dict.fromkeys(match.group(1).split(", "), text[match.end() : end].strip().rstrip(".;"))
    out: dict[str, str] = {}
    for each in model.settings:
        other = next((name for name, said in raw.items() if f"``{each}``" in said), "")
        if each in raw:
            out[each] = without_markup(raw[each])
        elif other:
            out[each] = f"see {other}"
    return out


def without_markup(text: str) -> str:
    """Text without roles and double backquotes; formulas stay in LaTeX, without dollar signs."""
    return _ROLE.sub(lambda match: match.group(2), text).replace("``", "")


def model_to_dict(model: Simulator) -> dict[str, Any]:
    """The facts of a declaration. Keys are stable."""
    said = meanings(model)
    cite = model.cite
    return {
        "name": model.name,
        "summary": model.summary,
        "cite": {"authors": cite.authors, "year": cite.year, "title": cite.title, "id": cite.id, "where": cite.where},
        "settings": {
            name: {"default": value, "meaning": said.get(name, "")} for name, value in model.settings.items()
        },
    }  # fmt: skip


def _section(model: Simulator, head: str) -> str:
    lines = (inspect.getdoc(model.make) or "").splitlines()
    if head not in lines:
        return ""
    kept: list[str] = []
    for line in lines[lines.index(head) + 1 :]:
        if line and not line.startswith(" "):
            break
        kept.append(line)
    return "\n".join(kept)
