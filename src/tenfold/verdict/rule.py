"""What a rule is: one function from a case to the reasons it sees, with its thresholds in its signature."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from tenfold.verdict.case import Case

Level = Literal["trust", "caution", "do not use"]
LEVELS: tuple[Level, ...] = ("trust", "caution", "do not use")


@dataclass(frozen=True, slots=True)
class Said:
    """What a rule has to say: a level, one sentence for who decides and one for who runs the next runs."""

    level: Level
    manager: str
    engineer: str
    aside: bool = False


def support(manager: str, engineer: str) -> Said:
    """Something that speaks for the numbers."""
    return Said("trust", manager, engineer)


def note(manager: str, engineer: str) -> Said:
    """Something that is only worth knowing: it neither lowers a verdict nor carries it."""
    return Said("trust", manager, engineer, aside=True)


def caution(manager: str, engineer: str) -> Said:
    """Something that limits what the numbers may be used for."""
    return Said("caution", manager, engineer)


def refuse(manager: str, engineer: str) -> Said:
    """Something that makes the numbers worse than none."""
    return Said("do not use", manager, engineer)


Check = Callable[..., Iterator[Said]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A declared rule. ``thresholds`` are the keyword-only defaults of its function; ``order`` its line in its file."""

    key: str
    about: str
    check: Check
    title: str
    why: str
    source: str
    order: int
    thresholds: dict[str, Any] = field(default_factory=dict)

    def __call__(self, case: Case) -> list[Said]:
        """What the rule says of a case; nothing where it has nothing to go by."""
        if self.about == "forecast" and case.prediction is None:
            return []
        return list(self.check(case))


def rule(key: str, *, about: str = "fit") -> Callable[[Check], Rule]:
    """Declare a rule.

    The docstring's first line says what it looks for and the rest why its thresholds are what they are; both stand in
    ``docs/verdicts.md``. Rules ``about="fit"`` are asked always, those ``about="forecast"`` where there is a prediction.
    """

    def declare(check: Check) -> Rule:
        title, _, why = inspect.cleandoc(check.__doc__ or "").partition("\n")
        parameters = inspect.signature(check).parameters.values()
        thresholds = {p.name: p.default for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}
        line = check.__code__.co_firstlineno
        return Rule(key, about, check, title, " ".join(why.split()), check.__module__, line, thresholds)

    return declare
