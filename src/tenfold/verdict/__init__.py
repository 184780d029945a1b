"""``verdict``: trust, caution or do not use, each with its reasons.

A rule is one function with ``@rule`` in a file of ``rules/``; files are found by walking that folder, nothing is listed
by hand. ``docs/verdicts.md`` is made from the declarations.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tenfold.core.law import Law, Published
from tenfold.verdict import rules as _rules
from tenfold.verdict.case import Case, Drawn, Judged, Predicted, Rehearsed
from tenfold.verdict.rule import LEVELS, Level, Rule

__all__ = [
    "LEVELS",
    "Case",
    "Level",
    "Reason",
    "Rule",
    "Verdict",
    "merged",
    "rules",
    "verdict",
    "verdict_of_evidence",
    "worst",
]

_OPENING: Mapping[str, str] = {"trust": "Trust", "caution": "Caution", "do not use": "Do not use"}


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason: the rule's key, how much it weighs, and what it means to who decides and to who runs the next runs."""

    key: str
    level: Level
    manager: str
    engineer: str
    aside: bool = False  # only worth knowing: it does not carry the verdict

    def to_dict(self) -> dict[str, str]:
        """The stable JSON form."""
        return {"key": self.key, "level": self.level, "manager": self.manager, "engineer": self.engineer}


@dataclass(frozen=True, slots=True)
class Verdict:
    """How far numbers may be used. ``reasons`` come worst first; those at ``trust`` do not stand against the numbers."""

    level: Level
    reasons: tuple[Reason, ...]

    @property
    def sentence(self) -> str:
        """One line: the level and the first reason, and how many more there are of its kind."""
        alike = [reason for reason in self.reasons if reason.level == self.level and not reason.aside]
        if not alike:
            return f"{_OPENING[self.level]}: no rule finds anything that stands against it."
        more = len(alike) - 1
        if self.level == "trust":
            return f"{_OPENING[self.level]}: {alike[0].manager}"
        tail = f" ({more} more reason{'s' if more > 1 else ''})" if more else ""
        return f"{_OPENING[self.level]}: {alike[0].manager.rstrip('.')}{tail}."

    def keys(self, level: Level | None = None) -> tuple[str, ...]:
        """Keys of the reasons, all of them or those of one level."""
        return tuple(reason.key for reason in self.reasons if level is None or reason.level == level)

    def to_dict(self) -> dict[str, Any]:
        """The stable JSON form."""
        return {
            "level": self.level,
            "sentence": self.sentence,
            "reasons": [reason.to_dict() for reason in self.reasons],
        }


@functools.cache
def rules() -> tuple[Rule, ...]:
    """Every rule, in the order of files and of lines.

    >>> len({rule.key for rule in rules()}) == len(rules())
    True
    """
    found: list[Rule] = []
    for info in sorted(pkgutil.iter_modules(_rules.__path__), key=lambda info: info.name):
        module = importlib.import_module(f"{_rules.__name__}.{info.name}")
        declared = {id(v): v for v in vars(module).values() if isinstance(v, Rule) and v.source == module.__name__}
        found.extend(sorted(declared.values(), key=lambda rule: rule.order))
    return tuple(found)


def verdict(
    fit: Judged,
    *,
    rehearsal: Rehearsed | None = None,
    draws: Drawn | None = None,
    prediction: Predicted | None = None,
) -> Verdict:
    """How far a fit, or one prediction of it, may be used.

    Args:
        fit: a fit with its certificate. rehearsal: how it predicted withheld scales. draws: its uncertainty.
        prediction: one prediction of a forecast; the verdict then depends on where it lies.

    Example:
        >>> from tenfold import fit, read_runs
        >>> verdict(fit("chinchilla", read_runs("data:bytes"))).level
        'caution'
    """
    return _judge(Case(fit, rehearsal, draws, prediction))


def verdict_of_evidence(law: Law, evidence: Published, *, prediction: Predicted) -> Verdict:
    """How far a prediction from published constants may be used."""
    return _judge(Case(prediction=prediction, law=law, evidence=evidence))


def _judge(case: Case) -> Verdict:
    seen = []
    for place, rule in enumerate(rules()):
        for said in rule(case):
            reason = Reason(rule.key, said.level, said.manager, said.engineer, said.aside)
            # what is said of the prediction itself comes before what is said of the fit behind it
            seen.append((-LEVELS.index(said.level), said.aside, rule.about != "forecast", place, reason))
    reasons = tuple(item[-1] for item in sorted(seen, key=lambda item: item[:-1]))
    return Verdict(worst(reason.level for reason in reasons), reasons)


def merged(verdicts: Iterable[Verdict]) -> Verdict:
    """Several verdicts as one: the worst level, and each reason once."""
    listed = list(verdicts)
    reasons = list(dict.fromkeys(reason for each in listed for reason in each.reasons))
    reasons.sort(key=lambda reason: -LEVELS.index(reason.level))
    return Verdict(worst(each.level for each in listed), tuple(reasons))


def worst(levels: Iterable[Level]) -> Level:
    """The worst of some levels; trust when there are none.

    >>> worst(["trust", "do not use", "caution"])
    'do not use'
    """
    return max(levels, key=LEVELS.index, default="trust")
