"""Reproductions: a published number, ours, how far apart they may be, and why.

A topic is a module of this folder that declares functions with :func:`reproduction`. Each function computes one or
more numbers; each number is a test of its own (``test_reproductions.py``) and a row of ``docs/reproductions.md``.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
HELPERS = ("record", "__init__")


@dataclass(frozen=True, slots=True)
class Target:
    """What a number should be.

    ``published`` is what the paper, its code or the card of the table prints. ``rel`` or ``abs`` says how far ours may
    be from it. Where the published number cannot be had, ``ours`` pins what we get instead, the tolerance holds around
    that, and the reason says why the two differ.
    """

    published: float
    rel: float = 0.0
    abs: float = 0.0
    ours: float | None = None

    @property
    def aim(self) -> float:
        """What ours is compared with."""
        return self.published if self.ours is None else self.ours

    @property
    def tolerance(self) -> float:
        """The largest distance allowed."""
        return max(self.rel * abs_(self.aim), self.abs)


def abs_(value: float) -> float:
    """The size of a number; ``abs`` is a field above."""
    return value if value >= 0 else -value


@dataclass(frozen=True, slots=True)
class Reproduction:
    """One function and the numbers it must give."""

    name: str
    law: str
    source: str
    reason: str
    targets: Mapping[str, Target]
    values: Callable[[], Mapping[str, float]]
    module: str


_DECLARED: dict[str, Reproduction] = {}


def reproduction(
    *, law: str, source: str, reason: str, targets: Mapping[str, Target]
) -> Callable[[Callable[[], Mapping[str, float]]], Callable[[], Mapping[str, float]]]:
    """Declare a reproduction.

    Args:
        law: the law or verb it exercises. source: where the numbers stand.
        reason: why the tolerance is what it is, and where a number is pinned, why it differs.
        targets: number by name, as the function returns them.

    Example:
        @reproduction(law="chinchilla", source="Besiroglu et al. (2024), table 1", reason="...",
                      targets={"alpha": Target(0.3478, abs=0.0005)})
        def besiroglu_least_absolute():
            return {"alpha": fitted.coef["alpha"]}
    """

    def declare(fn: Callable[[], Mapping[str, float]]) -> Callable[[], Mapping[str, float]]:
        name = fn.__name__
        if name in _DECLARED and _DECLARED[name].module != fn.__module__:
            raise ValueError(f"two reproductions are called {name!r}")
        cached = functools.cache(fn)
        _DECLARED[name] = Reproduction(name, law, source, reason, dict(targets), cached, fn.__module__)
        return cached

    return declare


def reproductions() -> dict[str, Reproduction]:
    """Every reproduction of the folder, by name, in alphabetical order of modules."""
    for path in sorted(FOLDER.glob("*.py")):
        if path.stem not in HELPERS and not path.stem.startswith("test_"):
            importlib.import_module(f"reproduce.{path.stem}")
    return dict(_DECLARED)
