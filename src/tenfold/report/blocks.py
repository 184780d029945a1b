"""What a report is made of: sections of blocks, which the text and the HTML renderers print alike."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Para:
    """A paragraph. ``lead`` marks the one a reader must not miss."""

    text: str
    lead: bool = False


@dataclass(frozen=True, slots=True)
class Lines:
    """A list of sentences; ``warn`` when each is something to heed."""

    items: tuple[str, ...]
    warn: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """Terms and what is known of them."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """A table. ``align`` holds one letter a column: ``l`` for words, ``r`` for numbers."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    align: str
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula in the subset of LaTeX that laws are written in."""

    latex: str


@dataclass(frozen=True, slots=True)
class Code:
    """Text to copy, with the command that uses it."""

    text: str
    command: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """Where a figure stands, by its key; text reports print nothing for it."""

    key: str


@dataclass(frozen=True, slots=True)
class Stamp:
    """A verdict's level with the sentence that gives it: what a reader sees before any number."""

    level: str
    text: str


@dataclass(frozen=True, slots=True)
class Reasons:
    """Reasons of a verdict: level, the sentence for who decides, the one for who runs the next runs."""

    items: tuple[tuple[str, str, str], ...]


Block = Stamp | Reasons | Para | Lines | Facts | Grid | Formula | Code | Picture


@dataclass(frozen=True, slots=True)
class Section:
    """A titled part of a report. ``key`` is its anchor; ``level`` that of the verdict it gives, if it gives one."""

    key: str
    title: str
    blocks: tuple[Block, ...] = field(default_factory=tuple)
    level: str = ""
