"""A figure before anybody draws it: axes, marks and labels, the same for the web page and for paper.

Colours are tokens (``ink``, ``blue``, ``s3`` …) that each renderer looks up in its theme; positions are in data units.
"""

from __future__ import annotations

from dataclasses import dataclass

from tenfold.report.ticks import Tick

Numbers = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Scale:
    """One axis of a figure."""

    title: str
    low: float
    high: float
    ticks: tuple[Tick, ...]
    log: bool = True


@dataclass(frozen=True, slots=True)
class Dots:
    """Points. ``shape`` is ``dot``, ``ring``, ``cross``, ``diamond``, ``hollow`` (a diamond) or ``square``.

    ``colour`` is one token or one each.
    """

    x: Numbers
    y: Numbers
    colour: str | tuple[str, ...]
    shape: str = "dot"
    size: float = 8.0


@dataclass(frozen=True, slots=True)
class Stroke:
    """A line. ``dash`` is ``solid``, ``dash`` or ``dot``."""

    x: Numbers
    y: Numbers
    colour: str
    width: float = 2.0
    dash: str = "solid"


@dataclass(frozen=True, slots=True)
class Ribbon:
    """A band between two lines: filled, or ``hatched`` where it is drawn but not vouched for."""

    x: Numbers
    low: Numbers
    high: Numbers
    colour: str
    hatched: bool = False


@dataclass(frozen=True, slots=True)
class Whisker:
    """A vertical interval. ``dash`` is ``solid``, or ``dot`` where it is drawn but not vouched for."""

    x: float
    low: float
    high: float
    colour: str
    width: float = 2.0
    dash: str = "solid"


Mark = Dots | Stroke | Ribbon | Whisker


@dataclass(frozen=True, slots=True)
class Label:
    """Text beside a point. ``sides`` are tried in order: ``above``, ``below``, ``right``, ``left``, ``top`` of the plot.

    ``short`` replaces ``text`` where there is little room; when it is empty the label is left out there. ``also`` are
    other points that the label may stand beside when there is no room at the first.
    """

    x: float
    y: float
    text: str
    colour: str = "ink"
    sides: tuple[str, ...] = ("above", "below", "right", "left")
    short: str | None = None
    gap: float = 8.0
    also: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Scene:
    """A figure. ``words`` is its equivalent in one sentence; ``key`` names colours that no label can sit beside."""

    x: Scale
    y: Scale
    marks: tuple[Mark, ...]
    labels: tuple[Label, ...]
    words: str
    title: str
    key: tuple[tuple[str, str], ...] = ()
    height: int = 440
